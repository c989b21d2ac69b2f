//! Writes a value while its parts are held against what its type asks for when it is read.
//!
//! serde's two sides of a type need not agree, and a format without names does not notice: a field
//! left out by `skip_serializing_if` shifts all others. So the serializer of the format is reached
//! through this one, which walks the [`Outline`](crate::schema::Outline) of the type beside it.
//!
//! Invariant: without a notice, every request of the reader meets what the writer wrote for it.

mod fields;
mod parts;

use serde::ser::{self, Serialize, Serializer};

use self::fields::WatchedFields;
use self::parts::WatchedParts;
use super::excess::MAX_DEPTH;
use super::notice::{Part, Place, Trail, TrailStep, Weight};
use crate::schema::{Expected, Scalar, TypeShape};

/// Steps up to which JSON is read back for certain; its reader ends at 128 brackets.
const MAX_DEPTH_OF_JSON: usize = 60;

/// A value, or a part of one, that is written under watch.
pub(super) struct Watched<'a, T: ?Sized> {
    value: &'a T,
    place: Place<'a>,
}

impl<'a, T: ?Sized> Watched<'a, T> {
    /// The value at the beginning of a trail.
    pub(super) fn whole(value: &'a T, trail: &'a Trail<'a>) -> Self {
        Self { value, place: Place::whole(trail) }
    }
}

impl<T: Serialize + ?Sized> Serialize for Watched<'_, T> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Watch { inner: serializer, place: self.place })
    }
}

/// The serializer of a format, under watch.
struct Watch<'a, S> {
    inner: S,
    place: Place<'a>,
}

impl<'a, S> Watch<'a, S> {
    #[inline]
    fn expect_scalar(&self, written: Scalar) {
        if !self.place.asked.is(written) {
            self.differs(TypeShape::Scalar(written), self.place.asked.shape);
        }
    }

    /// Notes what is written here, if something else is read.
    #[inline]
    fn expect(&self, is_same: bool, written: impl FnOnce() -> TypeShape) {
        if !is_same {
            self.differs(written(), self.place.asked.shape);
        }
    }

    #[cold]
    fn differs(&self, written: TypeShape, asked: TypeShape) {
        let is_known = !matches!(asked, TypeShape::Unseen | TypeShape::Any | TypeShape::Tag);
        let weight = if is_known { Weight::Differs } else { Weight::Unknown };
        self.place.doubt(weight, || {
            if is_known {
                format!("is written as {written}, but read as {asked}")
            } else {
                format!("is written as {written}, and what is read there could not be seen")
            }
        });
    }

    /// Notes what JSON writes as `null`, which inside of `Some` reads as `None`.
    #[inline]
    fn expect_null(&self, what: &str) {
        if self.place.in_some && self.place.is_named() {
            self.place.doubt(Weight::Differs, || {
                format!("is `Some` of {what}, which JSON writes like `None`")
            });
        }
    }

    #[inline]
    fn expect_finite(&self, is_finite: bool) {
        if !is_finite && self.place.is_named() {
            let what = || "is NaN or infinite, which JSON writes as `null`".to_owned();
            self.place.doubt(Weight::Differs, what);
        }
    }

    /// The same of a thing with parts, which JSON does not read however deep it is nested.
    #[inline]
    fn expect_parts<E: ser::Error>(
        &self,
        is_same: bool,
        written: impl FnOnce() -> TypeShape,
    ) -> Result<(), E> {
        self.expect(is_same, written);
        if self.place.trail.depth > MAX_DEPTH_OF_JSON && self.place.is_named() {
            let what = || "is nested so deep that JSON may not be read".to_owned();
            self.place.doubt(Weight::Differs, what);
        }
        self.expect_end()
    }

    /// Refuses what goes on and on.
    #[inline]
    fn expect_end<E: ser::Error>(&self) -> Result<(), E> {
        if self.place.trail.depth <= MAX_DEPTH {
            return Ok(());
        }
        Err(self.place.refuse(|| format!("is nested deeper than {MAX_DEPTH} steps")))
    }

    /// The same for a tuple, of which both sides must have all parts: of fewer ones nobody can tell which
    /// they are.
    #[inline]
    fn expect_tuple<E: ser::Error>(
        &self,
        len: usize,
        asked: Option<usize>,
        written: impl FnOnce() -> TypeShape,
    ) -> Result<(), E> {
        if let Some(read) = asked.filter(|read| *read > len) {
            let what =
                || format!("is written with {len} of its {read} parts, which may be any of them");
            return Err(self.place.refuse(what));
        }
        self.expect_parts(asked == Some(len), written)
    }

    /// The place of a variant's content, and whether both sides mean the same variant.
    #[inline]
    fn variant(&self, index: u32, name: &'static str) -> &'a Expected {
        let asked = self.place.asked;
        let TypeShape::Enum(_, names) = asked.shape else {
            self.differs(TypeShape::Enum("", &[]), asked.shape);
            return Expected::nothing();
        };
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        if !asked.is_exact {
            self.place.doubt(Weight::Unknown, || {
                format!("is written as the variant `{name}`, and not all of its names were seen")
            });
            return Expected::nothing();
        }
        if !asked.is_named(index, names, name) {
            self.place.doubt(Weight::Differs, || {
                let read = names.get(index).copied().unwrap_or("none");
                format!("is variant {index}, written as `{name}` and read as `{read}`")
            });
            return Expected::nothing();
        }
        self.place.part(index)
    }
}

/// Passes a scalar on.
macro_rules! scalars {
    ($($method:ident: $scalar:ident, $type:ty;)*) => {$(
        #[inline]
        fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.expect_scalar(Scalar::$scalar);
            self.inner.$method(value)
        }
    )*};
}

impl<'a, S: Serializer> Serializer for Watch<'a, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = WatchedParts<'a, S::SerializeSeq>;
    type SerializeTuple = WatchedParts<'a, S::SerializeTuple>;
    type SerializeTupleStruct = WatchedParts<'a, S::SerializeTupleStruct>;
    type SerializeTupleVariant = WatchedParts<'a, S::SerializeTupleVariant>;
    type SerializeMap = WatchedParts<'a, S::SerializeMap>;
    type SerializeStruct = WatchedFields<'a, S::SerializeStruct>;
    type SerializeStructVariant = WatchedFields<'a, S::SerializeStructVariant>;

    scalars! {
        serialize_bool: Bool, bool;
        serialize_i8: I8, i8;
        serialize_i16: I16, i16;
        serialize_i32: I32, i32;
        serialize_i64: I64, i64;
        serialize_i128: I128, i128;
        serialize_u8: U8, u8;
        serialize_u16: U16, u16;
        serialize_u32: U32, u32;
        serialize_u64: U64, u64;
        serialize_u128: U128, u128;
        serialize_char: Char, char;
        serialize_str: Str, &str;
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }

    fn serialize_f32(self, value: f32) -> Result<S::Ok, S::Error> {
        self.expect_scalar(Scalar::F32);
        self.expect_finite(value.is_finite());
        self.inner.serialize_f32(value)
    }

    fn serialize_f64(self, value: f64) -> Result<S::Ok, S::Error> {
        self.expect_scalar(Scalar::F64);
        self.expect_finite(value.is_finite());
        self.inner.serialize_f64(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<S::Ok, S::Error> {
        self.expect_scalar(Scalar::Bytes);
        if self.place.is_named() {
            let what = || "is bytes, which JSON writes as a sequence of numbers".to_owned();
            self.place.doubt(Weight::Differs, what);
        }
        self.inner.serialize_bytes(value)
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.expect_scalar(Scalar::Str);
        self.inner.collect_str(value)
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.expect(matches!(self.place.asked.shape, TypeShape::Unit), || TypeShape::Unit);
        self.expect_null("`()`");
        self.inner.serialize_unit()
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<S::Ok, S::Error> {
        let is_same = matches!(self.place.asked.shape, TypeShape::UnitStruct(_));
        self.expect(is_same, || TypeShape::UnitStruct(name));
        self.expect_null("a unit struct");
        self.inner.serialize_unit_struct(name)
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.expect(matches!(self.place.asked.shape, TypeShape::Option), || TypeShape::Option);
        self.expect_null("`None`");
        self.inner.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.expect(matches!(self.place.asked.shape, TypeShape::Option), || TypeShape::Option);
        self.expect_end()?;
        let step = TrailStep { variant: None, part: Part::Whole };
        let trail = &self.place.trail.then(step);
        let place = Place { asked: self.place.part(0), trail, in_some: true };
        self.inner.serialize_some(&Watched { value, place })
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        // No format shows newtypes, so that the outline has none.
        self.inner.serialize_newtype_struct(name, &Watched { value, place: self.place })
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        let is_same = matches!(self.place.asked.shape, TypeShape::Seq);
        self.expect_parts(is_same, || TypeShape::Seq)?;
        let parts = WatchedParts::new(self.place, Part::Element, len);
        Ok(parts.with(self.inner.serialize_seq(len)?))
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        let read = match self.place.asked.shape {
            TypeShape::Tuple(read) => Some(read),
            _ => None,
        };
        self.expect_tuple(len, read, || TypeShape::Tuple(len))?;
        let parts = WatchedParts::new(self.place, Part::Index(0), Some(len));
        Ok(parts.with(self.inner.serialize_tuple(len)?))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        let read = match self.place.asked.shape {
            TypeShape::TupleStruct(_, read) => Some(read),
            _ => None,
        };
        self.expect_tuple(len, read, || TypeShape::TupleStruct(name, len))?;
        let parts = WatchedParts::new(self.place, Part::Index(0), Some(len));
        Ok(parts.with(self.inner.serialize_tuple_struct(name, len)?))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        let is_same = matches!(self.place.asked.shape, TypeShape::Map);
        self.expect_parts(is_same, || TypeShape::Map)?;
        let parts = WatchedParts::new(self.place, Part::Key, len);
        Ok(parts.with(self.inner.serialize_map(len)?))
    }

    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        let is_same = matches!(self.place.asked.shape, TypeShape::Struct(..));
        self.expect_parts(is_same, || TypeShape::Struct(name, &[]))?;
        let fields = WatchedFields::new(self.place, None);
        Ok(fields.with(self.inner.serialize_struct(name, len)?))
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        let content = self.content(index, variant);
        let is_same = matches!(content.place.asked.shape, TypeShape::UnitVariant);
        content.expect(is_same, || TypeShape::UnitVariant);
        self.inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let content = self.content(index, variant);
        let is_same = matches!(content.place.asked.shape, TypeShape::NewtypeVariant);
        // JSON puts brackets around it.
        content.expect_parts(is_same, || TypeShape::NewtypeVariant)?;
        let step = TrailStep { variant: Some(variant), part: Part::Whole };
        let asked = content.place.part(0);
        let place = Place { asked, trail: &self.place.trail.then(step), ..content.place };
        self.inner.serialize_newtype_variant(name, index, variant, &Watched { value, place })
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        let content = self.content(index, variant);
        let read = match content.place.asked.shape {
            TypeShape::TupleVariant(read) => Some(read),
            _ => None,
        };
        content.expect_tuple(len, read, || TypeShape::TupleVariant(len))?;
        let parts = WatchedParts::new(content.place, Part::Index(0), Some(len)).of(variant);
        Ok(parts.with(self.inner.serialize_tuple_variant(name, index, variant, len)?))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let content = self.content(index, variant);
        let is_same = matches!(content.place.asked.shape, TypeShape::StructVariant(_));
        content.expect_parts(is_same, || TypeShape::StructVariant(&[]))?;
        let fields = WatchedFields::new(content.place, Some(variant));
        Ok(fields.with(self.inner.serialize_struct_variant(name, index, variant, len)?))
    }
}

impl<'a, S> Watch<'a, S> {
    /// Where the content of a variant stands.
    #[inline]
    fn content(&self, index: u32, variant: &'static str) -> Watch<'a, ()> {
        let asked = self.variant(index, variant);
        Watch { inner: (), place: Place { asked, in_some: false, ..self.place } }
    }
}
