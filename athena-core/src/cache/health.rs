//! Health, as people hold it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use super::Cache;
use crate::health::{Finding, Health, HealthReport, Need};
use crate::runtime::Runtime;
use crate::settings::MemoryRole;

/// The health checks of a cache, from [`Cache::health_checks`](crate::Cache::health_checks); clones are the same ones.
///
/// A cache with a backend has some of its own, none of which is [needed](Need::Ready). Each may be replaced by one of
/// the same name, or removed. What nobody told is `None`, neither healthy nor trouble:
///
/// | name | is healthy if |
/// |---|---|
/// | `redis_connectivity` | every primary answers, within [`ping`](crate::HealthSettings::ping) |
/// | `distributed_cache` | a name of its own is written, read and removed on every primary |
/// | `breakers`, `journal`, `trust` | no breaker is open, no invalidation waits for long, memory answers |
/// | `access` | every primary lets us in, and do what is needed |
/// | `maintenance` | no node is isolated |
/// | `replication`, `persistence`, `memory` | replicas that are known answer and follow, files are written, there is room (backends that tell) |
/// | `cluster_state` | all slots are served, by the word of every node (clusters) |
/// | `sentinel_connectivity` | most sentinels answer this process, which hears from them who serves (where there are some) |
/// | `sentinel_quorum` | every sentinel answers and has its quorum, by its own word (where there are some) |
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use athena_cache_core::{Cache, Finding, Health, Need};
///
/// let cache = Cache::in_memory("shop");
/// let checks = cache.health_checks();
/// checks.add("disk", Need::Quality, || async { Finding::degraded("2 GiB free, expected 10") });
/// let report = checks.report().await;
/// assert_eq!(report.status, Health::Degraded);
/// assert_eq!(report.entries["disk"].status, Some(Health::Degraded));
/// # }
/// ```
#[derive(Clone)]
pub struct HealthChecks(Arc<Runtime>);

impl Cache {
    /// Whether every tier does its work, as far as is known; asks nobody.
    ///
    /// A refusal counts for 30 s. [`nodes`](Self::nodes) tells which node it is about, and what that lacks;
    /// [`health_checks`](Self::health_checks) ask.
    pub fn health(&self) -> Health {
        let Some(remote) = self.0.remote().filter(|_| !self.0.is_closed()) else {
            return if self.0.is_closed() { Health::Unhealthy } else { Health::Healthy };
        };
        let has_no_tier = self.0.settings.memory.role == MemoryRole::Off && !remote.reaches_any();
        if has_no_tier {
            Health::Unhealthy
        } else if remote.is_available() && !remote.is_refused() {
            Health::Healthy
        } else {
            Health::Degraded
        }
    }

    /// The health checks of this cache: those that it has by itself, and yours.
    pub fn health_checks(&self) -> HealthChecks {
        HealthChecks(Arc::clone(&self.0))
    }
}

impl HealthChecks {
    /// Adds a check, or replaces the one of this name.
    ///
    /// It runs within [`limit`](crate::HealthSettings::limit), on a task of its own where there is a tokio runtime;
    /// that it panics, or does not end, is what it has found. One that holds up its thread beyond that is not begun
    /// again before it has ended.
    pub fn add<F>(
        &self,
        name: impl Into<String>,
        need: Need,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = Finding> + Send + 'static,
    {
        self.0.checks.add(name.into(), need, check);
    }

    /// Removes a check; tells whether it was there.
    pub fn remove(&self, name: &str) -> bool {
        self.0.checks.remove(name)
    }

    /// The names of all checks, sorted.
    pub fn names(&self) -> Vec<String> {
        self.0.checks.names()
    }

    /// What all checks find, side by side.
    ///
    /// A report is good for [`cache_for`](crate::HealthSettings::cache_for), and whoever asks while it is made is
    /// given the same one, so that probes cannot load the nodes.
    pub async fn report(&self) -> Arc<HealthReport> {
        self.0.keep_alive();
        self.0.checks.report().await
    }

    /// For a probe of liveness: whether the process answers, which it does.
    ///
    /// It never looks at the backend, since a restart heals no Redis.
    pub fn is_live(&self) -> bool {
        true
    }

    /// For a probe of readiness: whether the report is not unhealthy.
    pub async fn is_ready(&self) -> bool {
        self.report().await.status != Health::Unhealthy
    }

    /// For a probe of start-up: whether every primary has been reached once, or
    /// [`startup`](crate::HealthSettings::startup) has passed; for ever from then on. Asks nobody.
    pub fn has_started(&self) -> bool {
        self.0.keep_alive();
        self.0.checks.has_started()
    }
}

impl fmt::Debug for HealthChecks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthChecks").field("names", &self.names()).finish_non_exhaustive()
    }
}
