//! Sizes in bytes as people write them: `67108864`, `"64 MiB"`, `"unlimited"`; for `#[serde(with = …)]`.
//!
//! ```
//! #[derive(serde::Deserialize)]
//! struct Limits {
//!     #[serde(with = "athena_cache_core::size")]
//!     max_value: u64,
//! }
//!
//! # fn main() -> Result<(), toml::de::Error> {
//! let limits: Limits = toml::from_str("max_value = '64 MiB'")?;
//! assert_eq!(limits.max_value, 64 << 20);
//! # Ok(())
//! # }
//! ```
//!
//! `kB`, `MB`, `GB` and `TB` are powers of 1000, `KiB`, `MiB`, `GiB` and `TiB` of 1024, in capital letters or not.
//!
//! Invariant: a number without a unit is bytes, and the largest one is written as `"unlimited"`.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serializer};

use crate::count::{self, UNLIMITED};

const UNITS: [(&str, u64); 9] = [
    ("b", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
];

/// A size for people, as `1.5 MiB`.
///
/// ```
/// # use athena_cache_core::size;
/// assert_eq!(size::shown(1_572_864), "1.5 MiB");
/// ```
pub fn shown(bytes: u64) -> String {
    const SHOWN: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut shown = bytes as f64;
    while shown >= 1024.0 && unit + 1 < SHOWN.len() {
        shown /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && shown < 100.0);
    format!("{shown:.digits$} {}", SHOWN[unit])
}

/// Writes a size as a number, or as `"unlimited"`.
///
/// # Errors
///
/// Those of the format.
pub fn serialize<S: Serializer>(bytes: &u64, to: S) -> Result<S::Ok, S::Error> {
    count::serialize(bytes, to)
}

/// Reads a size: a number, or a text with a unit.
///
/// # Errors
///
/// If it is neither, or more than 64 bits hold.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    Bytes::deserialize(from).map(|bytes| bytes.0)
}

/// The same for sizes that may be left out.
pub(crate) mod optional {
    use super::{Bytes, Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde calls it like this")]
    pub(crate) fn serialize<S: Serializer>(bytes: &Option<u64>, to: S) -> Result<S::Ok, S::Error> {
        match bytes {
            None => to.serialize_none(),
            Some(bytes) => to.serialize_some(&Bytes(*bytes)),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
        Ok(Option::<Bytes>::deserialize(from)?.map(|bytes| bytes.0))
    }
}

struct Bytes(u64);

impl serde::Serialize for Bytes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serialize(&self.0, to)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if from.is_human_readable() {
            from.deserialize_any(WithUnit).map(Self)
        } else {
            u64::deserialize(from).map(Self)
        }
    }
}

struct WithUnit;

impl Visitor<'_> for WithUnit {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a number of bytes below 2^64, a text such as `64 MiB` (units are B, kB, MB, GB, TB, KiB, MiB, GiB and \
             TiB), or `{UNLIMITED}`"
        )
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
        u64::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        if text == UNLIMITED {
            return Ok(u64::MAX);
        }
        parse(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let is_digit = |letter: char| letter.is_ascii_digit() || letter == '_';
    let (digits, unit) = text.split_at(text.find(|letter| !is_digit(letter)).unwrap_or(text.len()));
    let number: u64 = digits.replace('_', "").parse().ok()?;
    let unit = unit.trim_start();
    if unit.is_empty() {
        return Some(number);
    }
    let known = UNITS.iter().find(|(known, _)| known.eq_ignore_ascii_case(unit));
    number.checked_mul(known?.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Serialize, Deserialize)]
    #[serde(default)]
    struct Limits {
        #[serde(with = "crate::size")]
        most: u64,
        #[serde(with = "crate::size::optional")]
        all: Option<u64>,
    }

    impl Default for Limits {
        fn default() -> Self {
            Self { most: 7, all: None }
        }
    }

    #[test]
    fn sizes_are_read_with_and_without_units() {
        for (text, expected) in [
            ("0", 0),
            ("1_048_576", 1 << 20),
            ("64 MiB", 64 << 20),
            ("64MiB", 64 << 20),
            (" 64 mib ", 64 << 20),
            ("5 kB", 5_000),
            ("3 GB", 3_000_000_000),
            ("2TiB", 2 << 40),
            ("12 B", 12),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
        for text in [
            "",
            " ",
            "MiB",
            "-1",
            "+1",
            "1.5 MiB",
            "64 M",
            "64 megs",
            "1 MiB 1",
            "_",
            "16777216 TiB",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_in_settings_are_texts_or_numbers_and_read_back() {
        let read = |text: &str| toml::from_str::<Limits>(text).unwrap();
        assert_eq!(read("most = '1 MiB'"), Limits { most: 1 << 20, all: None });
        assert_eq!(read("most = 3\nall = '2 kB'"), Limits { most: 3, all: Some(2_000) });
        assert_eq!(read("all = 'unlimited'").all, Some(u64::MAX));
        for limits in [Limits::default(), Limits { most: u64::MAX, all: Some(u64::MAX) }] {
            assert_eq!(read(&toml::to_string(&limits).unwrap()), limits);
        }
    }

    #[test]
    fn sizes_for_people_are_short() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_572_864, "1.5 MiB"),
            (500 << 20, "500 MiB"),
        ] {
            assert_eq!(shown(bytes), text);
        }
    }

    #[test]
    fn what_is_no_size_is_told_with_what_is_allowed() {
        for text in ["most = '64 megs'", "most = -1", "most = true", "all = '20000000 TiB'"] {
            let error = toml::from_str::<Limits>(text).unwrap_err().to_string();
            assert!(error.contains("such as `64 MiB`") && error.contains("`unlimited`"), "{error}");
        }
    }
}
