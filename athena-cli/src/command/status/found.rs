//! What servers and processes said, and how that is to end; pure.

use std::collections::BTreeMap;

use athena_cache_core::backend::operate::{SentinelReport, StoreKind, Survey};
use athena_cache_core::{Fleet, Health, HealthEntry};

use crate::exit::Exit;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) survey: Survey,
    pub(super) checks: BTreeMap<String, HealthEntry>,
    pub(super) sentinels: Option<SentinelReport>,
    pub(super) fleet: Option<Fleet>,
}

impl Found {
    /// A check that finds no fault because nobody has said anything has found nothing.
    pub(super) fn leave_out_what_is_not_known(&mut self) {
        let (kind, is_any_reached) = (self.survey.kind, self.survey.connected_nodes() > 0);
        self.checks.retain(|name, entry| {
            let is_about_these = match name.as_str() {
                "cluster_state" => kind == StoreKind::Cluster,
                "sentinel_quorum" => kind == StoreKind::Sentinel,
                _ => true,
            };
            is_about_these && (is_any_reached || entry.status != Some(Health::Healthy))
        });
    }

    pub(super) fn health(&self) -> Health {
        self.checks.values().filter_map(|entry| entry.status).max().unwrap_or_default()
    }

    /// Trouble is whatever somebody has to do something about now: other warnings may wait, and `doctor` has them.
    pub(super) fn exit(&self) -> Exit {
        let is_silent = self.survey.error.is_some()
            || self.survey.nodes.iter().any(|node| !node.is_connected)
            || self.sentinels.as_ref().is_some_and(|it| it.answered() < it.sentinels.len());
        // Where one primary of several keeps nothing, the others do.
        let keeping = self.checks.get("distributed_cache").and_then(|it| it.status);
        let keeps = keeping.is_none_or(|keeping| keeping == Health::Healthy);
        let disagrees = self.fleet.as_ref().is_some_and(|fleet| !fleet.disagreements.is_empty());
        let is_healthy = self.health() < Health::Unhealthy;
        if is_silent || disagrees || !keeps || !is_healthy { Exit::Trouble } else { Exit::Fine }
    }
}
