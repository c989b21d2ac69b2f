//! Durations as people write them: `"500ms"`, `"5s"`, `"1m 30s"`.

use std::time::Duration;

use athena_cache_core::backend::Excerpt;
use serde::{Deserialize, Deserializer, Serializer, de};

pub(super) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&humantime::format_duration(*value))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    humantime::parse_duration(&text).map_err(|error| {
        let (text, error) = (Excerpt::of(&text), Excerpt::of(error));
        de::Error::custom(format!("`{text}` is not a duration such as `500ms` or `5s`: {error}"))
    })
}
