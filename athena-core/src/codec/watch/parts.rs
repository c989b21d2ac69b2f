//! Elements of sequences and tuples, keys and values of maps.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeTuple, SerializeTupleStruct,
    SerializeTupleVariant,
};

use super::Watched;
use crate::codec::notice::{Part, Place, Trail, TrailStep, Weight};
use crate::schema::{Expected, TypeShape};

/// The parts of one thing, in order.
pub(super) struct WatchedParts<'a, C> {
    inner: C,
    place: Place<'a>,
    /// The way to the part that is written now.
    trail: Trail<'a>,
    /// What is read of each element, or of each key and each value.
    each: [&'a Expected; 2],
    /// How many elements or entries were announced.
    announced: Option<usize>,
    written: usize,
}

impl<'a> WatchedParts<'a, ()> {
    #[inline]
    pub(super) fn new(place: Place<'a>, part: Part, announced: Option<usize>) -> Self {
        let trail = place.trail.then(TrailStep { variant: None, part });
        let each = match (part, place.asked.shape) {
            (Part::Element, TypeShape::Seq) => [place.part(0), Expected::nothing()],
            (Part::Key, TypeShape::Map) => [place.part(0), place.part(1)],
            _ => [Expected::nothing(); 2],
        };
        Self { inner: (), place, trail, each, announced, written: 0 }
    }

    /// As those of a variant.
    #[inline]
    pub(super) fn of(mut self, variant: &'static str) -> Self {
        self.trail.step.variant = Some(variant);
        self
    }

    #[inline]
    pub(super) fn with<C>(self, inner: C) -> WatchedParts<'a, C> {
        let Self { inner: (), place, trail, each, announced, written } = self;
        WatchedParts { inner, place, trail, each, announced, written }
    }
}

impl<C> WatchedParts<'_, C> {
    /// Writes one part with `write`, under watch.
    #[inline]
    fn next<T: ?Sized, E>(
        &mut self,
        value: &T,
        write: impl FnOnce(&mut C, &Watched<'_, T>) -> Result<(), E>,
    ) -> Result<(), E> {
        let asked = match self.trail.step.part {
            Part::Value => self.each[1],
            Part::Index(index) if self.is_tuple() => self.place.part(index),
            _ => self.each[0],
        };
        let place = Place { asked, trail: &self.trail, in_some: false };
        write(&mut self.inner, &Watched { value, place })
    }

    /// Whether what is written in order is read in order, too.
    #[inline]
    fn is_tuple(&self) -> bool {
        use TypeShape::{Tuple, TupleStruct, TupleVariant};
        matches!(self.place.asked.shape, Tuple(_) | TupleStruct(..) | TupleVariant(_))
    }

    /// Goes on to the next part.
    #[inline]
    fn advance(&mut self) {
        if let Part::Index(index) = &mut self.trail.step.part {
            *index = self.written;
        }
        self.written += 1;
    }

    #[inline]
    fn check_count(&self) {
        let written = self.written;
        if let Some(announced) = self.announced
            && announced != written
        {
            self.place.doubt(Weight::Differs, || {
                format!("announces {announced} parts when it is written, and then writes {written}")
            });
        }
        if !matches!(self.trail.step.part, Part::Index(_)) {
            self.place.count(written);
        }
    }
}

/// Writes one part after another.
macro_rules! sequences {
    ($($what:ident: $method:ident;)*) => {$(
        impl<C: $what> $what for WatchedParts<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                self.advance();
                self.next(value, |inner, value| inner.$method(value))
            }

            #[inline]
            fn end(self) -> Result<C::Ok, C::Error> {
                self.check_count();
                self.inner.end()
            }
        }
    )*};
}

sequences! {
    SerializeSeq: serialize_element;
    SerializeTuple: serialize_element;
    SerializeTupleStruct: serialize_field;
    SerializeTupleVariant: serialize_field;
}

impl<C: SerializeMap> SerializeMap for WatchedParts<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        self.written += 1;
        self.trail.step.part = Part::Key;
        self.next(key, |inner, key| inner.serialize_key(key))
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        self.trail.step.part = Part::Value;
        self.next(value, |inner, value| inner.serialize_value(value))
    }

    #[inline]
    fn end(self) -> Result<C::Ok, C::Error> {
        self.check_count();
        self.inner.end()
    }
}
