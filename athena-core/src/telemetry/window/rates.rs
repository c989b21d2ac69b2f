//! What was done between two moments, as it is given out.

use serde::Serialize;

use crate::moment::Moment;

/// What a cache did between two moments; shares are 0 to 1, and 0 where there was no call.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Rates {
    /// The end.
    pub at: Moment,
    /// How long before it the beginning is, in seconds.
    pub seconds: f64,
    /// Calls.
    pub requests: u64,
    /// Of them, those that memory answered fresh.
    pub memory: u64,
    /// Those that the backend answered fresh.
    pub backend: u64,
    /// Those that a stale value answered.
    pub stale: u64,
    /// Those that got the result of another call's load.
    pub joined: u64,
    /// Those that ran the function.
    pub misses: u64,
    /// Those that ran it with no cache involved.
    pub bypassed: u64,
    /// Those that got an error since the backend could not answer.
    pub failed: u64,
    /// Answered from a tier, of all.
    pub hit_rate: f64,
    /// Answered with a stale value, of all.
    pub stale_rate: f64,
    /// Got an error since the backend could not answer, of all.
    pub failed_rate: f64,
    /// Calls in a second.
    pub requests_per_second: f64,
    /// What a call took on average, in milliseconds.
    pub average_response_time: f64,
    /// Exchanges with the backend that failed, of all.
    pub error_rate: f64,
    /// Loads that failed or were given up, of all.
    pub load_error_rate: f64,
    /// The busiest functions.
    pub sites: Vec<SiteRates>,
}

/// What a cache did for one function between two moments.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SiteRates {
    /// The function.
    pub site: &'static str,
    /// Calls.
    pub requests: u64,
    /// Answered from a tier, of all.
    pub hit_rate: f64,
    /// Loads that failed or were given up.
    pub failures: u64,
}

/// What a cache did since it was built, at most three hours back: from [`Cache::history`](crate::Cache::history).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct History {
    /// Each 5 s for 10 min, the latest last.
    pub fine: Vec<Rates>,
    /// Each minute for 3 h, the latest last.
    pub coarse: Vec<Rates>,
}
