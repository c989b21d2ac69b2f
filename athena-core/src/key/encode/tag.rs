//! The first byte of every encoded value. These numbers are stored in production: append only.

/// Ends every compound value; never starts a value.
pub(super) const END: u8 = 0x00;

pub(super) const FALSE: u8 = 0x01;
pub(super) const TRUE: u8 = 0x02;

pub(super) const U8: u8 = 0x03;
pub(super) const U16: u8 = 0x04;
pub(super) const U32: u8 = 0x05;
pub(super) const U64: u8 = 0x06;
pub(super) const U128: u8 = 0x07;
pub(super) const I8: u8 = 0x08;
pub(super) const I16: u8 = 0x09;
pub(super) const I32: u8 = 0x0a;
pub(super) const I64: u8 = 0x0b;
pub(super) const I128: u8 = 0x0c;

pub(super) const F32: u8 = 0x0d;
pub(super) const F64: u8 = 0x0e;
pub(super) const CHAR: u8 = 0x0f;
pub(super) const STR: u8 = 0x10;
pub(super) const BYTES: u8 = 0x11;

pub(super) const UNIT: u8 = 0x12;
pub(super) const NONE: u8 = 0x13;
pub(super) const SOME: u8 = 0x14;

pub(super) const SEQ: u8 = 0x15;
pub(super) const TUPLE: u8 = 0x16;
pub(super) const MAP: u8 = 0x17;

pub(super) const UNIT_STRUCT: u8 = 0x18;
pub(super) const NEWTYPE_STRUCT: u8 = 0x19;
pub(super) const TUPLE_STRUCT: u8 = 0x1a;
pub(super) const STRUCT: u8 = 0x1b;

pub(super) const UNIT_VARIANT: u8 = 0x1c;
pub(super) const NEWTYPE_VARIANT: u8 = 0x1d;
pub(super) const TUPLE_VARIANT: u8 = 0x1e;
pub(super) const STRUCT_VARIANT: u8 = 0x1f;

/// Inside a struct: a field and its value follow. `0x21` stood for a field that was left out.
pub(super) const FIELD: u8 = 0x20;
