//! Durations as people write them: `"5s"`, `"250ms"`, `"1h 30m"`, and `"unlimited"` for the longest.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

use crate::count::UNLIMITED;
use crate::excerpt::Excerpt;

/// As people write it.
pub(crate) fn shown(duration: Duration) -> String {
    if duration == Duration::MAX { UNLIMITED.to_owned() } else { format!("{duration:?}") }
}

pub(crate) fn serialize<S: Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    if *duration == Duration::MAX {
        return serializer.serialize_str(UNLIMITED);
    }
    serializer.collect_str(&humantime::format_duration(*duration))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == UNLIMITED {
        return Ok(Duration::MAX);
    }
    humantime::parse_duration(&text).map_err(|reason| {
        D::Error::custom(format!(
            "invalid duration `{}`: {}; expected something like `250ms`, `5s` or `1h 30m`, or `unlimited`",
            Excerpt::of(&text),
            Excerpt::of(reason)
        ))
    })
}
