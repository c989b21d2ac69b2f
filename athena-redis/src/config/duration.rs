//! Durations as people write them: `"500ms"`, `"5s"`, `"1m 30s"`.

use std::time::Duration;

use athena_cache_core::duration;
use serde::{Deserializer, Serializer, de};

pub(super) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&humantime::format_duration(*value))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let duration = duration::deserialize(from)?;
    if duration == Duration::MAX {
        return Err(de::Error::custom(
            "invalid duration `unlimited`: it has to end, expected something like `5s`",
        ));
    }
    Ok(duration)
}
