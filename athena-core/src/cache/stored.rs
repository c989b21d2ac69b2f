//! What is stored for one entry, as much of it as may be shown to whoever may not read values.
//!
//! Invariant: no name, key, tag or value is in it.

use std::time::Duration;

use serde::Serialize;

use super::Cache;
use crate::backend::operate::RawValue;
use crate::backend::{Class, Failure};
use crate::error::Error;
use crate::inspect::{entry_names, look};
use crate::resilience::breaker::BreakerState;

/// What a backend holds for an entry.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct HeldEntry {
    /// The node that serves it; taken out for whoever may not know.
    pub endpoint: Option<String>,
    /// A value for each type that it was written as.
    pub values: Vec<HeldValue>,
    /// Whether some process loads it, or says so.
    pub is_leased: bool,
}

/// A value, without what it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct HeldValue {
    /// What it takes in the backend.
    pub bytes: Option<u64>,
    /// How long it is there still, in milliseconds; `None` if it has no end.
    pub life_ms: Option<u64>,
    /// What it says of itself; `None` if it is no value of a cache.
    pub envelope: Option<HeldEnvelope>,
}

/// What a value says of itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct HeldEnvelope {
    /// What it remembers: `value`, `absent`, `failed`.
    pub kind: &'static str,
    /// How it is written.
    pub codec: &'static str,
    /// How long it is fresh, in milliseconds.
    pub ttl_ms: u64,
    /// For how long it may be served stale after that, in milliseconds.
    pub grace_ms: u64,
    /// Its age, in milliseconds; `None` if it lives longer than it was given.
    pub age_ms: Option<u64>,
    /// How many tags it has.
    pub tags: usize,
}

impl Cache {
    /// What the backend holds for an entry, by its key; `None` without a backend that can be asked.
    ///
    /// # Errors
    ///
    /// The text is no key; the backend is isolated, and nothing is sent; or the node did not answer in time.
    #[doc(hidden)]
    pub async fn stored(&self, key: &str) -> Result<Option<HeldEntry>, Error> {
        let names = entry_names(self.namespace(), key)?;
        let runtime = self.runtime();
        let Some(remote) = runtime.remote() else { return Ok(None) };
        if self.breaker() == Some(BreakerState::Isolated) {
            let failure =
                Failure::new(Class::Open, "the backend is isolated: nothing is asked of it");
            return Err(Error::backend(failure));
        }
        let Some(operator) = remote.operator() else { return Ok(None) };
        let all: Vec<_> = names.values.iter().chain([&names.lease]).cloned().collect();
        let limit = runtime.settings.health.limit;
        let found = runtime.clock.within(limit, operator.stored(&all, usize::MAX)).await;
        let no_answer = || Failure::new(Class::Timeout, format_args!("no answer within {limit:?}"));
        let mut found = found.unwrap_or_else(|| Err(no_answer())).map_err(Error::backend)?;
        let is_leased = found.pop().flatten().is_some();
        let value = |(name, stored): (&String, Option<RawValue>)| Some(seen(name, &stored?));
        let values = names.values.iter().zip(found).filter_map(value).collect();
        Ok(Some(HeldEntry { endpoint: Some(remote.endpoint_of(&names.entry)), values, is_leased }))
    }
}

fn seen(name: &str, stored: &RawValue) -> HeldValue {
    let bytes = stored.bytes.as_deref();
    let seen = bytes.and_then(|bytes| look(name, bytes, stored.remaining).ok());
    let envelope = seen.filter(|seen| seen.is_own_name).map(|seen| HeldEnvelope {
        kind: seen.kind,
        codec: seen.codec,
        ttl_ms: millis(seen.ttl),
        grace_ms: millis(seen.grace),
        age_ms: seen.age.map(millis),
        tags: seen.tags.len(),
    });
    HeldValue { bytes: stored.length, life_ms: stored.remaining.map(millis), envelope }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
