//! When a breaker opens, and how it closes again, as plain data.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::policy::Percent;

/// When the breaker opens, and how it closes again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct BreakerSettings {
    /// Whether there is a breaker at all. Default true.
    pub enabled: bool,
    /// Failures in a row that open it. Default 5.
    #[serde(with = "crate::count")]
    pub failure_threshold: u32,
    /// Share of failures in the window that opens it. Default 50 %.
    pub failure_ratio: Percent,
    /// Calls the window must hold for the share to count. Default 20.
    #[serde(with = "crate::count")]
    pub minimum_calls: u32,
    /// Length of the window. Default 10 s.
    #[serde(with = "crate::duration")]
    pub window: Duration,
    /// How long it stays open the first time; each further time twice as long. Default 5 s.
    ///
    /// Where the backend answers and refuses writes, one of those that come is let through after 1 s meanwhile, or
    /// after this if it is shorter, and again until one is done.
    #[serde(with = "crate::duration")]
    pub recovery_time: Duration,
    /// Longest it stays open. Default 30 s.
    #[serde(with = "crate::duration")]
    pub max_recovery_time: Duration,
    /// Spread of the recovery time, up and down, so that instances do not probe together. Default 20 %.
    pub recovery_jitter: Percent,
    /// Probes that must succeed one after another before it closes. Default 2.
    #[serde(with = "crate::count")]
    pub half_open_successes: u32,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            failure_threshold: 5,
            failure_ratio: Percent::new(50),
            minimum_calls: 20,
            window: Duration::from_secs(10),
            recovery_time: Duration::from_secs(5),
            max_recovery_time: Duration::from_secs(30),
            recovery_jitter: Percent::new(20),
            half_open_successes: 2,
        }
    }
}
