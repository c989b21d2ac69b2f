//! Builds a cluster without `redis-cli`, which would sleep for a second at a time.

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;

use super::super::resp::Reply;
use super::super::role::Role;
use super::super::server::RedisServer;
use super::super::slots::SLOTS;
use super::super::wait_within;
use super::{AGREEMENT, Cluster, Options, view};

impl Cluster {
    /// Starts a cluster with options and waits until its nodes agree.
    pub(crate) fn start_with(options: Options) -> Self {
        let count = options.primaries * (1 + options.replicas_each);
        let mut nodes: Vec<_> = (0..count).map(|_| prepare(&options)).collect();
        RedisServer::start_all(&mut nodes);
        let cluster = Self { options, nodes };
        cluster.assign();
        for node in 0..count {
            cluster.introduce(node);
        }
        cluster.follow();
        cluster.wait_ok();
        cluster
    }

    /// Adds an empty primary and waits until all nodes that run know it; returns its place.
    pub(crate) fn add_primary(&mut self) -> usize {
        let mut server = prepare(&self.options);
        server.restart();
        self.nodes.push(server);
        let place = self.nodes.len() - 1;
        self.introduce(place);
        self.wait_ok();
        place
    }

    /// Gives each node an epoch and each primary its slots, while they do not know each other.
    fn assign(&self) {
        for (place, node) in self.nodes.iter().enumerate() {
            done(&node.cli(&["CLUSTER", "SET-CONFIG-EPOCH", &(place + 1).to_string()]));
        }
        // As `redis-cli` does it: the remainder of the division is spread by rounding.
        let all = usize::from(SLOTS);
        let border =
            |place: usize| (place * all + self.options.primaries / 2) / self.options.primaries;
        for (place, node) in self.nodes.iter().take(self.options.primaries).enumerate() {
            give_slots(node, border(place)..border(place + 1));
        }
    }

    /// Has a node meet all that come before it.
    fn introduce(&self, place: usize) {
        for other in self.nodes[..place].iter().filter(|other| other.is_running()) {
            let port = other.port().to_string();
            done(&self.nodes[place].cli(&["CLUSTER", "MEET", "127.0.0.1", &port]));
        }
    }

    /// Makes the later nodes replicas of the first ones.
    fn follow(&self) {
        for place in self.options.primaries..self.nodes.len() {
            let (node, primary) = (&self.nodes[place], self.id(place % self.options.primaries));
            wait_within(AGREEMENT, "the replica knows its primary", || {
                let known = view::of(node)?.iter().any(|it| it.id == primary && it.is_well());
                known.then_some(())
            });
            done(&node.cli(&["CLUSTER", "REPLICATE", &primary]));
        }
    }

    /// Whether all that run say the same, and nothing bad of each other.
    pub(super) fn agrees(&self) -> bool {
        let running: Vec<_> = self.nodes.iter().filter(|node| node.is_running()).collect();
        let ports: HashSet<_> = running.iter().map(|node| node.port()).collect();
        let mut opinions = BTreeSet::new();
        for node in &running {
            let Some(opinion) = opinion(node, &ports) else {
                return false;
            };
            opinions.insert(opinion);
        }
        opinions.len() == 1
    }
}

/// Who owns which slots and follows whom, by one node; none if it misses anything.
fn opinion(node: &RedisServer, ports: &HashSet<u16>) -> Option<Vec<String>> {
    let info = node.ask(&["CLUSTER", "INFO"]).ok()?.text();
    let synced = !matches!(node.role()?, Role::Replica { synced: false, .. });
    let lines = view::of(node)?;
    let well = lines.iter().filter(|line| line.is_well() && ports.contains(&line.port)).count();
    let says = |line: &str| info.lines().any(|it| it == line);
    let whole = says("cluster_state:ok") && says(&format!("cluster_slots_ok:{SLOTS}"));
    (synced && whole && well == ports.len()).then(|| {
        let relevant = lines.iter().filter(|line| ports.contains(&line.port));
        let mut said: Vec<_> = relevant
            .map(|line| format!("{} {:?} {:?}", line.port, line.primary, line.slots))
            .collect();
        said.sort();
        said
    })
}

fn prepare(options: &Options) -> RedisServer {
    let timeout = options.node_timeout.as_millis().to_string();
    let coverage = if options.require_full_coverage { "yes" } else { "no" };
    let mut settings = vec!["--cluster-config-file", "nodes.conf"];
    settings.extend(["--cluster-node-timeout", &timeout]);
    settings.extend(["--cluster-require-full-coverage", coverage]);
    settings.extend(["--repl-ping-replica-period", "1"]);
    settings.extend(options.settings.iter().map(String::as_str));
    let mut node = RedisServer::prepare_member(&settings);
    node.run(options.make);
    if let Some(password) = &options.password {
        node.ask_for(password);
    }
    node
}

/// Gives slots that nobody has to a node; one by one, since 6.2 knows no ranges.
pub(crate) fn give_slots(node: &RedisServer, slots: Range<usize>) {
    let mut words = vec!["CLUSTER".to_owned(), "ADDSLOTS".to_owned()];
    words.extend(slots.map(|slot| slot.to_string()));
    done(&node.cli(&words));
}

/// Panics unless a command was carried out.
pub(super) fn done(reply: &Reply) {
    assert_eq!(*reply, Reply::Status("OK".into()));
}
