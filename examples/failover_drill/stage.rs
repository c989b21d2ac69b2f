//! The servers of a drill, and what may be done to them.
//!
//! Invariant: node 0 is the primary at the start, and the one that is broken.

use std::time::Duration;

use crate::scenario::{Fault, Scenario};
use crate::support::cluster::Cluster;
use crate::support::fence;
use crate::support::proxy::{BOTH, Mode, Proxy};
use crate::support::resp::{Address, Reply};
use crate::support::role::Role;
use crate::support::sentinel::SentinelGroup;
use crate::support::server::RedisServer;
use crate::support::slots::SLOTS;
use crate::support::topology::Topology;
use crate::support::wait_within;

/// How long a node may take to do what it was told.
const PATIENCE: Duration = Duration::from_secs(40);
/// The node that is broken.
pub(crate) const VICTIM: usize = 0;

/// The shard of each slot; empty where one node serves all.
pub(crate) type Shards = Vec<usize>;

#[derive(Debug)]
pub(crate) struct Stage {
    servers: Servers,
    /// In front of the nodes, in their order, as far as there are any.
    proxies: Vec<Proxy>,
}

#[derive(Debug)]
enum Servers {
    Standalone(RedisServer),
    Sentinel(SentinelGroup),
    Cluster(Cluster),
}

impl Stage {
    pub(crate) fn start(scenario: Scenario) -> Self {
        let is_partition = scenario.fault == Fault::Partition;
        let servers = match scenario.topology {
            Topology::Standalone => Servers::Standalone(RedisServer::start()),
            Topology::Sentinel => Servers::Sentinel(SentinelGroup::start()),
            Topology::Cluster => Servers::Cluster(Cluster::start()),
        };
        let proxies = match &servers {
            _ if !is_partition => Vec::new(),
            Servers::Standalone(server) => vec![Proxy::start(server.port())],
            Servers::Sentinel(group) => fence::around_group(group),
            Servers::Cluster(cluster) => vec![fence::before_node(cluster, VICTIM)],
        };
        Self { servers, proxies }
    }

    /// What a client is told.
    pub(crate) fn url(&self) -> String {
        match &self.servers {
            Servers::Standalone(server) => {
                self.proxies.first().map_or_else(|| server.url(), Proxy::url)
            }
            Servers::Sentinel(group) => group.url(),
            // Not the node that may be behind a proxy: it is found at the port that it announces.
            Servers::Cluster(cluster) => cluster.url_of(&[1, 2]),
        }
    }

    fn nodes(&self) -> &[RedisServer] {
        match &self.servers {
            Servers::Standalone(server) => std::slice::from_ref(server),
            Servers::Sentinel(group) => group.nodes(),
            Servers::Cluster(cluster) => cluster.nodes(),
        }
    }

    /// Where the nodes listen, past any proxy.
    pub(crate) fn addresses(&self) -> Vec<Address> {
        self.nodes().iter().map(RedisServer::address).collect()
    }

    /// The nodes that may serve what the broken one does.
    pub(crate) fn shard(&self) -> Vec<usize> {
        match &self.servers {
            Servers::Standalone(_) => vec![VICTIM],
            Servers::Sentinel(group) => (0..group.nodes().len()).collect(),
            Servers::Cluster(cluster) => {
                std::iter::once(VICTIM).chain(cluster.replica_of(VICTIM)).collect()
            }
        }
    }

    /// Which shard owns which slot, numbered by their first primary.
    pub(crate) fn shards(&self) -> Shards {
        let Servers::Cluster(cluster) = &self.servers else {
            return Vec::new();
        };
        let port = |reply: &Reply| reply.list()[2].list()[1].number();
        let mut shards = vec![0; usize::from(SLOTS)];
        let reply = cluster.node(VICTIM).cli(&["CLUSTER", "SLOTS"]);
        for range in reply.list() {
            let owner = (self.nodes().iter())
                .position(|node| i64::from(node.port()) == port(range))
                .unwrap_or(VICTIM);
            let bound = |place: usize| usize::try_from(range.list()[place].number()).unwrap_or(0);
            shards[bound(0)..=bound(1)].fill(owner);
        }
        shards
    }

    /// What to call the addresses that events name.
    pub(crate) fn names(&self) -> Vec<(String, String)> {
        let address = |port: u16| format!("127.0.0.1:{port}");
        let nodes = self.nodes().iter().enumerate();
        let mut names: Vec<_> =
            nodes.map(|(place, node)| (address(node.port()), format!("node {place}"))).collect();
        let proxies = self.proxies.iter().enumerate();
        names.extend(
            proxies.map(|(place, proxy)| (address(proxy.port()), format!("node {place} (proxy)"))),
        );
        names
    }

    /// Who takes part.
    pub(crate) fn cast(&self) -> String {
        let names = self.names().into_iter();
        names.map(|(address, name)| format!("{name} {address}")).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn node(&mut self, node: usize) -> &mut RedisServer {
        match &mut self.servers {
            Servers::Standalone(server) => server,
            Servers::Sentinel(group) => group.node_mut(node),
            Servers::Cluster(cluster) => cluster.node_mut(node),
        }
    }

    /// Lets everything disappear that passes in front of the broken node, or heals it.
    pub(crate) fn cut_off(&self, cut: Cut) {
        let Some(proxy) = self.proxies.first() else {
            return;
        };
        match cut {
            Cut::Off => BOTH.into_iter().for_each(|way| proxy.set(way, Mode::Swallow)),
            Cut::Healed => proxy.heal(),
        }
    }

    /// Restarts a node in order and waits until it takes part again.
    pub(crate) fn restart(&mut self, node: usize) {
        let server = self.node(node);
        // It closes the connection in place of an answer.
        drop(server.ask(&["SHUTDOWN", "NOSAVE"]));
        server.restart();
        wait_within(PATIENCE, "the node takes part again", || match self.nodes()[node].role()? {
            Role::Replica { synced, .. } => synced.then_some(()),
            Role::Primary => Some(()),
            Role::Sentinel => None,
        });
        if let Servers::Cluster(cluster) = &self.servers {
            cluster.wait_ok();
        }
    }

    /// Has a replica take over from the primary as planned; returns when one has begun to.
    pub(crate) fn hand_over(&self) {
        match &self.servers {
            Servers::Standalone(_) => {}
            Servers::Sentinel(group) => group.failover(),
            Servers::Cluster(cluster) => {
                if let Some(replica) = cluster.replica_of(VICTIM) {
                    cluster.failover(replica);
                }
            }
        }
    }

    /// The replicas at the start.
    pub(crate) fn replicas(&self) -> std::ops::Range<usize> {
        match &self.servers {
            Servers::Standalone(_) => 0..0,
            Servers::Sentinel(group) => 1..group.nodes().len(),
            Servers::Cluster(cluster) => cluster.nodes().len() / 2..cluster.nodes().len(),
        }
    }

    /// Waits until the old primary follows the new one, as operators do before they restart it.
    pub(crate) fn wait_demoted(&self) {
        wait_within(PATIENCE, "the old primary follows the new one", || {
            matches!(self.nodes()[VICTIM].role()?, Role::Replica { synced: true, .. }).then_some(())
        });
    }
}

/// What a proxy does to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    Off,
    Healed,
}
