//! What a type can ask for at one place.

/// Names a vertex; made by the graph that it indexes, and by nobody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(pub(super) usize);

/// One request to a `Deserializer`, as far as it shows in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TypeShape {
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
    /// A type kept in one place however often it is asked for, as all types with a name are.
    Shared(Id),
}

impl TypeShape {
    /// Whether this is a type with a name and parts; such types are shared.
    pub(super) fn is_named(self) -> bool {
        matches!(self, Self::Newtype(_) | Self::TupleStruct(..) | Self::Struct(..) | Self::Enum(..))
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
pub(super) enum Scalar {
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
