//! A primary, two replicas and three sentinels that watch them.
//!
//! Everybody has a configuration file that it rewrites, as in production: a node that is killed and
//! restarted returns as what it last was, a sentinel with all that it knew.

mod wiring;

use std::time::Duration;

use super::resp::{Address, Reply};
use super::role::Role;
use super::server::{Make, RedisServer};
use super::wait_within;

/// The name under which the sentinels know the primary.
pub(crate) const SERVICE: &str = "mymaster";

/// What a group may be started with.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// After how much silence a sentinel holds a node for dead.
    pub(crate) down_after: Duration,
    /// Limits one failover; after a failed one the sentinels wait twice as long before the next.
    pub(crate) failover_timeout: Duration,
    /// How many sentinels must agree that the primary is dead.
    pub(crate) quorum: u32,
    /// How many replicas are turned to a new primary at a time.
    pub(crate) parallel_syncs: u32,
    /// The password of the data nodes.
    pub(crate) data_password: Option<String>,
    /// The password of the sentinels.
    pub(crate) sentinel_password: Option<String>,
    /// More settings of the data nodes, each as on the command line.
    pub(crate) settings: Vec<String>,
    /// What nodes and sentinels run.
    pub(crate) make: Make,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            down_after: Duration::from_secs(1),
            failover_timeout: Duration::from_secs(10),
            quorum: 2,
            parallel_syncs: 1,
            data_password: None,
            sentinel_password: None,
            settings: Vec::new(),
            make: Make::default(),
        }
    }
}

/// Node 0 is the primary at the start; dropping the group ends all six.
#[derive(Debug)]
pub(crate) struct SentinelGroup {
    options: Options,
    nodes: Vec<RedisServer>,
    sentinels: Vec<RedisServer>,
}

impl SentinelGroup {
    /// Starts a group and waits until all know each other.
    pub(crate) fn start() -> Self {
        Self::start_with(Options::default())
    }

    /// The sentinels as a URL, without passwords.
    pub(crate) fn url(&self) -> String {
        let hosts: Vec<_> =
            self.sentinels.iter().map(|it| format!("127.0.0.1:{}", it.port())).collect();
        format!("redis-sentinel://{}/0#{SERVICE}", hosts.join(","))
    }

    /// The data nodes.
    pub(crate) fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }

    /// All nodes, to change or restart them.
    pub(crate) fn nodes_mut(&mut self) -> &mut [RedisServer] {
        &mut self.nodes
    }

    /// One data node.
    pub(crate) fn node(&self, node: usize) -> &RedisServer {
        &self.nodes[node]
    }

    /// One data node, to kill or restart it.
    pub(crate) fn node_mut(&mut self, node: usize) -> &mut RedisServer {
        &mut self.nodes[node]
    }

    /// The sentinels.
    pub(crate) fn sentinels(&self) -> &[RedisServer] {
        &self.sentinels
    }

    /// One sentinel.
    pub(crate) fn sentinel(&self, sentinel: usize) -> &RedisServer {
        &self.sentinels[sentinel]
    }

    /// Crashes a sentinel.
    pub(crate) fn kill_sentinel(&mut self, sentinel: usize) {
        self.sentinels[sentinel].kill();
    }

    /// Starts a sentinel with all that it knew when it ended.
    pub(crate) fn restart_sentinel(&mut self, sentinel: usize) {
        self.sentinels[sentinel].restart();
    }

    /// Where the data nodes listen, for a prober.
    pub(crate) fn addresses(&self) -> Vec<Address> {
        self.nodes.iter().map(RedisServer::address).collect()
    }

    /// The nodes that say of themselves that they are the primary.
    pub(crate) fn primaries(&self) -> Vec<usize> {
        let roles = self.nodes.iter().map(RedisServer::role).enumerate();
        roles.filter(|(_, role)| *role == Some(Role::Primary)).map(|(node, _)| node).collect()
    }

    /// The primary by its own word; while two claim to be, the one that the sentinels name.
    pub(crate) fn primary(&self) -> usize {
        wait_within(self.patience(), "a node is the primary", || {
            let claims = self.primaries();
            match claims[..] {
                [one] => Some(one),
                _ => self.named().filter(|named| claims.contains(named)),
            }
        })
    }

    /// Waits until another node says that it is the primary, and returns it.
    ///
    /// The old one may go on claiming the same, and the sentinels may not have announced it yet.
    pub(crate) fn wait_for_primary_other_than(&self, node: usize) -> usize {
        wait_within(self.patience(), "another node becomes the primary", || {
            self.primaries().into_iter().find(|&claim| claim != node)
        })
    }

    /// Waits until the nodes and sentinels that run agree on one primary, and returns it.
    ///
    /// An old primary turns into a replica some ten seconds after a failover that it survived, or
    /// after its return; [`hurry`](Self::hurry) shortens that.
    pub(crate) fn wait_settled(&self) -> usize {
        wait_within(self.patience() + Duration::from_secs(20), "the group is settled", || {
            let primary = self.named()?;
            self.is_settled(primary).then_some(primary)
        })
    }

    /// Has a replica drop what it has and get everything anew from the first node.
    pub(crate) fn resync(&self, replica: usize) {
        let (primary, replica) = (&self.nodes[0], &self.nodes[replica]);
        let full = || primary.info::<u64>("sync_full");
        let before = full();
        // It has a past of its own by that.
        replica.cli(&["REPLICAOF", "NO", "ONE"]);
        replica.cli(&["SET", "stray", "value"]);
        let port = primary.port();
        replica.cli(&["REPLICAOF", "127.0.0.1", &port.to_string()]);
        let synced = Some(Role::Replica { of: port, synced: true });
        wait_within(self.patience(), "the replica has everything anew", || {
            (full() > before && replica.role() == synced).then_some(())
        });
    }

    /// Has the sentinels that run talk and ask more often, until they restart.
    ///
    /// An old primary then turns into a replica within some four seconds instead of twelve. Not for
    /// what is to show how long a group in production takes.
    pub(crate) fn hurry(&self) {
        // They wait for four periods before they correct a role. Were that shorter than the second
        // between two looks of the one that leads a failover, the others would undo its work.
        for sentinel in self.sentinels.iter().filter(|it| it.is_running()) {
            let words = ["SENTINEL", "DEBUG", "INFO-PERIOD", "1000", "PUBLISH-PERIOD", "750"];
            assert_eq!(sentinel.cli(&words), Reply::Status("OK".into()));
        }
    }

    /// Has a sentinel replace the primary as planned; returns when it has begun.
    pub(crate) fn failover(&self) {
        wait_within(self.patience(), "a sentinel begins a failover", || {
            let answer = self.ask_sentinels(&["SENTINEL", "FAILOVER", SERVICE])?;
            match answer {
                Reply::Status(_) => Some(()),
                // Another one is under way, or no replica was heard of lately.
                Reply::Error(text) if text.contains("INPROG") || text.contains("NOGOODSLAVE") => {
                    None
                }
                other => panic!("no failover: {other}"),
            }
        });
    }

    /// The node that the first sentinel that answers names.
    pub(crate) fn named(&self) -> Option<usize> {
        let answer = self.ask_sentinels(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE])?;
        let Reply::List(parts) = answer else {
            return None;
        };
        let port: u16 = parts.get(1)?.text().parse().ok()?;
        self.nodes.iter().position(|node| node.port() == port)
    }

    fn ask_sentinels(&self, words: &[&str]) -> Option<Reply> {
        let mut running = self.sentinels.iter().filter(|it| it.is_running());
        running.find_map(|it| it.ask(words).ok())
    }

    /// Enough for an election that fails and is repeated.
    fn patience(&self) -> Duration {
        self.options.failover_timeout * 3 + self.options.down_after
    }
}
