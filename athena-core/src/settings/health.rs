//! What health checks expect, as plain data.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::SHORTEST_WAIT;
use crate::health::HealthPolicy;

/// What health checks expect, and how long they may take.
///
/// ```toml
/// [health]
/// policy = "graceful"
/// ping = "100ms"
/// expect_persistence = false
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HealthSettings {
    /// What is made of all findings together. Default `graceful`.
    pub policy: HealthPolicy,
    /// How long each check may take. Default 1 s, at least 10 ms.
    #[serde(with = "crate::duration")]
    pub limit: Duration,
    /// For how long a report is good for whoever asks meanwhile. Default 1 s.
    #[serde(with = "crate::duration")]
    pub cache_for: Duration,
    /// What a question to a node may take before the node counts as slow. Default 100 ms.
    #[serde(with = "crate::duration")]
    pub ping: Duration,
    /// How long nodes are waited for before the service counts as started without them. Default 5 s.
    #[serde(with = "crate::duration")]
    pub startup: Duration,
    /// How long an invalidation may wait for the backend. Default 10 s.
    #[serde(with = "crate::duration")]
    pub journal_age: Duration,
    /// How long a replica may not have heard of its primary. Default 5 s.
    #[serde(with = "crate::duration")]
    pub replication_lag: Duration,
    /// How many replicas each primary has at least. Default 0.
    #[serde(with = "crate::count")]
    pub replicas: u64,
    /// Whether nodes are to keep what they hold beyond a restart. Default yes: a node that keeps nothing is empty
    /// after one, and every call loads.
    pub expect_persistence: bool,
}

impl Default for HealthSettings {
    fn default() -> Self {
        Self {
            policy: HealthPolicy::default(),
            limit: Duration::from_secs(1),
            cache_for: Duration::from_secs(1),
            ping: Duration::from_millis(100),
            startup: Duration::from_secs(5),
            journal_age: Duration::from_secs(10),
            replication_lag: Duration::from_secs(5),
            replicas: 0,
            expect_persistence: true,
        }
    }
}

impl HealthSettings {
    /// Adds what cannot be used.
    pub(super) fn check(&self, faults: &mut Vec<String>) {
        if self.limit < SHORTEST_WAIT {
            let limit = self.limit;
            faults
                .push(format!("`health.limit` is {limit:?}, expected at least {SHORTEST_WAIT:?}"));
        }
        if self.ping.is_zero() {
            faults.push("`health.ping` is 0, expected more: every node would be slow".to_owned());
        }
    }
}
