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

/// The same where nothing may be said.
pub(crate) mod optional {
    use super::{Deserialize, Deserializer, Duration, Serializer};

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
