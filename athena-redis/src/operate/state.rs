//! What all questions of operators share.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use athena_cache_core::backend::operate::{StoreKind, Survey};
use athena_cache_core::backend::{Class, Failure, Node};
use tokio::time::Instant;

use super::fresh::Fresh;
use super::spares::Spares;
use crate::config::Access;
use crate::link::Spare;
use crate::lock::Lock;
use crate::topology::{KnownNodes, Topology};
use crate::url::Endpoint;

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
}

impl OperationsState {
    /// Who is there; waits for whoever looks for them no longer than `limit`.
    pub(super) async fn known_nodes(&self, limit: Duration) -> KnownNodes {
        self.topology.known_nodes(limit).await
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
