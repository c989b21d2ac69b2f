//! Fields of structs and of variants: their names, their order, and those that are left out.

use serde::ser::{Error, Serialize, SerializeStruct, SerializeStructVariant};

use super::Watched;
use crate::codec::notice::{Part, Place, Trail, TrailStep, Weight};
use crate::schema::{Expected, TypeShape};

/// The fields of one struct, in the order in which they are written.
pub(super) struct WatchedFields<'a, C> {
    inner: C,
    place: Place<'a>,
    /// The way to the field that is written now.
    trail: Trail<'a>,
    /// The names that are read; none if something else is read.
    names: Option<&'static [&'static str]>,
    /// Where in the names the next field is looked for.
    next: usize,
    /// How many of the fields that are read were written, or left out by name.
    met: usize,
}

impl<'a> WatchedFields<'a, ()> {
    #[inline]
    pub(super) fn new(place: Place<'a>, variant: Option<&'static str>) -> Self {
        let names = match place.asked.shape {
            TypeShape::Struct(_, names) if variant.is_none() => Some(names),
            TypeShape::StructVariant(names) if variant.is_some() => Some(names),
            _ => None,
        };
        let trail = place.trail.then(TrailStep { variant, part: Part::Whole });
        Self { inner: (), place, trail, names, next: 0, met: 0 }
    }

    #[inline]
    pub(super) fn with<C>(self, inner: C) -> WatchedFields<'a, C> {
        let Self { inner: (), place, trail, names, next, met } = self;
        WatchedFields { inner, place, trail, names, next, met }
    }
}

impl<'a, C> WatchedFields<'a, C> {
    /// Writes one field with `write`, under watch.
    #[inline]
    fn field<T: ?Sized, E: Error>(
        &mut self,
        name: &'static str,
        value: &T,
        write: impl FnOnce(&mut C, &Watched<'_, T>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.trail.step.part = Part::Field(name);
        let asked = self.claim(name)?;
        let place = Place { asked, trail: &self.trail, in_some: false };
        write(&mut self.inner, &Watched { value, place })
    }

    /// Where a field is read that is written now.
    #[inline]
    fn claim<E: Error>(&mut self, name: &'static str) -> Result<&'a Expected, E> {
        let Some(names) = self.names else {
            return Ok(Expected::nothing());
        };
        if self.place.asked.is_exact && self.place.asked.is_named(self.next, names, name) {
            let asked = self.place.part(self.next);
            (self.next, self.met) = (self.next + 1, self.met + 1);
            return Ok(asked);
        }
        self.search(names, name)
    }

    /// Looks for a field that is not the next one, or that may have other names before it.
    #[cold]
    fn search<E: Error>(
        &mut self,
        names: &'static [&'static str],
        name: &'static str,
    ) -> Result<&'a Expected, E> {
        let is_named = self.place.is_named();
        let start = if is_named { 0 } else { self.next };
        let ahead = names.get(start..).unwrap_or_default();
        let found = ahead.iter().position(|known| *known == name).map(|at| start + at);
        let is_in_turn = found.is_some() && (is_named || !self.place.asked.is_exact);
        if is_in_turn {
            let is_exact = self.place.asked.is_exact;
            let index = if is_exact { found.unwrap_or_default() } else { self.met };
            (self.next, self.met) = (found.unwrap_or_default() + 1, self.met + 1);
            // JSON does not mind the order, but a name that is written twice.
            let what = || "is written in another order than it is read".to_owned();
            let beside = || "stands beside names that were not all seen".to_owned();
            if is_exact {
                self.here().doubt(Weight::Differs, what);
            } else {
                self.here().doubt(Weight::Unknown, beside);
            }
            let is_known = is_exact || !is_named;
            return Ok(if is_known { self.place.part(index) } else { Expected::nothing() });
        }
        if is_named {
            let what = || "is written, but nobody reads a field of this name".to_owned();
            self.here().doubt(Weight::Differs, what);
            return Ok(Expected::nothing());
        }
        let read = names.get(self.next).copied();
        Err(self.here().refuse(|| match read {
            Some(read) => format!(
                "is written where the field `{read}` is read (an attribute that acts on one \
                     side only?); give both sides the same fields and names, or add \
                     `alias = \"{name}\"` to the one that reads it"
            ),
            None => "is written, but not read (`skip_deserializing`?); write and read the \
                         same fields"
                .to_owned(),
        }))
    }

    /// A field that is left out of this value by name.
    #[cold]
    fn left_out<E: Error>(&mut self, name: &'static str) -> Result<(), E> {
        let Some(names) = self.names else {
            return Ok(());
        };
        self.trail.step.part = Part::Field(name);
        if !names.contains(&name) {
            let what = || "is left out, and not read".to_owned();
            self.here().doubt(Weight::Differs, what);
        } else if self.place.is_named() {
            self.met += 1;
            let what = || {
                "is left out (`skip_serializing_if`), and what is read instead is another value; \
                 give its reader a `default` that is equal to what is left out"
                    .to_owned()
            };
            self.here().doubt(Weight::Differs, what);
        } else {
            return Err(self.here().refuse(|| {
                "is left out (`skip_serializing_if`), but postcard has no names and reads what \
                 follows in its place; use `codec = Json`, or write the field always"
                    .to_owned()
            }));
        }
        Ok(())
    }

    /// Whether all fields that are read were written.
    #[inline]
    fn check_all<E: Error>(&self) -> Result<(), E> {
        match self.names {
            Some(names) if self.place.asked.fields != Some(self.met) => self.check_rest(names),
            _ => Ok(()),
        }
    }

    #[cold]
    fn check_rest<E: Error>(&self, names: &[&str]) -> Result<(), E> {
        let (met, is_named) = (self.met, self.place.is_named());
        // Beside a tag there is content only where its variant has some.
        let is_tagged = (0..names.len()).any(|part| self.place.part(part).shape == TypeShape::Tag);
        match self.place.asked.fields {
            Some(_) if is_tagged => Ok(()),
            // A name that was written twice, which is read once or not at all.
            Some(read) if is_named && met > read => Ok(()),
            Some(read) => Err(self.place.refuse(|| {
                let (names, of) = (names.join("`, `"), self.trail.step.variant.unwrap_or("it"));
                format!(
                    "is written with {met} of the {read} fields that are read of {of}, `{names}`; \
                     write and read the same fields under the same names (`skip_serializing` and \
                     `rename(…)` act on one side only)"
                )
            })),
            None if met != names.len() => {
                let what = || "has fields of which nothing could be seen".to_owned();
                self.place.doubt(Weight::Unknown, what);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The field that is written now.
    fn here(&self) -> Place<'_> {
        Place { trail: &self.trail, ..self.place }
    }
}

/// Writes one field after another.
macro_rules! fields {
    ($($what:ident)*) => {$(
        impl<C: $what> $what for WatchedFields<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), C::Error> {
                self.field(name, value, |inner, value| inner.serialize_field(name, value))
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), C::Error> {
                self.left_out(name)?;
                self.inner.skip_field(name)
            }

            #[inline]
            fn end(self) -> Result<C::Ok, C::Error> {
                self.check_all()?;
                self.inner.end()
            }
        }
    )*};
}

fields! { SerializeStruct SerializeStructVariant }
