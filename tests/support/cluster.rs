//! A cluster of primaries and their replicas.

mod moving;
mod view;
mod wiring;

use std::time::Duration;

pub(crate) use moving::Move;
pub(crate) use wiring::give_slots;

use super::resp::{Address, Reply};
use super::role::Role;
use super::server::{Make, RedisServer};
use super::{slots, wait_within};

/// What a cluster may be started with.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// How many primaries share the slots.
    pub(crate) primaries: usize,
    /// How many replicas each of them has.
    pub(crate) replicas_each: usize,
    /// After how much silence a node is held for dead.
    pub(crate) node_timeout: Duration,
    /// Whether all slots are refused while one has no primary.
    pub(crate) require_full_coverage: bool,
    /// What clients and replicas have to say to be let in.
    pub(crate) password: Option<String>,
    /// More settings of the nodes, each as on the command line.
    pub(crate) settings: Vec<String>,
    /// What the nodes run.
    pub(crate) make: Make,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            primaries: 3,
            replicas_each: 1,
            node_timeout: Duration::from_secs(2),
            require_full_coverage: false,
            password: None,
            settings: Vec::new(),
            make: Make::default(),
        }
    }
}

/// How long the nodes may take to agree.
const AGREEMENT: Duration = Duration::from_secs(30);

/// First come the primaries in the order of their slots, then their replicas in the same order.
///
/// A node keeps its place when it changes its role. Dropping the cluster ends all nodes.
#[derive(Debug)]
pub(crate) struct Cluster {
    options: Options,
    nodes: Vec<RedisServer>,
}

impl Cluster {
    /// Starts three primaries and three replicas and waits until they agree.
    pub(crate) fn start() -> Self {
        Self::start_with(Options::default())
    }

    /// All nodes as a URL.
    pub(crate) fn url(&self) -> String {
        self.url_of(&(0..self.nodes.len()).collect::<Vec<_>>())
    }

    /// Some nodes as a URL, from which a client has to find the others.
    pub(crate) fn url_of(&self, seeds: &[usize]) -> String {
        let hosts = seeds.iter().map(|&node| format!("127.0.0.1:{}", self.nodes[node].port()));
        format!("redis-cluster://{}", hosts.collect::<Vec<_>>().join(","))
    }

    /// All nodes.
    pub(crate) fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }

    /// All nodes, to change or restart them.
    pub(crate) fn nodes_mut(&mut self) -> &mut [RedisServer] {
        &mut self.nodes
    }

    /// One node.
    pub(crate) fn node(&self, node: usize) -> &RedisServer {
        &self.nodes[node]
    }

    /// One node, to kill or restart it; it returns with what it knew of the cluster.
    pub(crate) fn node_mut(&mut self, node: usize) -> &mut RedisServer {
        &mut self.nodes[node]
    }

    /// Where the nodes listen, for a prober.
    pub(crate) fn addresses(&self) -> Vec<Address> {
        self.nodes.iter().map(RedisServer::address).collect()
    }

    /// The slot of a key.
    pub(crate) fn slot(key: impl AsRef<[u8]>) -> u16 {
        slots::slot(key)
    }

    /// A key in a slot; all its keys for different `salt` differ.
    pub(crate) fn key_in(slot: u16, salt: u32) -> String {
        let tag = (0..=u32::MAX).find(|tag| slots::slot(tag.to_string()) == slot);
        format!("{{{}}}:{salt}", tag.expect("every slot has keys"))
    }

    /// The node that serves a slot by its own word; of two that claim it, the one elected later.
    pub(crate) fn primary_of_slot(&self, slot: u16) -> usize {
        wait_within(AGREEMENT, "a node serves the slot", || self.claimant(slot))
    }

    /// The node that follows another by its own word.
    pub(crate) fn replica_of(&self, primary: usize) -> Option<usize> {
        let port = self.nodes[primary].port();
        self.nodes
            .iter()
            .position(|node| matches!(node.role(), Some(Role::Replica { of, .. }) if of == port))
    }

    /// Has a replica take over from its primary as planned; returns when it has.
    pub(crate) fn failover(&self, replica: usize) {
        let node = &self.nodes[replica];
        wait_within(AGREEMENT, "the replica takes over", || {
            match node.role()? {
                Role::Primary => return Some(()),
                Role::Replica { .. } => {}
                Role::Sentinel => panic!("a sentinel in a cluster"),
            }
            // A refusal passes when the link to the primary is up; a second request does no harm.
            drop(node.ask(&["CLUSTER", "FAILOVER"]));
            let mut looks = 0..200;
            while node.role() != Some(Role::Primary) && looks.next().is_some() {
                std::thread::sleep(Duration::from_millis(5));
            }
            None
        });
    }

    /// Waits until an election has put another node in charge of a slot, and returns it.
    pub(crate) fn wait_for_primary_other_than(&self, node: usize, slot: u16) -> usize {
        wait_within(AGREEMENT, "another node serves the slot", || {
            self.claimant(slot).filter(|&claimant| claimant != node)
        })
    }

    /// Waits until all nodes that run agree on the slots, see each other, and all replicas are synced.
    pub(crate) fn wait_ok(&self) {
        wait_within(AGREEMENT, "the cluster agrees", || self.agrees().then_some(()));
    }

    fn claimant(&self, slot: u16) -> Option<usize> {
        let views = self.nodes.iter().enumerate().filter_map(|(place, node)| {
            let myself = view::of(node)?.into_iter().find(view::Line::is_myself)?;
            (myself.is_primary() && myself.owns(slot)).then_some((myself.epoch, place))
        });
        views.max().map(|(_, place)| place)
    }

    fn id(&self, node: usize) -> String {
        match self.nodes[node].cli(&["CLUSTER", "MYID"]) {
            Reply::Bytes(id) => String::from_utf8_lossy(&id).into_owned(),
            other => panic!("no id: {other}"),
        }
    }
}
