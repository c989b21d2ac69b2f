//! What is told of one entry: that it is there, how old it is, and where; never what it holds, nor its name.

use std::fmt::Write;
use std::time::Duration;

use athena_cache_core::{Cache, HeldEntry, HeldValue};

/// What came of a look.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) text: String,
    pub(super) found: Option<HeldEntry>,
}

/// Looks for the entry of a key; without details nothing tells where it is, nor why it cannot be told.
pub(super) async fn look(cache: &Cache, key: &str, details: bool) -> Looked {
    let told = |text: &str| Looked { text: text.to_owned(), found: None };
    match cache.stored(key).await {
        Ok(Some(mut found)) => {
            if !details {
                found.endpoint = None;
            }
            Looked { text: sentence(&found), found: Some(found) }
        }
        Ok(None) => told("this cache has no backend: its entries are in memory alone"),
        // It repeats what was asked for.
        Err(error) if error.is_settings() => told("it is no key"),
        Err(error) if details => told(&error.to_string()),
        Err(_) => told("it cannot be told: Redis does not answer, or nothing is sent to it"),
    }
}

fn sentence(found: &HeldEntry) -> String {
    let mut text = match found.values.len() {
        0 => "nothing is stored".to_owned(),
        1 => format!("one value: {}", described(&found.values[0])),
        many => {
            let all: Vec<_> = found.values.iter().map(described).collect();
            format!("{many} values, of {many} types: {}", all.join("; "))
        }
    };
    // Writing to a text does not fail.
    if let Some(endpoint) = &found.endpoint {
        let _ = write!(text, "; its node is {endpoint}");
    }
    if found.is_leased {
        text.push_str("; somebody loads it now");
    }
    text
}

fn described(value: &HeldValue) -> String {
    let bytes =
        value.bytes.map_or_else(|| "of unknown size".to_owned(), |it| format!("{it} bytes"));
    let Some(envelope) = &value.envelope else {
        return format!("{bytes}, which no cache can read");
    };
    let time = |millis: u64| format!("{:?}", Duration::from_secs(millis / 1_000));
    let age = match envelope.age_ms {
        None => "of unknown age, which nobody is given".to_owned(),
        Some(age) if age <= envelope.ttl_ms => {
            format!("{} old, fresh for {} more", time(age), time(envelope.ttl_ms - age))
        }
        Some(age) => format!("{} old, stale, within grace", time(age)),
    };
    let tags = envelope.tags;
    format!("{bytes} ({}, {}), {age}, {tags} tags", envelope.kind, envelope.codec)
}
