//! The serializer itself: scalars go straight to the sink, compound values open here.

use std::fmt::{self, Write as _};

use serde::ser::{Error as _, Serialize, Serializer};
use smallvec::SmallVec;

use super::compound::{Items, Map, NamedItems};
use super::{Sink, Unencodable, encode_in_order, tag};

/// Encodes one value into `out`.
pub(super) struct Encoder<'a, S> {
    pub(super) out: &'a mut S,
}

impl<'a, S: Sink> Encoder<'a, S> {
    #[inline]
    fn int(self, tag: u8, value: u64) {
        self.out.push(tag);
        put_leb128(self.out, value);
    }

    fn wide(self, tag: u8, mut value: u128) {
        self.out.push(tag);
        while value >= 0x80 {
            self.out.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.out.push(value.to_le_bytes()[0]);
    }

    /// Writes `tag`, then `text` with its length.
    #[inline]
    fn text(&mut self, tag: u8, text: &[u8]) {
        self.out.push(tag);
        put_text(self.out, text);
    }

    /// Writes `tag` and the names of an enum and its variant.
    #[inline]
    fn variant(&mut self, tag: u8, name: &str, variant: &str) {
        self.text(tag, name.as_bytes());
        put_text(self.out, variant.as_bytes());
    }

    fn items(self) -> Items<'a, S> {
        Items { out: self.out }
    }

    fn fields(self, of: &'static str) -> NamedItems<'a, S> {
        NamedItems { items: self.items(), of }
    }
}

/// Writes `text` with its length.
#[inline]
pub(super) fn put_text(out: &mut impl Sink, text: &[u8]) {
    put_leb128(out, text.len() as u64);
    out.put(text);
}

/// Writes `value` seven bits a byte, low ones first; a set high bit says that more follow.
#[inline]
fn put_leb128(out: &mut impl Sink, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Maps small magnitudes of either sign to small numbers.
#[inline]
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn zigzag_wide(value: i128) -> u128 {
    ((value << 1) ^ (value >> 127)).cast_unsigned()
}

impl<'a, S: Sink> Serializer for Encoder<'a, S> {
    type Ok = ();
    type Error = Unencodable;
    type SerializeSeq = Items<'a, S>;
    type SerializeTuple = Items<'a, S>;
    type SerializeTupleStruct = Items<'a, S>;
    type SerializeTupleVariant = Items<'a, S>;
    type SerializeMap = Map<'a, S>;
    type SerializeStruct = NamedItems<'a, S>;
    type SerializeStructVariant = NamedItems<'a, S>;

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), Unencodable> {
        self.out.push(if value { tag::TRUE } else { tag::FALSE });
        Ok(())
    }

    #[inline]
    fn serialize_i8(self, value: i8) -> Result<(), Unencodable> {
        self.out.push(tag::I8);
        self.out.push(value.cast_unsigned());
        Ok(())
    }

    #[inline]
    fn serialize_i16(self, value: i16) -> Result<(), Unencodable> {
        self.int(tag::I16, zigzag(value.into()));
        Ok(())
    }

    #[inline]
    fn serialize_i32(self, value: i32) -> Result<(), Unencodable> {
        self.int(tag::I32, zigzag(value.into()));
        Ok(())
    }

    #[inline]
    fn serialize_i64(self, value: i64) -> Result<(), Unencodable> {
        self.int(tag::I64, zigzag(value));
        Ok(())
    }

    #[inline]
    fn serialize_i128(self, value: i128) -> Result<(), Unencodable> {
        self.wide(tag::I128, zigzag_wide(value));
        Ok(())
    }

    #[inline]
    fn serialize_u8(self, value: u8) -> Result<(), Unencodable> {
        self.out.push(tag::U8);
        self.out.push(value);
        Ok(())
    }

    #[inline]
    fn serialize_u16(self, value: u16) -> Result<(), Unencodable> {
        self.int(tag::U16, value.into());
        Ok(())
    }

    #[inline]
    fn serialize_u32(self, value: u32) -> Result<(), Unencodable> {
        self.int(tag::U32, value.into());
        Ok(())
    }

    #[inline]
    fn serialize_u64(self, value: u64) -> Result<(), Unencodable> {
        self.int(tag::U64, value);
        Ok(())
    }

    #[inline]
    fn serialize_u128(self, value: u128) -> Result<(), Unencodable> {
        self.wide(tag::U128, value);
        Ok(())
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Result<(), Unencodable> {
        self.out.push(tag::F32);
        self.out.put(&value.to_bits().to_le_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<(), Unencodable> {
        self.out.push(tag::F64);
        self.out.put(&value.to_bits().to_le_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_char(self, value: char) -> Result<(), Unencodable> {
        self.int(tag::CHAR, u32::from(value).into());
        Ok(())
    }

    #[inline]
    fn serialize_str(mut self, value: &str) -> Result<(), Unencodable> {
        self.text(tag::STR, value.as_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_bytes(mut self, value: &[u8]) -> Result<(), Unencodable> {
        self.text(tag::BYTES, value);
        Ok(())
    }

    /// Formats into a buffer on the stack, where the default would allocate.
    fn collect_str<T: fmt::Display + ?Sized>(mut self, value: &T) -> Result<(), Unencodable> {
        let mut text = Displayed::default();
        write!(text, "{value}").map_err(|_| Unencodable::custom("a `Display` impl failed"))?;
        self.text(tag::STR, &text.0);
        Ok(())
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), Unencodable> {
        self.out.push(tag::UNIT);
        Ok(())
    }

    #[inline]
    fn serialize_none(self) -> Result<(), Unencodable> {
        self.out.push(tag::NONE);
        Ok(())
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unencodable> {
        self.out.push(tag::SOME);
        encode_in_order(value, self)
    }

    #[inline]
    fn serialize_unit_struct(mut self, name: &'static str) -> Result<(), Unencodable> {
        self.text(tag::UNIT_STRUCT, name.as_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_unit_variant(
        mut self,
        name: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Unencodable> {
        self.variant(tag::UNIT_VARIANT, name, variant);
        Ok(())
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Unencodable> {
        self.text(tag::NEWTYPE_STRUCT, name.as_bytes());
        encode_in_order(value, self)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Unencodable> {
        self.variant(tag::NEWTYPE_VARIANT, name, variant);
        encode_in_order(value, self)
    }

    #[inline]
    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'a, S>, Unencodable> {
        self.out.push(tag::SEQ);
        Ok(self.items())
    }

    #[inline]
    fn serialize_tuple(self, _: usize) -> Result<Items<'a, S>, Unencodable> {
        self.out.push(tag::TUPLE);
        Ok(self.items())
    }

    fn serialize_tuple_struct(
        mut self,
        name: &'static str,
        _: usize,
    ) -> Result<Items<'a, S>, Unencodable> {
        self.text(tag::TUPLE_STRUCT, name.as_bytes());
        Ok(self.items())
    }

    fn serialize_tuple_variant(
        mut self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items<'a, S>, Unencodable> {
        self.variant(tag::TUPLE_VARIANT, name, variant);
        Ok(self.items())
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Map<'a, S>, Unencodable> {
        self.out.push(tag::MAP);
        Ok(Map::new(self.out))
    }

    fn serialize_struct(
        mut self,
        name: &'static str,
        _: usize,
    ) -> Result<NamedItems<'a, S>, Unencodable> {
        self.text(tag::STRUCT, name.as_bytes());
        Ok(self.fields(name))
    }

    fn serialize_struct_variant(
        mut self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<NamedItems<'a, S>, Unencodable> {
        self.variant(tag::STRUCT_VARIANT, name, variant);
        Ok(self.fields(variant))
    }
}

/// Collects what a `Display` impl writes.
#[derive(Default)]
struct Displayed(SmallVec<[u8; 64]>);

impl fmt::Write for Displayed {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.0.extend_from_slice(piece.as_bytes());
        Ok(())
    }
}
