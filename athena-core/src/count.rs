//! Numbers as people write them: `64`, `"64"`, `"unlimited"`; for `#[serde(with = …)]`.
//!
//! Invariant: the largest number of a type, which no limit ever reaches, is `"unlimited"` in text; formats such as
//! TOML cannot write it as a number.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The word for no limit, in numbers and durations.
pub(crate) const UNLIMITED: &str = "unlimited";

/// A number that counts.
pub trait Count: Copy + PartialEq + TryFrom<u64> + Serialize {
    /// The largest one, which stands for no limit.
    const MAX: Self;
}

impl Count for u32 {
    const MAX: Self = Self::MAX;
}

impl Count for u64 {
    const MAX: Self = Self::MAX;
}

impl Count for usize {
    const MAX: Self = Self::MAX;
}

/// Writes a number, or `"unlimited"`.
///
/// # Errors
///
/// Those of the format.
pub fn serialize<T: Count, S: Serializer>(count: &T, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() && *count == T::MAX {
        serializer.serialize_str(UNLIMITED)
    } else {
        count.serialize(serializer)
    }
}

/// Reads a number, also from a text, or `"unlimited"`.
///
/// # Errors
///
/// If it is neither, or more than the type holds.
pub fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Count + Deserialize<'de>,
    D: Deserializer<'de>,
{
    if deserializer.is_human_readable() {
        deserializer.deserialize_any(AsWritten(PhantomData))
    } else {
        T::deserialize(deserializer)
    }
}

struct AsWritten<T>(PhantomData<T>);

impl<T: Count> Visitor<'_> for AsWritten<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = 8 * size_of::<T>();
        write!(f, "a whole number of at most {most} bits, or `{UNLIMITED}`")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        let wrong = |_| E::invalid_value(Unexpected::Unsigned(number), &self);
        T::try_from(number).map_err(wrong)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(number), &self)),
        }
    }

    /// From an environment numbers come as texts, too.
    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        if text == UNLIMITED {
            return Ok(T::MAX);
        }
        match text.parse() {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }
}
