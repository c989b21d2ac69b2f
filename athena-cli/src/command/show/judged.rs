//! One value, and what it answers by all that is known of what it depends on.
//!
//! Invariant: what is not known is told as that, and never as a value that is answered.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use athena_cache_core::backend::operate::{RawValue, Survey};
use athena_cache_core::backend::{Backend, Generation};
use athena_cache_core::inspect::{self, SeenStamp, SeenValue};
use athena_cache_redis::Redis;
use serde::Serialize;
use serde_json::Value;

/// How much of a payload is shown.
const SHOWN: usize = 256;

/// What is under one name.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown {
    pub(super) name: String,
    pub(super) bytes: Option<u64>,
    pub(super) life_ms: Option<u64>,
    /// Why it is no value of ours, if it is none.
    pub(super) unreadable: Option<String>,
    #[serde(flatten)]
    pub(super) value: Option<Read>,
}

/// A value that was read.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Read {
    pub(super) kind: &'static str,
    pub(super) codec: &'static str,
    pub(super) fingerprint: String,
    pub(super) ttl_ms: u64,
    pub(super) grace_ms: u64,
    pub(super) age_ms: Option<u64>,
    /// Whether it was written for this name.
    pub(super) is_own_name: bool,
    /// Whether it is of the present history of the node: `this`, `earlier`, `unknown`.
    pub(super) history: &'static str,
    /// Whether the namespace is as then: `as then`, `changed`, `gone`.
    pub(super) namespace: &'static str,
    pub(super) tags: Vec<SeenTagState>,
    /// What follows for whoever asks for it.
    pub(super) answers: String,
    pub(super) payload_bytes: usize,
    /// JSON as it is, anything else as hexadecimal digits; the beginning of it as a text where it is cut.
    pub(super) payload: Value,
    pub(super) is_cut: bool,
}

/// A tag of a value: whether its generation is as then.
#[derive(Debug, Serialize)]
pub(super) struct SeenTagState {
    pub(super) tag: String,
    pub(super) state: &'static str,
}

/// What is under one name, without the bytes that are not shown.
pub(super) struct Stored {
    name: String,
    length: Option<u64>,
    remaining: Option<Duration>,
    pub(super) seen: Result<SeenValue, String>,
    payload_bytes: usize,
}

impl Stored {
    /// Reads what was found under a name, of which no more than `most` bytes were asked for.
    pub(super) fn new(name: &str, raw: RawValue, most: usize, is_full: bool) -> Self {
        let RawValue { bytes, length, remaining, .. } = raw;
        let mut seen = match bytes {
            _ if length.is_some_and(|length| length > most as u64) => {
                Err(format!("it is too large to be read here: {most} bytes are read at most"))
            }
            Some(bytes) => inspect::look(name, &bytes, remaining),
            None => Err("it is no text".to_owned()),
        };
        let payload_bytes = seen.as_ref().map(|seen| seen.payload.len()).unwrap_or_default();
        if let Ok(seen) = seen.as_mut()
            && !is_full
        {
            seen.payload.truncate(SHOWN);
            seen.payload.shrink_to_fit();
        }
        Self { name: name.to_owned(), length, remaining, seen, payload_bytes }
    }
}

/// What a value is judged by.
pub(super) struct Context<'a> {
    pub(super) redis: &'a Redis,
    pub(super) survey: &'a Survey,
    /// Generations as they are now.
    pub(super) now: BTreeMap<String, Option<RawValue>>,
    pub(super) namespace: &'a str,
    pub(super) whole: String,
}

impl Context<'_> {
    pub(super) fn shown(&self, stored: Stored) -> Shown {
        let Stored { name, length, remaining, seen, payload_bytes } = stored;
        let shown = Shown { bytes: length, life_ms: remaining.map(ms), ..Shown::default() };
        match seen {
            Ok(seen) => {
                let value = Some(self.read(&name, &seen, payload_bytes));
                Shown { name, value, ..shown }
            }
            Err(unreadable) => Shown { name, unreadable: Some(unreadable), ..shown },
        }
    }

    fn read(&self, name: &str, seen: &SeenValue, payload_bytes: usize) -> Read {
        let history = match self.history_at(name) {
            None => "unknown",
            Some(history) if history == seen.history => "this",
            Some(_) => "earlier",
        };
        let namespace = self.state(&self.whole, seen.namespace);
        let tag = |tag: &inspect::SeenTag| {
            let name = inspect::tag_name(self.namespace, &tag.tag).unwrap_or_default();
            SeenTagState { tag: tag.tag.clone(), state: self.state(&name, tag.stamp) }
        };
        let tags: Vec<_> = seen.tags.iter().map(tag).collect();
        let answers = answers(seen, history, namespace, tags.iter().map(|tag| tag.state));
        let is_cut = seen.payload.len() < payload_bytes;
        Read {
            kind: seen.kind,
            codec: seen.codec,
            fingerprint: format!("{:016x}", seen.fingerprint),
            ttl_ms: ms(seen.ttl),
            grace_ms: ms(seen.grace),
            age_ms: seen.age.map(ms),
            is_own_name: seen.is_own_name,
            history,
            namespace,
            tags,
            answers,
            payload_bytes,
            payload: payload(seen, is_cut),
            is_cut,
        }
    }

    /// Whether a generation is as a value has it.
    fn state(&self, name: &str, stamp: SeenStamp) -> &'static str {
        let now = self.now.get(name).and_then(Option::as_ref);
        let now = now.and_then(|now| now.bytes.as_deref()).and_then(Generation::parse);
        match now {
            None => "gone",
            Some(now) if now.get() != stamp.generation => "changed",
            Some(_) => match self.history_at(name) {
                Some(history) if history != stamp.history => "of an earlier history",
                _ => "as then",
            },
        }
    }

    /// The past of the node that serves a name, as it says.
    fn history_at(&self, name: &str) -> Option<u64> {
        let endpoint = self.redis.endpoint(self.redis.node(name));
        let node = self.survey.nodes.iter().find(|node| node.endpoint == endpoint)?;
        u64::from_str_radix(node.history.as_deref()?, 16).ok()
    }
}

/// What follows for whoever asks for it.
fn answers(
    seen: &SeenValue,
    history: &str,
    namespace: &'static str,
    tags: impl Iterator<Item = &'static str>,
) -> String {
    let states: Vec<_> = [namespace].into_iter().chain(tags).collect();
    let age = seen.age;
    let text = if !seen.is_own_name {
        "nobody: it was written for another entry"
    } else if states.iter().any(|state| matches!(*state, "changed" | "gone")) {
        "nobody: it was invalidated since"
    } else if history == "earlier" || states.contains(&"of an earlier history") {
        "in grace at best: it is of an earlier history, as before a failover"
    } else {
        match age {
            None => "nobody: it lives longer than it was given, so that its age is not known",
            Some(age) if age <= seen.ttl => "fresh",
            Some(_) => "stale: within grace",
        }
    };
    text.to_owned()
}

fn payload(seen: &SeenValue, is_cut: bool) -> Value {
    if seen.codec == "json" {
        let text = || String::from_utf8_lossy(&seen.payload).into_owned();
        if is_cut {
            return Value::String(text());
        }
        if let Ok(value) = serde_json::from_slice(&seen.payload) {
            return value;
        }
    }
    let mut text = String::with_capacity(2 * seen.payload.len());
    for byte in &seen.payload {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    Value::String(text)
}

pub(super) fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
