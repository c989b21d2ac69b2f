//! What is to be done, as a body says it.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Bytes of a name.
const LONGEST: usize = 1_024;
/// Seconds of an isolation.
const SECONDS: std::ops::RangeInclusive<u32> = 1..=3_600;

/// What is to be done, and on which cache.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) cache: String,
    pub(super) what: What,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    Entry(String),
    Tag(String),
    Everything,
    Isolate(Duration),
    Resume,
    Reconnect,
    Look(String),
}

#[derive(Debug, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case", deny_unknown_fields)]
enum Invalidate {
    Entry { cache: String, name: String },
    Tag { cache: String, name: String },
    Everything { cache: String, confirm: String },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Isolate {
    cache: String,
    seconds: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resume {
    cache: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Look {
    cache: String,
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reconnect {
    cache: String,
}

impl Order {
    /// # Errors
    ///
    /// What is wrong with the body, and what is expected; nothing of what it holds.
    pub(super) fn read(action: &str, body: &[u8]) -> Result<Self, String> {
        match action {
            "isolate" => {
                let Isolate { cache, seconds } =
                    read(body, "{\"cache\": …, \"seconds\": 1 to 3600}")?;
                if !SECONDS.contains(&seconds) {
                    return Err("`seconds` is out of bounds, expected 1 to 3600".into());
                }
                let what = What::Isolate(Duration::from_secs(seconds.into()));
                Ok(Self { cache, what })
            }
            "resume" => {
                let Resume { cache } = read(body, "{\"cache\": …}")?;
                Ok(Self { cache, what: What::Resume })
            }
            "look" => {
                let Look { cache, name } = read(body, "{\"cache\": …, \"name\": …}")?;
                Ok(Self { cache, what: What::Look(named(name)?) })
            }
            "reconnect" => {
                let Reconnect { cache } = read(body, "{\"cache\": …}")?;
                Ok(Self { cache, what: What::Reconnect })
            }
            _ => Self::invalidate(body),
        }
    }

    fn invalidate(body: &[u8]) -> Result<Self, String> {
        let expected = "{\"cache\": …, \"what\": \"entry\" or \"tag\", \"name\": …}, or {\"cache\": …, \"what\": \
                        \"everything\", \"confirm\": the namespace}";
        Ok(match read(body, expected)? {
            Invalidate::Entry { cache, name } => Self { cache, what: What::Entry(named(name)?) },
            Invalidate::Tag { cache, name } => Self { cache, what: What::Tag(named(name)?) },
            Invalidate::Everything { cache, confirm } if cache == confirm => {
                Self { cache, what: What::Everything }
            }
            Invalidate::Everything { .. } => {
                return Err("`confirm` is not the namespace that is to be cleared".into());
            }
        })
    }
}

impl What {
    /// What the log and the timeline say.
    pub(super) fn told(&self) -> &'static str {
        match self {
            Self::Entry(_) => "invalidate an entry",
            Self::Tag(_) => "invalidate a tag",
            Self::Everything => "clear the namespace",
            Self::Isolate(_) => "isolate",
            Self::Resume => "resume",
            Self::Reconnect => "reconnect",
            Self::Look(_) => "look at an entry",
        }
    }
}

fn read<T: DeserializeOwned>(body: &[u8], expected: &str) -> Result<T, String> {
    serde_json::from_slice(body)
        .map_err(|_| format!("the body is something else, expected {expected}"))
}

fn named(name: String) -> Result<String, String> {
    match name.len() {
        0 => Err("`name` is empty".into()),
        1..=LONGEST => Ok(name),
        _ => Err("`name` is over 1024 bytes".into()),
    }
}
