//! Fields of structs and of variants: their names, their order, and those that are left out.

use serde::ser::{Error, Serialize, SerializeStruct, SerializeStructVariant};

use super::Watched;
use crate::codec::notice::{Part, PathStep, Place, Weight};
use crate::schema::{Reading, Spot, TypeShape};

/// The fields of one struct, in the order in which they are written.
pub(super) struct WatchedFields<'a, C> {
    inner: C,
    place: Place<'a>,
    asked: &'a Reading,
    /// The names that are read; none if something else is read.
    names: Option<&'static [&'static str]>,
    variant: Option<&'static str>,
    /// Where in the names the next field is looked for.
    next: usize,
    /// How many of the fields that are read were written, or left out by name.
    met: usize,
}

impl<'a> WatchedFields<'a, ()> {
    pub(super) fn new(place: Place<'a>, variant: Option<&'static str>) -> Self {
        let asked = place.asked();
        let names = match asked.shape {
            TypeShape::Struct(_, names) if variant.is_none() => Some(names),
            TypeShape::StructVariant(names) if variant.is_some() => Some(names),
            _ => None,
        };
        Self { inner: (), place, asked, names, variant, next: 0, met: 0 }
    }

    pub(super) fn with<C>(self, inner: C) -> WatchedFields<'a, C> {
        let Self { inner: (), place, asked, names, variant, next, met } = self;
        WatchedFields { inner, place, asked, names, variant, next, met }
    }
}

impl<C> WatchedFields<'_, C> {
    /// Writes one field with `write`, under watch.
    #[inline]
    fn field<T: ?Sized, E: Error>(
        &mut self,
        name: &'static str,
        value: &T,
        write: impl FnOnce(&mut C, &Watched<'_, T>) -> Result<(), E>,
    ) -> Result<(), E> {
        let spot = self.claim(name)?;
        let trail = self.place.trail.then(self.step(name));
        let place = Place { spot, trail: &trail, in_some: false, ..self.place };
        write(&mut self.inner, &Watched { value, place })
    }

    fn step(&self, name: &'static str) -> PathStep {
        PathStep { variant: self.variant, part: Part::Field(name) }
    }

    /// Where a field is read that is written now.
    #[inline]
    fn claim<E: Error>(&mut self, name: &'static str) -> Result<Spot, E> {
        let Some(names) = self.names else {
            return Ok(Spot::UNKNOWN);
        };
        if self.asked.is_exact && names.get(self.next) == Some(&name) {
            let spot = self.asked.part(self.next);
            (self.next, self.met) = (self.next + 1, self.met + 1);
            return Ok(spot);
        }
        self.search(names, name)
    }

    /// Looks for a field that is not the next one, or that may have other names before it.
    #[cold]
    fn search<E: Error>(
        &mut self,
        names: &'static [&'static str],
        name: &'static str,
    ) -> Result<Spot, E> {
        let is_named = self.place.is_named();
        let start = if is_named { 0 } else { self.next };
        let ahead = names.get(start..).unwrap_or_default();
        let found = ahead.iter().position(|known| *known == name).map(|at| start + at);
        let is_in_turn = found.is_some() && (is_named || !self.asked.is_exact);
        if is_in_turn {
            let index = if self.asked.is_exact { found.unwrap_or_default() } else { self.met };
            self.next = found.unwrap_or_default() + 1;
            self.met += 1;
            if !self.asked.is_exact {
                self.at(name, |place| {
                    place.doubt(Weight::Unknown, || "stands beside names not all seen".to_owned());
                });
                return Ok(if is_named { Spot::UNKNOWN } else { self.asked.part(index) });
            }
            return Ok(self.asked.part(index));
        }
        if is_named {
            let what = || "is written, but nobody reads a field of this name".to_owned();
            self.at(name, |place| place.doubt(Weight::Differs, what));
            return Ok(Spot::UNKNOWN);
        }
        let read = names.get(self.next).copied();
        Err(self.at(name, |place| {
            place.refuse(|| match read {
                Some(read) => format!(
                    "is written where the field `{read}` is read (an attribute that acts on one \
                     side only?); give both sides the same fields and names, or add \
                     `alias = \"{name}\"` to the one that reads it"
                ),
                None => "is written, but not read (`skip_deserializing`?); write and read the \
                         same fields"
                    .to_owned(),
            })
        }))
    }

    /// A field that is left out of this value by name.
    #[cold]
    fn left_out<E: Error>(&mut self, name: &'static str) -> Result<(), E> {
        let Some(names) = self.names else {
            return Ok(());
        };
        if !names.contains(&name) {
            let what = || "is left out, and not read".to_owned();
            self.at(name, |place| place.doubt(Weight::Differs, what));
        } else if self.place.is_named() {
            self.met += 1;
            let what = || {
                "is left out (`skip_serializing_if`), and what is read instead is another value; \
                 give its reader a `default` that is equal to what is left out"
                    .to_owned()
            };
            self.at(name, |place| place.doubt(Weight::Differs, what));
        } else {
            return Err(self.at(name, |place| {
                place.refuse(|| {
                    "is left out (`skip_serializing_if`), but postcard has no names and reads \
                     what follows in its place; use `codec = Json`, or write the field always"
                        .to_owned()
                })
            }));
        }
        Ok(())
    }

    /// Whether all fields that are read were written.
    fn check_all<E: Error>(&self) -> Result<(), E> {
        let Some(names) = self.names else {
            return Ok(());
        };
        let (met, is_named) = (self.met, self.place.is_named());
        // Beside a tag there is content only where its variant has some.
        let is_tagged = self.asked.parts.iter().any(|&part| self.place.reads_tag(part));
        let is_right = |read| met == read || is_named && met > read || is_tagged;
        match self.asked.fields {
            Some(read) if !is_right(read) => Err(self.place.refuse(|| {
                let (names, which) = (names.join("`, `"), self.variant.unwrap_or("it"));
                format!(
                    "is written with {met} of the {read} fields that are read of {which}, \
                     `{names}`; write and read the same fields under the same names \
                     (`skip_serializing` and `rename(…)` act on one side only)"
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

    /// Says something of a field.
    fn at<R>(&self, name: &'static str, say: impl FnOnce(&Place<'_>) -> R) -> R {
        let trail = self.place.trail.then(self.step(name));
        say(&Place { trail: &trail, ..self.place })
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

            fn end(self) -> Result<C::Ok, C::Error> {
                self.check_all()?;
                self.inner.end()
            }
        }
    )*};
}

fields! { SerializeStruct SerializeStructVariant }
