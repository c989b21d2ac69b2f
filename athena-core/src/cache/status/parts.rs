//! The parts of the document.

use std::time::Duration;

use serde::Serialize;

use crate::backend::Ability;
use crate::moment::Moment;
use crate::resilience::breaker::BreakerState;
use crate::time_span;

/// The nodes of a backend, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ClusterStatus {
    /// Those that are known; sentinels count apart. `None` if that was not found out, as are the next ones.
    pub total_nodes: Option<usize>,
    /// Those that answered.
    pub connected_nodes: Option<usize>,
    /// Those that answered, and say of themselves that they are primaries.
    pub master_nodes: Option<usize>,
    /// What they are together: `standalone`, `sentinel`, `cluster`; `none` without a backend.
    pub kind: Option<String>,
    /// Slots that are served, of 16384; only of a cluster.
    pub slots_ok: Option<u32>,
    /// Sentinels that are known; only where there are some.
    pub sentinels: Option<usize>,
}

/// What a cache did of late, from its own counters.
///
/// Shares are 0 to 1, and 0 where there was no call.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Performance {
    /// Calls answered from a tier, fresh or stale, of all.
    pub hit_rate: f64,
    /// Calls in a second.
    pub requests_per_second: f64,
    /// What a call took on average, in milliseconds; hits in memory as their sample of one in 1024 did.
    pub average_response_time: f64,
    /// Exchanges with the backend that failed, of all: errors of the cache. `failed_rate` tells of how many a caller
    /// saw something.
    pub error_rate: f64,
    /// Bytes that the primaries hold; `None` if that is not known.
    pub memory_usage: Option<u64>,
    /// Calls.
    pub requests: u64,
    /// How long ago the window began, in seconds.
    pub window_seconds: f64,
    /// Entries in memory now.
    pub memory_entries: u64,
    /// Calls answered with a stale value, of all.
    pub stale_rate: f64,
    /// Calls that got an error since the backend could not answer, of all: those with
    /// [`FailFast`](crate::Fallback::FailFast), and those that only look.
    pub failed_rate: f64,
    /// Loads that failed or were given up, of all.
    pub load_error_rate: f64,
}

/// What became of a backend.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FailoverStatus {
    /// How often another node took over.
    pub failover_count: u64,
    /// When the last one was over.
    pub last_failover_time: Option<Moment>,
    /// How long it took, from its first sign until the new node could be used.
    #[serde(serialize_with = "time_span::serialize_known")]
    pub recovery_time: Option<Duration>,
    /// The worst state of a breaker: `Closed`, `Open`, `HalfOpen`, `Isolated`, `Disabled`; `None` without a backend.
    pub circuit_breaker_state: Option<String>,
}

/// A process that has a cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ProcessStatus {
    /// A name that no other cache has: the namespace and a random number.
    pub id: String,
    /// The machine, if it is known by a name.
    pub host: Option<String>,
    /// When the cache was built.
    pub started_at: Moment,
    /// Of athena-cache.
    pub version: String,
    /// The namespace.
    pub namespace: String,
    /// A digest of the settings that it was built with: two processes of one version that differ in it were told different things.
    pub settings: String,
}

/// A node of a backend: what this process knows of it, and what it said when it was asked.
///
/// What is `None` was not found out.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ServerStatus {
    /// Where it is.
    pub endpoint: String,
    /// Whether names are asked of it.
    pub is_in_use: bool,
    /// Whether an operation sent now would reach it, as far as is known; `None` of one that is not in use, as are the
    /// next seven.
    pub ready: Option<bool>,
    /// Operations that it has not answered.
    pub in_flight: Option<usize>,
    /// The breaker of reads and removals.
    pub breaker: Option<BreakerState>,
    /// The breaker of writes.
    pub write_breaker: Option<BreakerState>,
    /// For how long the first of them refuses operations still, in seconds.
    pub retry_after_seconds: Option<f64>,
    /// Whether all changes of what was read from it are heard of, so that memory answers.
    pub trusted: Option<bool>,
    /// What it does not let us do.
    pub lacks: Vec<Ability>,
    /// Whether those who decide who serves stand by it.
    pub confirmed: Option<bool>,
    /// What it answers in place of doing its work.
    pub refuses: Option<String>,
    /// Whether it answered when it was asked; `None` of one that was not.
    pub is_connected: Option<bool>,
    /// Whether it follows another node, as it says.
    pub is_replica: Option<bool>,
    /// `standalone`, `cluster` or `sentinel`, as it says.
    pub server_type: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The availability zone, as it says.
    pub availability_zone: Option<String>,
    /// Names the past of what it holds.
    pub history: Option<String>,
    /// Bytes that it holds.
    pub used_memory: Option<u64>,
    /// Bytes that it may hold; 0 is no limit.
    pub max_memory: Option<u64>,
    /// Replicas that follow it.
    pub replicas: Option<u64>,
    /// Of a replica: bytes of changes that it has not taken over; of a primary: those of its last replica.
    pub lag_bytes: Option<u64>,
    /// Of a replica: seconds since it has heard of its primary; of a primary: since its last replica has confirmed
    /// anything.
    pub lag_seconds: Option<u64>,
    /// The slots that it serves, as ranges.
    pub slots: Option<String>,
    /// Why it did not answer.
    pub error: Option<String>,
}

/// Invalidations that wait for the backend.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct JournalStatus {
    /// How many.
    pub depth: u64,
    /// How long the oldest has waited, in seconds; 0 if none does.
    pub oldest_seconds: f64,
}

/// Whether memory answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TrustStatus {
    /// Whether it does for entries of every node of the backend that announces changes; `None` without a backend, if
    /// memory is not the first tier, and where no node announces any, by its rights or its kind.
    pub trusted: Option<bool>,
    /// How long a node may be silent before memory no longer answers for it, in seconds.
    pub window_seconds: Option<f64>,
}

/// What is announced of a backend's maintenance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MaintenanceStatus {
    /// `none`, `scheduled`, `imminent`, `active`, `ending`; `None` if nobody told, since nothing is subscribed.
    pub state: Option<String>,
    /// Who announced it.
    pub source: Option<String>,
    /// The node that it is about.
    pub node: Option<String>,
    /// Whether that is a replica.
    pub is_replica: Option<bool>,
    /// When it began.
    pub since: Option<Moment>,
    /// When it is to begin.
    pub starts_at: Option<Moment>,
    /// When it counts as over.
    pub until: Option<Moment>,
    /// Writes that wait for its end.
    pub buffered: u64,
    /// What was announced, to the letter, if it was not understood.
    pub raw: Option<String>,
}
