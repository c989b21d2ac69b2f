//! What all questions of operators share.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use athena_cache_core::backend::operate::{StoreKind, Survey};
use athena_cache_core::backend::{Class, Failure, Node};
use tokio::time::{Instant, sleep};

use super::fresh::Fresh;
use super::spares::Spares;
use crate::config::Access;
use crate::link::Spare;
use crate::lock::Lock;
use crate::topology::{KnownNodes, Topology};
use crate::url::Endpoint;

/// How long it is waited for, once, that sentinels say who the replicas are: they do with their first answers, and
/// most of them have to say the same.
const ACQUAINTANCE: Duration = Duration::from_millis(300);
const STEP: Duration = Duration::from_millis(10);

/// Those that did not let us ask for their settings, and when.
pub(super) type Denials = HashMap<Endpoint, Instant>;

#[derive(Debug)]
pub(super) struct OperationsState {
    pub(super) topology: Arc<Topology>,
    pub(super) kind: StoreKind,
    pub(super) seeds: usize,
    /// How operations reach data nodes.
    pub(super) access: Arc<Access>,
    pub(super) nodes: Spares,
    pub(super) sentinels: Option<Spares>,
    pub(super) surveyed: Fresh<Survey>,
    pub(super) denials: Lock<Denials>,
    pub(super) is_acquainted: AtomicBool,
}

impl OperationsState {
    /// Who is there; waits for whoever looks for them no longer than `limit`.
    pub(super) async fn known_nodes(&self, limit: Duration) -> KnownNodes {
        let mut known = self.topology.known_nodes(limit).await;
        if self.kind != StoreKind::Sentinel || known.error.is_some() {
            return known;
        }
        let until = Instant::now() + limit.min(ACQUAINTANCE);
        let is_first = !self.is_acquainted.swap(true, Ordering::Relaxed);
        while is_first && known.nodes.len() < 2 && Instant::now() < until {
            sleep(STEP).await;
            known = self.topology.known_nodes(limit).await;
        }
        known
    }

    /// The connection to a node that serves names.
    pub(super) fn spare_to(&self, node: Node) -> Result<Arc<Spare>, Failure> {
        let endpoint = self.topology.client().endpoint(node).filter(|endpoint| endpoint.port != 0);
        let endpoint = endpoint.ok_or_else(|| {
            let message = "no node of redis is known yet that serves this";
            Failure::new(Class::Unreachable, message)
        })?;
        Ok(self.nodes.to(&endpoint))
    }

    /// How long one question may take.
    pub(super) fn limit(&self) -> Duration {
        self.topology.client().limit()
    }
}
