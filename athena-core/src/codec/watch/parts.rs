//! Elements of sequences and tuples, keys and values of maps.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeTuple, SerializeTupleStruct,
    SerializeTupleVariant,
};

use super::Watched;
use crate::codec::notice::{Part, PathStep, Place, Weight};
use crate::schema::{Reading, Spot, TypeShape};

/// The parts of one thing, in order.
pub(super) struct WatchedParts<'a, C> {
    inner: C,
    place: Place<'a>,
    asked: &'a Reading,
    step: PathStep,
    /// How many elements or entries were announced.
    announced: Option<usize>,
    written: usize,
}

impl<'a> WatchedParts<'a, ()> {
    pub(super) fn new(place: Place<'a>, part: Part, announced: Option<usize>) -> Self {
        let (asked, step) = (place.asked(), PathStep { variant: None, part });
        Self { inner: (), place, asked, step, announced, written: 0 }
    }

    /// As those of a variant.
    pub(super) fn of(mut self, variant: &'static str) -> Self {
        self.step.variant = Some(variant);
        self
    }

    pub(super) fn with<C>(self, inner: C) -> WatchedParts<'a, C> {
        let Self { inner: (), place, asked, step, announced, written } = self;
        WatchedParts { inner, place, asked, step, announced, written }
    }
}

impl<C> WatchedParts<'_, C> {
    /// Writes one part with `write`, under watch.
    #[inline]
    fn next<T: ?Sized, E>(
        &mut self,
        part: Part,
        value: &T,
        write: impl FnOnce(&mut C, &Watched<'_, T>) -> Result<(), E>,
    ) -> Result<(), E> {
        let spot = self.spot(part);
        let trail = self.place.trail.then(PathStep { part, ..self.step });
        let place = Place { spot, trail: &trail, in_some: false, ..self.place };
        write(&mut self.inner, &Watched { value, place })
    }

    /// Where the part is read; nowhere if the whole is read as something else.
    #[inline]
    fn spot(&self, part: Part) -> Spot {
        match (part, self.asked.shape) {
            (Part::Element, TypeShape::Seq) | (Part::Key, TypeShape::Map) => self.asked.part(0),
            (Part::Value, TypeShape::Map) => self.asked.part(1),
            (
                Part::Index(index),
                TypeShape::Tuple(_) | TypeShape::TupleStruct(..) | TypeShape::TupleVariant(_),
            ) => self.asked.part(index),
            _ => Spot::UNKNOWN,
        }
    }

    #[inline]
    fn index(&mut self) -> Part {
        let index = self.written;
        self.written += 1;
        match self.step.part {
            Part::Index(_) => Part::Index(index),
            part => part,
        }
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
                let part = self.index();
                self.next(part, value, |inner, value| inner.$method(value))
            }

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
        self.next(Part::Key, key, |inner, key| inner.serialize_key(key))
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        self.next(Part::Value, value, |inner, value| inner.serialize_value(value))
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.check_count();
        self.inner.end()
    }
}
