//! A number that tells values apart by what their `Serialize` says of them.
//!
//! Invariant: it depends on everything that is written, names and fields left out included, but not on
//! the order of elements and entries: a `HashSet` has another one in each process.

use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::quality::FixedState;
use serde::ser::{self, Serialize, Serializer};

/// The likeness of a value; `None` if it cannot be written.
pub(super) fn of<T: Serialize + ?Sized>(value: &T, is_human_readable: bool) -> Option<u64> {
    value.serialize(Likeness { is_human_readable }).ok()
}

/// A serializer whose result is a number.
#[derive(Debug, Clone, Copy)]
struct Likeness {
    is_human_readable: bool,
}

/// A value that refuses to be written.
#[derive(Debug)]
struct Unlike;

impl fmt::Display for Unlike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot be written")
    }
}

impl std::error::Error for Unlike {}

impl ser::Error for Unlike {
    fn custom<M: fmt::Display>(_: M) -> Self {
        Self
    }
}

/// What kind of thing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Mark {
    Bool,
    Signed(u8),
    Unsigned(u8),
    Float(u8),
    Char,
    Str,
    Bytes,
    Unit,
    None,
    Some,
    Newtype,
    Seq,
    Tuple,
    Map,
    Struct,
    Variant,
    Field,
    LeftOut,
}

fn number(mark: Mark, content: impl Hash) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    mark.hash(&mut hasher);
    content.hash(&mut hasher);
    hasher.finish()
}

/// The parts of one thing.
#[derive(Debug)]
struct Sum {
    likeness: Likeness,
    mark: Mark,
    /// What the whole says of itself.
    head: u64,
    is_ordered: bool,
    key: u64,
    total: u64,
    count: u64,
}

impl Likeness {
    fn sum(self, mark: Mark, head: impl Hash) -> Sum {
        let is_ordered = !matches!(mark, Mark::Seq | Mark::Map);
        let head = number(mark, head);
        Sum { likeness: self, mark, head, is_ordered, key: 0, total: 0, count: 0 }
    }
}

impl Sum {
    fn add(&mut self, part: u64) {
        self.count += 1;
        self.total = if self.is_ordered {
            number(self.mark, (self.total, part))
        } else {
            self.total.wrapping_add(part)
        };
    }

    fn add_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unlike> {
        let part = value.serialize(self.likeness)?;
        self.add(part);
        Ok(())
    }

    fn finish(self) -> u64 {
        number(self.mark, (self.head, self.total, self.count))
    }
}

/// Numbers for values without parts.
macro_rules! plain {
    ($($method:ident: $type:ty => $mark:expr, $content:expr;)*) => {$(
        fn $method(self, value: $type) -> Result<u64, Unlike> {
            Ok(number($mark, $content(value)))
        }
    )*};
}

impl Serializer for Likeness {
    type Ok = u64;
    type Error = Unlike;
    type SerializeSeq = Sum;
    type SerializeTuple = Sum;
    type SerializeTupleStruct = Sum;
    type SerializeTupleVariant = Sum;
    type SerializeMap = Sum;
    type SerializeStruct = Sum;
    type SerializeStructVariant = Sum;

    plain! {
        serialize_bool: bool => Mark::Bool, std::convert::identity;
        serialize_i8: i8 => Mark::Signed(1), std::convert::identity;
        serialize_i16: i16 => Mark::Signed(2), std::convert::identity;
        serialize_i32: i32 => Mark::Signed(4), std::convert::identity;
        serialize_i64: i64 => Mark::Signed(8), std::convert::identity;
        serialize_i128: i128 => Mark::Signed(16), std::convert::identity;
        serialize_u8: u8 => Mark::Unsigned(1), std::convert::identity;
        serialize_u16: u16 => Mark::Unsigned(2), std::convert::identity;
        serialize_u32: u32 => Mark::Unsigned(4), std::convert::identity;
        serialize_u64: u64 => Mark::Unsigned(8), std::convert::identity;
        serialize_u128: u128 => Mark::Unsigned(16), std::convert::identity;
        serialize_f32: f32 => Mark::Float(4), f32::to_bits;
        serialize_f64: f64 => Mark::Float(8), f64::to_bits;
        serialize_char: char => Mark::Char, std::convert::identity;
        serialize_str: &str => Mark::Str, std::convert::identity;
        serialize_bytes: &[u8] => Mark::Bytes, std::convert::identity;
    }

    fn is_human_readable(&self) -> bool {
        self.is_human_readable
    }

    fn serialize_unit(self) -> Result<u64, Unlike> {
        Ok(number(Mark::Unit, ()))
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<u64, Unlike> {
        Ok(number(Mark::Unit, name))
    }

    fn serialize_none(self) -> Result<u64, Unlike> {
        Ok(number(Mark::None, ()))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<u64, Unlike> {
        Ok(number(Mark::Some, value.serialize(self)?))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<u64, Unlike> {
        Ok(number(Mark::Newtype, (name, value.serialize(self)?)))
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<u64, Unlike> {
        Ok(number(Mark::Variant, (name, index, variant)))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<u64, Unlike> {
        Ok(number(Mark::Variant, (name, index, variant, value.serialize(self)?)))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Sum, Unlike> {
        Ok(self.sum(Mark::Seq, ()))
    }

    fn serialize_tuple(self, len: usize) -> Result<Sum, Unlike> {
        Ok(self.sum(Mark::Tuple, len))
    }

    fn serialize_tuple_struct(self, name: &'static str, len: usize) -> Result<Sum, Unlike> {
        Ok(self.sum(Mark::Tuple, (name, len)))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Sum, Unlike> {
        Ok(self.sum(Mark::Variant, (name, index, variant, len)))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Sum, Unlike> {
        Ok(self.sum(Mark::Map, ()))
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Sum, Unlike> {
        Ok(self.sum(Mark::Struct, (name, len)))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Sum, Unlike> {
        Ok(self.sum(Mark::Variant, (name, index, variant, len)))
    }
}

/// One part after another.
macro_rules! sums {
    ($($what:ident: $method:ident;)*) => {$(
        impl ser::$what for Sum {
            type Ok = u64;
            type Error = Unlike;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unlike> {
                self.add_value(value)
            }

            fn end(self) -> Result<u64, Unlike> {
                Ok(self.finish())
            }
        }
    )*};
}

sums! {
    SerializeSeq: serialize_element;
    SerializeTuple: serialize_element;
    SerializeTupleStruct: serialize_field;
    SerializeTupleVariant: serialize_field;
}

impl ser::SerializeMap for Sum {
    type Ok = u64;
    type Error = Unlike;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unlike> {
        self.key = key.serialize(self.likeness)?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unlike> {
        let value = value.serialize(self.likeness)?;
        self.add(number(Mark::Field, (self.key, value)));
        Ok(())
    }

    fn end(self) -> Result<u64, Unlike> {
        Ok(self.finish())
    }
}

/// One named field after another.
macro_rules! named_sums {
    ($($what:ident)*) => {$(
        impl ser::$what for Sum {
            type Ok = u64;
            type Error = Unlike;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Unlike> {
                let value = value.serialize(self.likeness)?;
                self.add(number(Mark::Field, (name, value)));
                Ok(())
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), Unlike> {
                self.add(number(Mark::LeftOut, name));
                Ok(())
            }

            fn end(self) -> Result<u64, Unlike> {
                Ok(self.finish())
            }
        }
    )*};
}

named_sums! { SerializeStruct SerializeStructVariant }
