//! Everything an operator asks of a cache, in one document: `GET /ha/status`.
//!
//! Invariant: what is not known is `null`, and no number is one that JSON cannot hold.

mod merge;
mod parts;

use std::time::Duration;

use futures_util::future::join;
use serde::Serialize;

use super::Cache;
use crate::health::HealthReport;
use crate::moment::Moment;
use crate::remote::RegionStatus;
use crate::telemetry::timeline::Occurrence;

pub use parts::{
    ClusterStatus, FailoverStatus, JournalStatus, MaintenanceStatus, Performance, ProcessStatus,
    RecoveryStatus, ServerStatus, TrustStatus,
};

/// How long a node may take to say how it is.
const SURVEYED: Duration = Duration::from_millis(500);

/// How a cache fares, what it did of late, and what it runs on: from [`Cache::status`](super::Cache::status).
///
/// It is serialized with names `likeThis`, times as RFC 3339 in UTC, durations as `00:00:00.0042000`. It holds no key,
/// argument, tag or value; it names addresses of nodes, which [`without_details`](Self::without_details) takes out.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Status {
    /// When it was made.
    pub timestamp: Moment,
    /// What the checks found.
    pub overall_health: HealthReport,
    /// The nodes of the backend, counted.
    pub redis_cluster: ClusterStatus,
    /// What the cache did of late.
    pub performance: Performance,
    /// What became of the backend.
    pub failover: FailoverStatus,
    /// This process.
    pub process: ProcessStatus,
    /// The nodes of the backend, one by one.
    pub nodes: Vec<ServerStatus>,
    /// Invalidations that wait for the backend.
    pub journal: JournalStatus,
    /// Whether memory answers.
    pub trust: TrustStatus,
    /// What is announced of the backend's maintenance.
    pub maintenance: MaintenanceStatus,
    /// What was done so that the cache gets well.
    pub recovery: RecoveryStatus,
    /// The regions of the namespace, the primary first; left out without regions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<RegionStatus>,
    /// What rarely happens, the latest last.
    pub timeline: Vec<Occurrence>,
}

impl Cache {
    /// Everything an operator asks of it: what is known, what health checks find, and what the nodes say.
    ///
    /// Answers within the [limit](crate::HealthSettings::limit) of a check, with what is known by then; nodes are asked
    /// once for all who ask within a second.
    pub async fn status(&self) -> Status {
        let runtime = self.runtime();
        runtime.keep_alive();
        self.supervise();
        #[cfg(feature = "json")]
        self.join_fleet();
        let operator = runtime.remote().and_then(|remote| remote.operator());
        let limit = SURVEYED.min(runtime.settings.health.limit);
        let seen = async {
            let Some(operator) = operator else { return (None, None) };
            let (survey, sentinels) = join(operator.survey(limit), operator.sentinels(limit)).await;
            (Some(survey), sentinels)
        };
        let (health, (survey, sentinels)) = join(runtime.checks.report(), seen).await;
        merge::status(self, &health, survey.as_deref(), sentinels.as_ref())
    }
}

impl Status {
    /// The same without addresses, names of hosts and sentences that may hold them: for whoever may not know these.
    ///
    /// Nodes are told apart by numbers, as `node 1`.
    #[must_use]
    pub fn without_details(mut self) -> Self {
        self.overall_health = self.overall_health.without_details();
        self.process.host = None;
        for (server, number) in self.nodes.iter_mut().zip(1..) {
            server.endpoint = format!("node {number}");
            // That it refuses is no detail: nothing is told in its place that is not so.
            server.refuses =
                server.refuses.as_ref().map(|_| "what it says is not shown".to_owned());
            server.error = server.error.as_ref().map(|_| "not reached".to_owned());
        }
        self.maintenance.node = None;
        self.maintenance.raw = None;
        for occurrence in &mut self.timeline {
            occurrence.endpoint = None;
            occurrence.from = None;
            occurrence.actor = None;
        }
        self
    }
}
