//! The servers of a play, and for each process a network of its own in front of them.
//!
//! Whatever address a node names, a process is told the proxy that stands for it in the process's own
//! network; so one process can be cut off, or late, alone.

use super::configuration::{Addresses, Configuration, Room, Seeds, Sentinels, Tracking};
use super::fault::Fault;
use super::process::NAMESPACE;
use super::sites::{GROUPS, ITEMS};
use crate::support::cluster::{Cluster, Options as ClusterOptions};
use crate::support::fence;
use crate::support::proxy::{BOTH, Direction, Mode, Names, Proxy};
use crate::support::sentinel::{Options as SentinelOptions, SERVICE, SentinelGroup};
use crate::support::server::{RedisServer, free_port};
use crate::support::topology::Topology;
use athena_cache::RedisConfig;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// Nobody listens there.
const NOWHERE: u16 = 1;
/// After how much silence the other nodes hold a primary for dead.
pub(crate) const SILENCE: Duration = Duration::from_secs(1);
/// The same where nobody is to be held for dead, however busy the machine is.
const NEVER: Duration = Duration::from_secs(30);

/// How many names the processes read: each item has a value and a lease, each group a number, and so have
/// all groups, and everything.
const NAMES: usize = ITEMS * 2 + GROUPS + 2;

#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) servers: Servers,
    /// Between the nodes of a group, if they are to be parted from each other.
    fence: Vec<Proxy>,
    networks: Vec<Network>,
    seeds: Seeds,
    addresses: Addresses,
    /// How bytes pass where nothing is broken.
    usual: Mode,
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
    ports: Vec<Ports>,
}

/// The ports of one node or sentinel.
#[derive(Debug, Clone, Copy)]
struct Ports {
    /// What it calls its own.
    announced: u16,
    /// What a process is told in its place.
    told: u16,
    proxy: u16,
}

impl Stage {
    pub(crate) fn start(
        topology: Topology,
        fault: Fault,
        on: &Configuration,
        processes: usize,
    ) -> Self {
        let silence = if fault.is_failover(topology) { SILENCE } else { NEVER };
        let (make, settings) = (on.make, settings(topology, fault, on));
        let servers = match topology {
            Topology::Standalone => {
                let settings: Vec<_> = settings.iter().map(String::as_str).collect();
                let mut server = RedisServer::prepare(&settings);
                server.run(make);
                server.restart();
                Servers::Standalone(server)
            }
            Topology::Sentinel => {
                let usual = SentinelOptions::default();
                let options = SentinelOptions { down_after: silence, settings, make, ..usual };
                Servers::Sentinel(SentinelGroup::start_with(options))
            }
            Topology::Cluster => {
                let usual = ClusterOptions::default();
                let options = ClusterOptions { node_timeout: silence, settings, make, ..usual };
                Servers::Cluster(Cluster::start_with(options))
            }
        };
        let fence = match &servers {
            Servers::Sentinel(group) if fault == Fault::Minority => fence::around_group(group),
            _ => Vec::new(),
        };
        let networks = (0..processes).map(|_| Network::around(&servers, &fence, on.addresses));
        let networks = networks.collect();
        let (seeds, addresses) = (on.seeds, on.addresses);
        let usual = on.rate().map_or(Mode::Pass, Mode::Rate);
        let mut stage = Self { servers, fence, networks, seeds, addresses, usual };
        stage.set_out();
        if let Room::Tight(policy) = on.room {
            stage.tighten(policy, on.bytes(0));
        }
        if let (Servers::Sentinel(group), Sentinels::OneMissing) =
            (&mut stage.servers, on.sentinels)
        {
            group.kill_sentinel(0);
        }
        stage
    }

    /// Leaves room for half of all entries, beside what the servers and their clients take.
    fn tighten(&mut self, policy: &str, bytes: usize) {
        let primaries = self.servers.primaries();
        let room = ITEMS * bytes / 2 / primaries + bytes;
        for node in self.servers.nodes_mut() {
            let limit = node.info::<usize>("used_memory") + room;
            // What replicas have still to hear counts as well.
            for (name, value) in [
                ("repl-backlog-size", "16384"),
                ("maxmemory-policy", policy),
                ("maxmemory", &limit.to_string()),
            ] {
                node.set(name, value);
            }
        }
    }

    /// Has all ways be as they are where nothing is broken.
    fn set_out(&self) {
        for (process, network) in self.networks.iter().enumerate() {
            let told = Names::new(network.ports.iter().map(|it| (it.announced, it.told)));
            network.all().for_each(|proxy| proxy.translate(told.clone()));
            self.widen(process);
        }
    }

    /// Makes the ways of a process as wide as they are.
    fn widen(&self, process: usize) {
        if self.usual != Mode::Pass {
            for way in BOTH {
                self.networks[process].all().for_each(|proxy| proxy.set(way, self.usual));
            }
        }
    }

    /// What a process is told of where the servers are.
    pub(crate) fn config(&self, process: usize) -> RedisConfig {
        let config = RedisConfig::new(self.url(process));
        let nowhere = |host: &str| (host.to_owned(), NOWHERE);
        match self.addresses {
            Addresses::Lead => config,
            Addresses::Untold | Addresses::ByHostname => {
                let is_address = |host: &str| host.parse::<IpAddr>().is_ok();
                config.addresses_by(move |host, port| {
                    if is_address(host) { nowhere(host) } else { (host.to_owned(), port) }
                })
            }
            Addresses::Mapped => {
                let ports = self.networks[process].ports.iter();
                let ports: HashMap<_, _> = ports.map(|it| (it.told, it.proxy)).collect();
                config.addresses_by(move |host, port| {
                    ports.get(&port).map_or_else(|| nowhere(host), |to| (host.to_owned(), *to))
                })
            }
        }
    }

    fn url(&self, process: usize) -> String {
        let Network { data, sentinels, .. } = &self.networks[process];
        let host = match (self.seeds, self.addresses) {
            (Seeds::ByAddress, Addresses::Lead | Addresses::Mapped) => "127.0.0.1",
            (Seeds::ByName, _) | (_, Addresses::Untold | Addresses::ByHostname) => "localhost",
        };
        let hosts = |proxies: &[Proxy]| {
            let hosts: Vec<_> =
                proxies.iter().map(|proxy| format!("{host}:{}", proxy.port())).collect();
            hosts.join(",")
        };
        match &self.servers {
            Servers::Standalone(_) => format!("redis://{}", hosts(data)),
            Servers::Sentinel(_) => format!("redis-sentinel://{}/0#{SERVICE}", hosts(sentinels)),
            Servers::Cluster(_) => format!("redis-cluster://{}", hosts(data)),
        }
    }

    pub(crate) fn nodes(&self) -> &[RedisServer] {
        self.servers.nodes()
    }

    pub(crate) fn node_mut(&mut self, node: usize) -> &mut RedisServer {
        &mut self.servers.nodes_mut()[node]
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
        self.widen(process);
    }

    /// Lets everything pass again.
    pub(crate) fn heal_all(&self) {
        self.fence.iter().for_each(Proxy::heal);
        (0..self.networks.len()).for_each(|process| self.heal(process));
    }
}

impl Servers {
    fn nodes(&self) -> &[RedisServer] {
        match self {
            Self::Standalone(server) => std::slice::from_ref(server),
            Self::Sentinel(group) => group.nodes(),
            Self::Cluster(cluster) => cluster.nodes(),
        }
    }

    fn nodes_mut(&mut self) -> &mut [RedisServer] {
        match self {
            Self::Standalone(server) => std::slice::from_mut(server),
            Self::Sentinel(group) => group.nodes_mut(),
            Self::Cluster(cluster) => cluster.nodes_mut(),
        }
    }

    /// How many nodes share the names.
    fn primaries(&self) -> usize {
        match self {
            Self::Standalone(_) | Self::Sentinel(_) => 1,
            Self::Cluster(cluster) => cluster.nodes().len() / 2,
        }
    }
}

/// What the nodes are started with.
fn settings(topology: Topology, fault: Fault, on: &Configuration) -> Vec<String> {
    let mut settings = on.user.settings(NAMESPACE, topology);
    if on.tracking == Tracking::Few {
        let primaries = if topology == Topology::Cluster { 3 } else { 1 };
        let names = (NAMES / 2 / primaries).to_string();
        settings.extend(["--tracking-table-max-keys".to_owned(), names]);
    }
    let announced: &[&str] = match on.addresses {
        Addresses::Lead | Addresses::Mapped => &[],
        Addresses::Untold => &["--cluster-preferred-endpoint-type", "unknown-endpoint"],
        Addresses::ByHostname => &[
            "--cluster-preferred-endpoint-type",
            "hostname",
            "--cluster-announce-hostname",
            "localhost",
        ],
    };
    settings.extend(announced.iter().map(|&word| word.to_owned()));
    if fault == Fault::Loading {
        let slow = ["--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"];
        settings.extend(slow.map(str::to_owned));
    }
    settings
}

impl Network {
    fn around(servers: &Servers, fence: &[Proxy], addresses: Addresses) -> Self {
        let (nodes, sentinels) = match servers {
            Servers::Standalone(server) => (std::slice::from_ref(server), [].as_slice()),
            Servers::Sentinel(group) => (group.nodes(), group.sentinels()),
            Servers::Cluster(cluster) => (cluster.nodes(), [].as_slice()),
        };
        let before = |nodes: &[RedisServer]| -> Vec<Proxy> {
            nodes.iter().map(|node| Proxy::start(node.port())).collect()
        };
        let (data, sentinels_of) = (before(nodes), before(sentinels));
        // What the nodes call themselves.
        let named = nodes
            .iter()
            .enumerate()
            .map(|(place, node)| fence.get(place).map_or_else(|| node.port(), Proxy::port));
        let named = named.chain(sentinels.iter().map(RedisServer::port));
        let proxies = data.iter().chain(&sentinels_of).map(Proxy::port);
        let ports = named.zip(proxies).map(|(announced, proxy)| {
            // Nobody listens on one that leads nowhere.
            let told = if addresses == Addresses::Mapped { free_port() } else { proxy };
            Ports { announced, told, proxy }
        });
        let ports = ports.collect();
        Self { data, sentinels: sentinels_of, ports }
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
