//! What operations and the refresher both see.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arc_swap::ArcSwapOption;
use athena_cache_core::backend::{Class, Failure, Message, Node};
use tokio::sync::{Notify, watch};

use super::layout::Layout;
use super::registry::Registry;
use crate::config::Access;
use crate::link::Client;
use crate::lock::Lock;
use crate::url::Endpoint;

/// What operations and the refresher both see.
#[derive(Debug)]
pub(super) struct ClusterState {
    pub(super) seeds: Vec<Endpoint>,
    pub(super) access: Arc<Access>,
    pub(super) client: Arc<Client>,
    pub(super) registry: Registry,
    /// Stands for whoever serves a slot that nobody is known to serve.
    pub(super) nobody: Node,
    pub(super) wanted: Wanted,
    pub(super) search: watch::Sender<Search>,
    pub(super) is_refreshed: AtomicBool,
    /// Who is there, those that serve nothing included, by the latest words; for operators.
    pub(super) known: ArcSwapOption<Layout>,
}

/// That somebody met what the map does not show, and at which nodes.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    signal: Notify,
    met: Lock<HashSet<Endpoint>>,
}

impl Wanted {
    /// Waits until somebody has; answers all those nodes, once.
    pub(super) async fn next(&self) -> Vec<Endpoint> {
        self.signal.notified().await;
        self.met.lock().drain().collect()
    }
}

/// How the search for a first map stands.
#[derive(Debug, Clone)]
pub(super) enum Search {
    UnderWay,
    /// All seeds were asked in vain, each at least so often; it goes on.
    Vain {
        rounds: u32,
        reason: Arc<Reason>,
    },
    Done,
}

/// Why there is no map.
#[derive(Debug)]
pub(super) struct Reason {
    pub(super) class: Class,
    pub(super) message: Message,
}

impl ClusterState {
    /// Asks for a round of questions soon, which goes to these nodes as well.
    pub(super) fn want_refresh(&self, met: impl IntoIterator<Item = Endpoint>) {
        self.wanted.met.lock().extend(met);
        self.wanted.signal.notify_one();
    }

    pub(super) fn no_map(&self) -> Failure {
        if self.registry.is_closed() {
            return Failure::new(Class::Closed, "the redis cluster was closed");
        }
        match &*self.search.borrow() {
            Search::Vain { reason, .. } => Failure::new(reason.class, &reason.message),
            Search::UnderWay | Search::Done => {
                Failure::new(Class::Unreachable, "no node of the redis cluster has answered yet")
            }
        }
    }
}
