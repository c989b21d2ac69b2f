//! Durations as people write them: `"5s"`, `"250ms"`, `"1h 30m"`, and `"unlimited"` for the longest; for
//! `#[serde(with = …)]`.

use std::fmt;
use std::time::Duration;

use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};

use crate::count::UNLIMITED;
use crate::excerpt::Excerpt;

/// As people write it.
pub(crate) fn shown(duration: Duration) -> String {
    if duration == Duration::MAX { UNLIMITED.to_owned() } else { format!("{duration:?}") }
}

/// Writes a duration, or `"unlimited"`.
///
/// # Errors
///
/// Those of the format.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    if *duration == Duration::MAX {
        return serializer.serialize_str(UNLIMITED);
    }
    serializer.collect_str(&humantime::format_duration(*duration))
}

/// Reads a duration, or `"unlimited"`.
///
/// # Errors
///
/// If it is neither; a number without a unit is none, and a month by its letter may be a minute.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    if deserializer.is_human_readable() {
        deserializer.deserialize_any(AsText)
    } else {
        deserializer.deserialize_str(AsText)
    }
}

struct AsText;

const EXPECTED: &str = "expected something like `250ms`, `5s` or `1h 30m`, or `unlimited`";

fn without_unit<E: Error>(number: impl fmt::Display) -> E {
    E::custom(format_args!(
        "invalid duration `{number}`: it has no unit; {EXPECTED}, in quotes; did you mean `\"{number}s\"`?"
    ))
}

impl Visitor<'_> for AsText {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as `250ms`, `5s` or `1h 30m`, or `unlimited`")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Duration, E> {
        Err(without_unit(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Duration, E> {
        Err(without_unit(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Duration, E> {
        Err(without_unit(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        if text == UNLIMITED {
            return Ok(Duration::MAX);
        }
        if let Some(minutes) = in_minutes(text) {
            let (found, months) = (Excerpt::of(text), text.replace('M', "months"));
            return Err(E::custom(format_args!(
                "invalid duration `{found}`: `M` stands for months; were minutes meant? write `{}`, or `{}` for months",
                Excerpt::of(minutes),
                Excerpt::of(months)
            )));
        }
        if text.bytes().all(|digit| digit.is_ascii_digit()) && !text.is_empty() {
            return Err(without_unit(Excerpt::of(text)));
        }
        humantime::parse_duration(text).map_err(|reason| {
            let (text, reason) = (Excerpt::of(text), Excerpt::of(reason));
            E::custom(format_args!("invalid duration `{text}`: {reason}; {EXPECTED}"))
        })
    }
}

/// `1h 5m` for `1h 5M`, where `M` is the whole unit.
fn in_minutes(text: &str) -> Option<String> {
    let mut letters = text.chars().peekable();
    let mut before = ' ';
    let mut meant = String::new();
    while let Some(letter) = letters.next() {
        let is_unit = letter == 'M'
            && !before.is_alphabetic()
            && !letters.peek().is_some_and(|after| after.is_alphabetic());
        meant.push(if is_unit { 'm' } else { letter });
        before = letter;
    }
    (meant != text).then_some(meant)
}

/// The same where nothing may be said.
pub(crate) mod optional {
    use serde::Deserialize;

    use super::{Deserializer, Duration, Serializer};

    struct Written(Duration);

    impl serde::Serialize for Written {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            super::serialize(&self.0, to)
        }
    }

    impl<'de> Deserialize<'de> for Written {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            super::deserialize(from).map(Self)
        }
    }

    #[expect(clippy::ref_option, reason = "serde calls it like this")]
    pub(crate) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match duration {
            None => to.serialize_none(),
            Some(duration) => to.serialize_some(&Written(*duration)),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<Written>::deserialize(from)?.map(|duration| duration.0))
    }
}
