//! What a type can ask for at one place.

use std::fmt;

/// Names a vertex; made by the graph that it indexes, and by nobody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id(pub(super) usize);

/// One request to a `Deserializer`, as far as it shows in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TypeShape {
    /// Not asked for yet.
    Unseen,
    Scalar(Scalar),
    Unit,
    UnitStruct(&'static str),
    Option,
    Seq,
    Map,
    Tuple(usize),
    Newtype(&'static str),
    TupleStruct(&'static str, usize),
    Struct(&'static str, &'static [&'static str]),
    Enum(&'static str, &'static [&'static str]),
    UnitVariant,
    NewtypeVariant,
    TupleVariant(usize),
    StructVariant(&'static [&'static str]),
    /// Whatever the bytes say.
    Any,
    /// The name of a variant that the bytes say, as that of a type with `tag` and `content`.
    Tag,
    /// A type kept in one place however often it is asked for, as all types with a name are.
    Shared(Id),
}

impl TypeShape {
    /// Whether this is a type with a name and parts; such types are shared.
    pub(super) fn is_named(self) -> bool {
        matches!(self, Self::Newtype(_) | Self::TupleStruct(..) | Self::Struct(..) | Self::Enum(..))
    }

    /// The names of its fields or variants, aliases among them.
    pub(super) fn names(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Struct(_, names) | Self::Enum(_, names) | Self::StructVariant(names) => {
                Some(names)
            }
            _ => None,
        }
    }

    /// How many parts follow, where the request says so.
    pub(super) fn arity(self) -> Option<usize> {
        match self {
            Self::Tuple(len) | Self::TupleStruct(_, len) | Self::TupleVariant(len) => Some(len),
            Self::Struct(_, fields) | Self::StructVariant(fields) => Some(fields.len()),
            Self::Newtype(_) | Self::NewtypeVariant => Some(1),
            _ => None,
        }
    }
}

/// A request for one value without parts.
///
/// Requests that read the same bytes (`str` and `string`, `bytes` and `byte_buf`) are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scalar {
    Bool,
    I8,
    I16,
    I32,
    I64,
    I128,
    U8,
    U16,
    U32,
    U64,
    U128,
    F32,
    F64,
    Char,
    Str,
    Bytes,
}

impl fmt::Display for TypeShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unseen | Self::Any | Self::Tag | Self::Shared(_) => {
                f.write_str("whatever is there")
            }
            Self::Scalar(scalar) => write!(f, "`{scalar}`"),
            Self::Unit => f.write_str("`()`"),
            Self::UnitStruct(_) => f.write_str("a unit struct"),
            Self::Option => f.write_str("an option"),
            Self::Seq => f.write_str("a sequence"),
            Self::Map => f.write_str("a map"),
            Self::Tuple(len) => write!(f, "a tuple of {len}"),
            Self::Newtype(_) => f.write_str("a newtype"),
            Self::TupleStruct(_, len) => write!(f, "a tuple struct of {len}"),
            Self::Struct(..) => f.write_str("a struct"),
            Self::Enum(..) => f.write_str("an enum"),
            Self::UnitVariant => f.write_str("a variant without content"),
            Self::NewtypeVariant => f.write_str("a variant with one value"),
            Self::TupleVariant(len) => write!(f, "a variant with {len} values"),
            Self::StructVariant(_) => f.write_str("a variant with fields"),
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::I128 => "i128",
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::U128 => "u128",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Char => "char",
            Self::Str => "str",
            Self::Bytes => "[u8]",
        })
    }
}
