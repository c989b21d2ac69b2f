//! Turns the arguments of a call into the bytes that name its entry.
//!
//! Invariant: the encoding is injective over the serde data model. Two values that serialize
//! differently, in a type name, a variant, a field or a scalar, never share their bytes, and no
//! encoding is a prefix of another. The bytes are the same on every platform and compiler; the
//! golden vectors in the tests pin them, because changing one orphans every entry in production.
//!
//! Every value starts with one byte of [`tag`]. Names, strings and bytes follow as a length and
//! their content, integers wider than a byte as LEB128 (signed ones in zigzag form first), floats
//! as their bit pattern: `-0.0` and `0.0`, which compare equal, are different keys, and a NaN
//! equals itself. Compound values list their items up to [`tag::END`]. Struct, enum and variant
//! names are part of the bytes (not positions: reordering variants keeps the keys), so that
//! untagged enums over look-alike newtypes stay apart. A field that is left out is an error: which
//! of its values are, nobody can see. What serde itself hands over identically cannot be told apart:
//! two untagged variants that both hold a bare `u32`, values that differ in a `#[serde(skip)]` field,
//! variants renamed to one name, fields left out of a tuple struct or beside a flattened one.
//!
//! Map entries are sorted by their encoded key, so equal `HashMap`s are equal keys. A `HashSet` is
//! a sequence to serde and keeps its random order, in which equal ones differ: one that is met is an
//! error, wherever in a value it stands. One that a `Serialize` impl by hand lists itself is not met.

mod compound;
mod scalar;
mod tag;

#[cfg(test)]
mod tests;

use std::any::type_name;
use std::fmt;

use serde::Serialize;

use scalar::Encoder;

use crate::excerpt::Excerpt;

/// Appends the encoding of `value` to `out`.
///
/// # Errors
///
/// When the `Serialize` impl of `value` fails; `out` then holds a part of the encoding.
#[inline]
pub(crate) fn encode<T: Serialize + ?Sized>(
    value: &T,
    out: &mut impl Sink,
) -> Result<(), Unencodable> {
    encode_in_order(value, Encoder { out })
}

/// What every value passes on its way, those in values included.
///
/// The comparison is of constants: nothing of it is left for other types.
#[inline]
fn encode_in_order<T: Serialize + ?Sized>(
    value: &T,
    encoder: Encoder<'_, impl Sink>,
) -> Result<(), Unencodable> {
    let name = type_name::<T>();
    if UNORDERED.iter().any(|set| name.starts_with(set)) {
        return Err(has_no_order());
    }
    value.serialize(encoder)
}

/// Types that list their items in an order of their own, as they are named by the compiler.
const UNORDERED: [&str; 6] = [
    "std::collections::hash::set::HashSet<",
    "&std::collections::hash::set::HashSet<",
    "&&std::collections::hash::set::HashSet<",
    "hashbrown::set::HashSet<",
    "&hashbrown::set::HashSet<",
    "&&hashbrown::set::HashSet<",
];

#[cold]
fn has_no_order() -> Unencodable {
    serde::ser::Error::custom(
        "a `HashSet` lists its items in another order each time, so that equal ones would never hit; take a `BTreeSet`, \
         name the entry by `key = …`, or leave the argument out with `skip(…)` if the result does not depend on it",
    )
}

/// Where encoded bytes go.
pub(crate) trait Sink {
    /// Appends `bytes`.
    fn put(&mut self, bytes: &[u8]);

    /// Appends one byte, which most calls do: it must not cost a copy of unknown length.
    fn push(&mut self, byte: u8);
}

impl Sink for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        self.push(byte);
    }
}

/// An argument whose `Serialize` impl failed, in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unencodable {
    message: Excerpt,
}

impl fmt::Display for Unencodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot encode a key argument: {}", self.message)
    }
}

impl std::error::Error for Unencodable {}

impl serde::ser::Error for Unencodable {
    #[cold]
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self { message: Excerpt::of(message) }
    }
}
