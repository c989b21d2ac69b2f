//! What is said of outcomes, in the words of HTTP.

use std::time::Duration;

use athena_cache_core::CacheOutcomes;
use http::header::{AGE, HeaderMap, HeaderName, HeaderValue};

const X_ATHENA_CACHE: HeaderName = HeaderName::from_static("x-athena-cache");
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Which headers there are.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each header is there or not")]
pub(super) struct ShownHeaders {
    pub(super) worst_outcome: bool,
    pub(super) age: bool,
    pub(super) cache_status: bool,
    pub(super) server_timing: bool,
}

impl ShownHeaders {
    /// Adds what is said of the calls, if there were any.
    pub(super) fn add(self, outcomes: &CacheOutcomes, headers: &mut HeaderMap) {
        let Some(worst) = outcomes.worst() else { return };
        if self.worst_outcome {
            headers.entry(X_ATHENA_CACHE).or_insert(HeaderValue::from_static(worst));
        }
        if let Some(age) = outcomes.age().filter(|_| self.age) {
            headers.entry(AGE).or_insert(age.as_secs().into());
        }
        // Lists, to which each cache on the way adds its own word.
        if self.cache_status {
            append(headers, CACHE_STATUS, &cache_status(worst, outcomes));
        }
        if self.server_timing {
            append(headers, SERVER_TIMING, &server_timing(outcomes));
        }
    }
}

fn append(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.append(name, value);
    }
}

fn cache_status(worst: &str, outcomes: &CacheOutcomes) -> String {
    let why = match worst {
        // Nothing was forwarded, and nothing answered.
        "ERROR" => return "athena; detail=unavailable".to_owned(),
        "HIT" => "hit",
        "STALE" => "fwd=stale",
        "MISS" => "fwd=miss",
        _ => "fwd=bypass",
    };
    // Only if nothing of this request ran by itself.
    let is_collapsed = outcomes.joined > 0 && outcomes.joined == outcomes.misses;
    let collapsed = if worst == "MISS" && is_collapsed { "; collapsed" } else { "" };
    format!("athena; {why}{collapsed}")
}

fn server_timing(outcomes: &CacheOutcomes) -> String {
    let (calls, hits) = (outcomes.calls(), outcomes.hits());
    let [call, hit] = [(calls, "call"), (hits, "hit")]
        .map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }));
    let mut timing = format!("athena;desc=\"{call}, {hit}\"");
    // Hits in memory are not timed: of them nothing is said.
    if !outcomes.waiting.is_zero() {
        let own = outcomes.waiting.saturating_sub(outcomes.loading);
        timing = format!("{timing};dur={:.1}", millis(own));
    }
    if !outcomes.loading.is_zero() {
        timing = format!("{timing}, load;dur={:.1}", millis(outcomes.loading));
    }
    timing
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
