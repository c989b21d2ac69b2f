//! The servers of a play, and for each process a network of its own in front of them.
//!
//! Whatever address a node names, a process is told the proxy that stands for it in the process's own
//! network; so one process can be cut off, or late, alone.

use super::fault::Fault;
use crate::support::cluster::{Cluster, Options as ClusterOptions};
use crate::support::fence;
use crate::support::proxy::{BOTH, Direction, Mode, Names, Proxy};
use crate::support::sentinel::{Options as SentinelOptions, SERVICE, SentinelGroup};
use crate::support::server::RedisServer;
use crate::support::topology::Topology;
use std::time::Duration;

/// After how much silence the other nodes hold a primary for dead.
pub(crate) const SILENCE: Duration = Duration::from_secs(1);
/// The same where nobody is to be held for dead, however busy the machine is.
const NEVER: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) servers: Servers,
    /// Between the nodes of a group, if they are to be parted from each other.
    fence: Vec<Proxy>,
    networks: Vec<Network>,
}

#[derive(Debug)]
pub(crate) enum Servers {
    Standalone(RedisServer),
    Sentinel(SentinelGroup),
    Cluster(Cluster),
}

/// The way of one process to each node.
#[derive(Debug)]
struct Network {
    data: Vec<Proxy>,
    sentinels: Vec<Proxy>,
}

impl Stage {
    pub(crate) fn start(topology: Topology, fault: Fault, processes: usize) -> Self {
        let silence = if fault.is_failover(topology) { SILENCE } else { NEVER };
        let servers = match topology {
            Topology::Standalone => Servers::Standalone(RedisServer::start()),
            Topology::Sentinel => {
                let options = SentinelOptions { down_after: silence, ..SentinelOptions::default() };
                Servers::Sentinel(SentinelGroup::start_with(options))
            }
            Topology::Cluster => {
                let options = ClusterOptions { node_timeout: silence, ..ClusterOptions::default() };
                Servers::Cluster(Cluster::start_with(options))
            }
        };
        let fence = match &servers {
            Servers::Sentinel(group) if fault == Fault::Minority => fence::around_group(group),
            _ => Vec::new(),
        };
        let networks = (0..processes).map(|_| Network::around(&servers, &fence)).collect();
        Self { servers, fence, networks }
    }

    /// What a process is told.
    pub(crate) fn url(&self, process: usize) -> String {
        let Network { data, sentinels } = &self.networks[process];
        let hosts = |proxies: &[Proxy]| {
            let hosts: Vec<_> =
                proxies.iter().map(|proxy| format!("127.0.0.1:{}", proxy.port())).collect();
            hosts.join(",")
        };
        match &self.servers {
            Servers::Standalone(_) => data[0].url(),
            Servers::Sentinel(_) => format!("redis-sentinel://{}/0#{SERVICE}", hosts(sentinels)),
            Servers::Cluster(_) => format!("redis-cluster://{}", hosts(data)),
        }
    }

    pub(crate) fn nodes(&self) -> &[RedisServer] {
        match &self.servers {
            Servers::Standalone(server) => std::slice::from_ref(server),
            Servers::Sentinel(group) => group.nodes(),
            Servers::Cluster(cluster) => cluster.nodes(),
        }
    }

    pub(crate) fn node_mut(&mut self, node: usize) -> &mut RedisServer {
        match &mut self.servers {
            Servers::Standalone(server) => server,
            Servers::Sentinel(group) => group.node_mut(node),
            Servers::Cluster(cluster) => cluster.node_mut(node),
        }
    }

    /// Whether the processes have the nodes announce what changes.
    pub(crate) fn is_tracked(&self) -> bool {
        self.nodes().iter().filter(|node| node.is_running()).any(|node| {
            let Ok(list) = node.ask(&["CLIENT", "LIST"]) else { return false };
            let flags = |line: &str| {
                let flags = line.split(' ').find_map(|word| word.strip_prefix("flags="));
                flags.is_some_and(|flags| flags.contains('t'))
            };
            list.text().lines().any(flags)
        })
    }

    /// Lets everything disappear that a process sends or is sent.
    pub(crate) fn cut_off(&self, process: usize) {
        self.networks[process].all().for_each(swallow);
    }

    /// Has what a process is sent arrive that much later.
    pub(crate) fn delay(&self, process: usize, delay: Duration) {
        self.networks[process].all().for_each(|it| it.set(Direction::ToClient, Mode::Delay(delay)));
    }

    /// Leaves a process with one node, and that node with nobody else.
    pub(crate) fn leave_alone(&self, process: usize, node: usize) {
        self.fence.get(node).into_iter().for_each(swallow);
        for (place, network) in self.networks.iter().enumerate() {
            if place == process {
                let others = network.data.iter().enumerate().filter(|(place, _)| *place != node);
                others.map(|(_, proxy)| proxy).chain(&network.sentinels).for_each(swallow);
            } else {
                swallow(&network.data[node]);
            }
        }
    }

    /// Lets everything of a process pass again.
    pub(crate) fn heal(&self, process: usize) {
        self.networks[process].all().for_each(Proxy::heal);
    }

    /// Lets everything pass again.
    pub(crate) fn heal_all(&self) {
        self.fence.iter().for_each(Proxy::heal);
        (0..self.networks.len()).for_each(|process| self.heal(process));
    }
}

impl Network {
    fn around(servers: &Servers, fence: &[Proxy]) -> Self {
        let (nodes, sentinels) = match servers {
            Servers::Standalone(server) => (std::slice::from_ref(server), [].as_slice()),
            Servers::Sentinel(group) => (group.nodes(), group.sentinels()),
            Servers::Cluster(cluster) => (cluster.nodes(), [].as_slice()),
        };
        let before = |nodes: &[RedisServer]| -> Vec<Proxy> {
            nodes.iter().map(|node| Proxy::start(node.port())).collect()
        };
        let network = Self { data: before(nodes), sentinels: before(sentinels) };
        if nodes.len() == 1 {
            return network;
        }
        // What the nodes call themselves.
        let named = nodes
            .iter()
            .enumerate()
            .map(|(place, node)| fence.get(place).map_or_else(|| node.port(), Proxy::port));
        let named = named.chain(sentinels.iter().map(RedisServer::port));
        let told = Names::new(named.zip(network.all().map(Proxy::port)));
        network.all().for_each(|proxy| proxy.translate(told.clone()));
        network
    }

    fn all(&self) -> impl Iterator<Item = &Proxy> {
        self.data.iter().chain(&self.sentinels)
    }
}

fn swallow(proxy: &Proxy) {
    for way in BOTH {
        proxy.set(way, Mode::Swallow);
    }
}
