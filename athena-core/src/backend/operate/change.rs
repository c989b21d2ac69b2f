//! What an operator has done to single values.
//!
//! Invariant: a value that is not what it was found to be is left as it is, and whoever reads it is told of a
//! change as of any other.

use std::time::Duration;

/// Something to be done to a value, if it is what it was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ValueChange<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it has to be.
    pub found: ExpectedValue<'a>,
    /// What becomes of it.
    pub becomes: BecomingValue<'a>,
}

/// What was found under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpectedValue<'a> {
    /// Nothing.
    Nothing,
    /// Whatever there is, and also nothing.
    Whatever,
    /// So many bytes, which begin with these: as a [`RawValue`](super::RawValue) has them.
    Bytes {
        /// What they begin with; all of them, or a part.
        beginning: &'a [u8],
        /// How many there are.
        length: u64,
    },
    /// Something else than bytes, as a list is.
    Other,
}

/// What becomes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BecomingValue<'a> {
    /// It is removed.
    Removed,
    /// These bytes are in its place, for so long.
    Replaced {
        /// The bytes.
        bytes: &'a [u8],
        /// How long to keep them, in whole milliseconds, at least one.
        life: Duration,
    },
}

impl<'a> ValueChange<'a> {
    /// Removes a value that is what it was found to be.
    pub fn removal(name: &'a str, found: ExpectedValue<'a>) -> Self {
        Self { name, found, becomes: BecomingValue::Removed }
    }

    /// Puts bytes there for so long.
    pub fn replacement(
        name: &'a str,
        found: ExpectedValue<'a>,
        bytes: &'a [u8],
        life: Duration,
    ) -> Self {
        Self { name, found, becomes: BecomingValue::Replaced { bytes, life } }
    }
}
