//! The node of each slot.
//!
//! `refresh` asks the nodes (`nodes` reads what they answer), as the `machine` decides; `layout` says
//! what is true of their answers, `moves` what follows for operations. `registry` makes links and a
//! `map` of it, `redirect` sends by the map and follows redirects.
//!
//! Invariant: operations wait for the first map only; later nothing that happens to one node or to the
//! search for its successor delays what goes to another.

mod census;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod layout;
mod machine;
mod map;
mod moves;
mod nodes;
mod pace;
mod preference;
mod question;
mod reach;
mod redirect;
mod refresh;
mod registry;
mod report;
mod state;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use athena_cache_core::backend::{Class, Failure, Node};
use futures_util::stream::{self, StreamExt};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use self::map::Map;
use self::redirect::Delivery;
use self::registry::{MOST_UNATTESTED, Registry};
use self::state::{ClusterState, Reason, Search, Wanted};
use super::known::{KnownNode, KnownNodes};
use crate::config::Access;
use crate::link::{
    Batch, Client, Link, Malformed, Replies, TaskSlot, ended_within, inside_runtime, time_for,
};
use crate::slot;
use crate::url::Endpoint;

/// How many nodes are dialed at a time until the first one is connected.
const AT_A_TIME: usize = 8;

/// The nodes of one cluster.
///
/// Dropping it ends its task and closes its sockets.
#[derive(Debug)]
pub(crate) struct Cluster {
    shared: Arc<ClusterState>,
    refresher: TaskSlot,
}

impl Cluster {
    pub(crate) fn new(seeds: Vec<Endpoint>, access: Arc<Access>, client: Arc<Client>) -> Self {
        let registry = Registry::new(&access, Arc::clone(&client));
        let nobody = client.node(&Endpoint { host: "no node".into(), port: 0 });
        let (search, _) = watch::channel(Search::UnderWay);
        let (wanted, is_refreshed) = (Wanted::default(), AtomicBool::new(false));
        let shared = ClusterState {
            seeds,
            access,
            client,
            registry,
            nobody,
            wanted,
            search,
            is_refreshed,
            known: ArcSwapOption::empty(),
        };
        Self { shared: Arc::new(shared), refresher: TaskSlot::default() }
    }

    /// Sends each command of a batch to the node of its slot; replies in the order of the commands.
    pub(crate) async fn send<T>(
        &self,
        batch: &Batch,
        read: impl FnOnce(&mut Replies) -> Result<T, Malformed>,
    ) -> Result<T, Failure> {
        let deadline = Instant::now() + self.shared.client.limit();
        let map = self.map(deadline).await?;
        let slots = batch.slots().unwrap_or_default();
        let (link, mut replies) = match map.owner_of_all(slots) {
            Some(link) => {
                let replies = link.exchange_by(batch, deadline).await?;
                if replies.has_errors() {
                    let delivery = Delivery::new(&self.shared, batch, deadline);
                    delivery.resume(Arc::clone(link), replies).await?
                } else {
                    (Arc::clone(link), replies)
                }
            }
            None => Delivery::new(&self.shared, batch, deadline).begin().await?,
        };
        read(&mut replies).map_err(|malformed| link.malformed(&malformed))
    }

    /// Waits for the first map of the slots, and until one of its nodes is connected.
    ///
    /// With a limited number of attempts, fails after so many at every seed.
    pub(crate) async fn connect(&self) -> Result<(), Failure> {
        let ClusterState { access, search, .. } = &*self.shared;
        let most = access.attempts.unwrap_or(1);
        let deadline = Instant::now() + time_for(access, most);
        self.start()?;
        let mut search = search.subscribe();
        let settled = search.wait_for(|search| match search {
            Search::UnderWay => false,
            Search::Vain { rounds, .. } => *rounds >= most,
            Search::Done => true,
        });
        drop(timeout_at(deadline, settled).await);
        let map = self.map(deadline).await?;
        let mut links = map.links().to_vec();
        // One that has answered is there, and one node may have named thousands of others.
        links.sort_by_key(|link| !link.is_ready());
        let attempts = stream::iter(links).map(|link| async move { link.connect().await });
        let mut attempts = pin!(attempts.buffer_unordered(AT_A_TIME));
        let mut failure = self.shared.no_map();
        while let Some(outcome) = attempts.next().await {
            match outcome {
                Ok(()) => return Ok(()),
                Err(failed) => failure = failed,
            }
        }
        Err(failure)
    }

    /// The link to a node, once there is a first map.
    pub(crate) async fn link_to(&self, node: Node) -> Result<Arc<Link>, Failure> {
        let map = self.map(Instant::now() + self.shared.client.limit()).await?;
        // Whoever asks for nobody wants to know whether there is anybody.
        let anybody = map.links().first().filter(|_| node == self.shared.nobody);
        map.find(node).or(anybody).cloned().ok_or_else(|| {
            Failure::new(Class::Unreachable, "this node of the redis cluster serves no slots now")
        })
    }

    /// The node of a name, by the latest map.
    pub(crate) fn node(&self, name: &str) -> Node {
        let map = self.shared.registry.map();
        let owner = map.as_ref().and_then(|map| map.owner(slot::of(name)));
        owner.map_or(self.shared.nobody, |link| link.node())
    }

    /// The nodes that serve slots.
    pub(crate) fn nodes(&self) -> Vec<Node> {
        let map = self.shared.registry.map();
        map.as_ref().map(|map| map.nodes().to_vec()).unwrap_or_default()
    }

    /// The link to a node, if there is one.
    pub(crate) fn find(&self, node: Node) -> Option<Arc<Link>> {
        self.shared.registry.map().as_ref()?.find(node).cloned()
    }

    /// Every node that is known; waits for the first map no longer than `limit`.
    pub(crate) async fn known_nodes(&self, limit: Duration) -> KnownNodes {
        let map = self.map(Instant::now() + limit).await;
        let known = self.shared.known.load_full();
        let Some(known) = known else {
            let seeds = self.shared.seeds.iter().cloned().map(KnownNode::new);
            let error = map.err().map(|failure| failure.to_string());
            return KnownNodes { nodes: seeds.collect(), error, ..KnownNodes::default() };
        };
        let mut unattested = 0;
        let nodes = known.known_members().map(|(member, is_attested)| {
            unattested += usize::from(!is_attested);
            KnownNode {
                is_replica: Some(member.role.is_replica()),
                slots: member.slots.clone(),
                // What one other node alone says has us log in at few nodes.
                is_to_be_asked: is_attested || unattested <= MOST_UNATTESTED,
                ..KnownNode::new(member.endpoint.clone())
            }
        });
        KnownNodes { nodes: nodes.collect(), ..KnownNodes::default() }
    }

    /// A number for each node that serves slots, and another one once it serves others.
    pub(crate) fn terms(&self) -> Vec<(Node, u64)> {
        let map = self.shared.registry.map();
        map.as_ref().map(|map| map.terms()).unwrap_or_default()
    }

    /// Asks for a round of questions soon: a node said that it does not serve what it was asked for.
    pub(crate) fn look_again(&self, met: Endpoint) {
        self.shared.want_refresh([met]);
    }

    /// Ends all tasks and closes all sockets.
    pub(crate) async fn close(&self) {
        let closed = self.shared.registry.close();
        let refresher = self.refresher.take();
        if let Some(refresher) = &refresher {
            refresher.abort();
        }
        closed.await;
        if let Some(refresher) = refresher {
            ended_within(self.shared.client.limit(), refresher.end()).await;
        }
    }

    /// The present map; only the outcome of the first search is waited for.
    async fn map(&self, deadline: Instant) -> Result<Arc<Map>, Failure> {
        self.start()?;
        if let Some(map) = &*self.shared.registry.map() {
            return Ok(Arc::clone(map));
        }
        let mut search = self.shared.search.subscribe();
        let settled = search.wait_for(|search| !matches!(search, Search::UnderWay));
        // Settled or out of time: the map says which.
        drop(timeout_at(deadline, settled).await);
        match &*self.shared.registry.map() {
            Some(map) => Ok(Arc::clone(map)),
            None => Err(self.shared.no_map()),
        }
    }

    fn start(&self) -> Result<(), Failure> {
        self.refresher.give_up_standstill(pace::LONGEST_REST);
        if self.shared.is_refreshed.load(Ordering::Acquire) {
            return Ok(());
        }
        let (running, ending) = (Arc::clone(&self.shared), Arc::clone(&self.shared));
        self.refresher.start(
            || self.begin(),
            || refresh::refresh(running),
            move || ending.is_refreshed.store(false, Ordering::Release),
        )
    }

    /// Whether to start asking nodes now.
    fn begin(&self) -> Result<bool, Failure> {
        if self.shared.registry.is_closed() {
            return Err(Failure::new(Class::Closed, "the redis cluster was closed"));
        }
        inside_runtime()?;
        Ok(!self.shared.is_refreshed.swap(true, Ordering::AcqRel))
    }
}
