//! Which link serves a name.
//!
//! Invariant: nothing above this folder knows which nodes there are; commands are written once.

mod cluster;
mod known;
mod sentinel;

#[cfg(feature = "fuzzing")]
pub(crate) use self::{cluster::fuzzing as cluster_fuzzing, sentinel::fuzzing as sentinel_fuzzing};

use std::sync::Arc;
use std::time::Duration;

use athena_cache_core::backend::{Ability, Class, Failure, Node, Proof};

use self::cluster::Cluster;
pub(crate) use self::known::{KnownNode, KnownNodes};
use self::sentinel::Sentinel;
use crate::config::{Deployment, Settings};
use crate::link::{Batch, Client, Link, Malformed, Question, Replies, inside_runtime};
use crate::url::Endpoint;

/// The nodes of one Redis.
#[derive(Debug)]
pub(crate) struct Topology {
    client: Arc<Client>,
    kind: Servers,
}

#[derive(Debug)]
enum Servers {
    /// One node serves everything.
    Standalone(Link),
    /// One node serves everything, and sentinels say which.
    Sentinel(Sentinel),
    /// Each node serves some slots.
    Cluster(Cluster),
}

impl Topology {
    pub(crate) fn new(settings: Settings) -> Self {
        let Settings { deployment, access, .. } = settings;
        let client = Client::new(access.response_timeout);
        let client = Arc::new(match &deployment {
            Deployment::Cluster { .. } => client.of_cluster(),
            Deployment::Standalone(_) | Deployment::Sentinel { .. } => client,
        });
        let kind = match deployment {
            Deployment::Standalone(endpoint) => {
                Servers::Standalone(Link::following_name(endpoint, access, Arc::clone(&client)))
            }
            Deployment::Sentinel { service, sentinels, access: of_sentinels } => Servers::Sentinel(
                Sentinel::new(service, sentinels, of_sentinels, access, Arc::clone(&client)),
            ),
            Deployment::Cluster { seeds } => {
                Servers::Cluster(Cluster::new(seeds, access, Arc::clone(&client)))
            }
        };
        Self { client, kind }
    }

    /// What the links share.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// An empty batch, routed where there are several nodes.
    pub(crate) fn batch(&self) -> Batch {
        if self.is_sharded() { Batch::routed() } else { Batch::new() }
    }

    pub(crate) fn is_sharded(&self) -> bool {
        matches!(self.kind, Servers::Cluster(_))
    }

    /// Sends a batch to the nodes that serve it and reads the replies, in the order of its commands.
    ///
    /// An error among the replies fails the whole batch, part of which may have been executed.
    pub(crate) async fn send<T>(
        &self,
        batch: &Batch,
        read: impl FnOnce(&mut Replies) -> Result<T, Malformed>,
    ) -> Result<T, Failure> {
        inside_runtime()?;
        match &self.kind {
            Servers::Standalone(link) => link.send(batch, read).await,
            Servers::Sentinel(sentinel) => sentinel.send(batch, read).await,
            Servers::Cluster(cluster) => cluster.send(batch, read).await,
        }
    }

    /// Sends a batch to one node.
    pub(crate) async fn send_to<T>(
        &self,
        node: Node,
        batch: &Batch,
        read: impl FnOnce(&mut Replies) -> Result<T, Malformed>,
    ) -> Result<T, Failure> {
        inside_runtime()?;
        match &self.kind {
            Servers::Cluster(cluster) => cluster.link_to(node).await?.send(batch, read).await,
            Servers::Standalone(_) | Servers::Sentinel(_) => self.send(batch, read).await,
        }
    }

    /// Asks a node whether it is the one that serves.
    pub(crate) async fn prove(&self, node: Node) -> Result<Proof, Failure> {
        inside_runtime()?;
        match &self.kind {
            Servers::Standalone(link) => {
                let answer = link.prove(Question::Role).await;
                // Coherence 5: nobody else finds out who serves in its place.
                if matches!(&answer, Err(failure) if failure.class() == Class::Moved) {
                    link.note_not_serving();
                }
                answer
            }
            Servers::Sentinel(sentinel) => sentinel.prove().await,
            Servers::Cluster(cluster) => {
                cluster.link_to(node).await?.prove(Question::Membership).await
            }
        }
    }

    /// Waits for the outcome of the first attempts to connect.
    pub(crate) async fn connect(&self) -> Result<(), Failure> {
        inside_runtime()?;
        match &self.kind {
            Servers::Standalone(link) => link.connect().await,
            Servers::Sentinel(sentinel) => sentinel.connect().await,
            Servers::Cluster(cluster) => cluster.connect().await,
        }
    }

    /// The node that serves a name.
    pub(crate) fn node(&self, name: &str) -> Node {
        match &self.kind {
            Servers::Standalone(link) => link.node(),
            Servers::Sentinel(sentinel) => sentinel.node(),
            Servers::Cluster(cluster) => cluster.node(name),
        }
    }

    /// The nodes that serve names.
    pub(crate) fn nodes(&self) -> Vec<Node> {
        match &self.kind {
            Servers::Standalone(link) => vec![link.node()],
            Servers::Sentinel(sentinel) => vec![sentinel.node()],
            Servers::Cluster(cluster) => cluster.nodes(),
        }
    }

    pub(crate) fn epoch(&self, node: Node) -> u64 {
        self.with_link(node, Link::epoch).unwrap_or_default()
    }

    pub(crate) fn revivals(&self, node: Node) -> u64 {
        self.with_link(node, Link::revivals).unwrap_or_default()
    }

    /// Names the clock of a node, if that tells the time and has a name of its own.
    pub(crate) fn clock(&self, node: Node) -> Option<u64> {
        self.with_link(node, Link::clock).flatten()
    }

    pub(crate) fn lacks(&self, node: Node, ability: Ability) -> bool {
        ability == Ability::Invalidate && !self.is_confirmed()
            || self.with_link(node, |link| link.lacks(ability)).unwrap_or_default()
    }

    /// Whether those who decide who serves, if there are such, stand by who does.
    pub(crate) fn is_confirmed(&self) -> bool {
        !matches!(&self.kind, Servers::Sentinel(it) if it.is_unconfirmed())
    }

    pub(crate) fn is_answering(&self, node: Node) -> bool {
        self.with_link(node, Link::is_answering).unwrap_or_default()
    }

    pub(crate) fn max_value(&self, node: Node) -> u64 {
        self.with_link(node, Link::max_value).unwrap_or(u64::MAX)
    }

    pub(crate) fn is_ready(&self, node: Node) -> bool {
        self.with_link(node, Link::is_ready).unwrap_or_default()
    }

    pub(crate) fn in_flight(&self, node: Node) -> usize {
        self.with_link(node, Link::in_flight).unwrap_or_default()
    }

    pub(crate) fn endpoint(&self, node: Node) -> String {
        match (self.client.endpoint(node).filter(|endpoint| endpoint.port != 0), &self.kind) {
            (Some(endpoint), _) => endpoint.to_string(),
            (None, Servers::Sentinel(_)) => "a primary not found yet".to_owned(),
            (None, Servers::Standalone(_) | Servers::Cluster(_)) => {
                "a node not found yet".to_owned()
            }
        }
    }

    /// Every node and sentinel that is known; waits no longer than `limit` for whoever looks for them.
    pub(crate) async fn known_nodes(&self, limit: Duration) -> KnownNodes {
        match &self.kind {
            Servers::Standalone(link) => {
                let nodes = vec![KnownNode::new(link.endpoint().clone())];
                KnownNodes { nodes, ..KnownNodes::default() }
            }
            Servers::Sentinel(sentinel) => sentinel.known_nodes(limit).await,
            Servers::Cluster(cluster) => cluster.known_nodes(limit).await,
        }
    }

    /// A number for each node that serves names, and another one once it may have got names of others.
    pub(crate) fn terms(&self) -> Vec<(Node, u64)> {
        match &self.kind {
            Servers::Cluster(cluster) => cluster.terms(),
            Servers::Standalone(_) | Servers::Sentinel(_) => {
                self.nodes().into_iter().map(|node| (node, 0)).collect()
            }
        }
    }

    /// Has it looked into soon who serves what: the node at an endpoint said that it does not.
    pub(crate) fn look_again(&self, met: Endpoint) {
        if let Servers::Cluster(cluster) = &self.kind {
            cluster.look_again(met);
        }
    }

    /// Replaces the connection to each node that serves by a new one, once that answers; one that is not reached is
    /// tried again.
    pub(crate) fn renew(&self) {
        // Where no node serves, whoever looks for one does so now.
        self.client.ring();
        for node in self.nodes() {
            self.with_link(node, Link::renew);
        }
    }

    /// Ends all tasks and closes all sockets.
    pub(crate) async fn close(&self) {
        match &self.kind {
            Servers::Standalone(link) => link.close().await,
            Servers::Sentinel(sentinel) => sentinel.close().await,
            Servers::Cluster(cluster) => cluster.close().await,
        }
    }

    /// Asks the link to a node, if there is one now.
    fn with_link<T>(&self, node: Node, ask: impl FnOnce(&Link) -> T) -> Option<T> {
        match &self.kind {
            Servers::Standalone(link) => Some(ask(link)),
            Servers::Sentinel(sentinel) => {
                sentinel.current().filter(|link| link.node() == node).map(|link| ask(&link))
            }
            Servers::Cluster(cluster) => cluster.find(node).map(|link| ask(&link)),
        }
    }
}
