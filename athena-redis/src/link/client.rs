//! What all links of one backend share.
//!
//! Invariant: a number of a connection is given out once, and an endpoint has one node number for
//! ever. Listeners are called where a change is noticed, with no lock held, so that what one
//! connection announces is heard in the order of that connection.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use athena_cache_core::backend::{Change, Listener, Node};
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::time::Instant;

use super::dials::NodeDials;
use super::occurrences::{Occurrence, Occurrences};
use super::rights::{Lacks, NodeKind, Terms};
use super::unheard::Omission;
use crate::lock::Lock;
use crate::url::Endpoint;

/// Each costs some commands at each login.
const MOST_PREFIXES: usize = 32;
/// How many nodes are dialed at a time that serve nothing, and whose answer nobody waits for.
const PLACES: usize = 8;

/// Numbers, limits and signals of a backend.
pub(crate) struct Client {
    epochs: AtomicU64,
    revivals: AtomicU64,
    /// Milliseconds that one operation may take.
    limit: AtomicU64,
    nodes: Lock<Numbers>,
    /// Those of all caches that share the backend.
    listeners: ArcSwap<Vec<Listener>>,
    /// What the names begin with that are used: those of each cache.
    prefixes: Lock<Vec<String>>,
    place: NodeKind,
    /// Whether a log is kept for other regions.
    keeps_log: AtomicBool,
    /// What nodes do not let us do, as it was told.
    lacks: Lock<HashMap<Node, Lacks>>,
    /// How often nodes were dialed.
    dials: Lock<NodeDials>,
    /// What was told of them lately.
    occurrences: Lock<Occurrences>,
    /// Nodes that were told of as leaving things unannounced, and why.
    omitting: Lock<HashSet<(Node, Omission)>>,
    alarm: watch::Sender<u64>,
    places: Semaphore,
}

impl Client {
    pub(crate) fn new(limit: Duration) -> Self {
        let (alarm, _) = watch::channel(0);
        Self {
            epochs: AtomicU64::new(0),
            revivals: AtomicU64::new(0),
            limit: AtomicU64::new(millis(limit)),
            nodes: Lock::default(),
            listeners: ArcSwap::default(),
            prefixes: Lock::default(),
            place: NodeKind::Everywhere,
            keeps_log: AtomicBool::new(false),
            lacks: Lock::default(),
            dials: Lock::default(),
            occurrences: Lock::default(),
            omitting: Lock::default(),
            alarm,
            places: Semaphore::new(PLACES),
        }
    }

    /// The same for the members of a cluster.
    pub(crate) fn of_cluster(self) -> Self {
        Self { place: NodeKind::Cluster, ..self }
    }

    pub(super) fn is_of_cluster(&self) -> bool {
        self.place == NodeKind::Cluster
    }

    /// A number for a new connection.
    pub(crate) fn next_epoch(&self) -> u64 {
        self.epochs.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// A number for the change that some node answers again; it is above all earlier ones.
    pub(crate) fn next_revival(&self) -> u64 {
        self.revivals.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// How long one operation may take.
    pub(crate) fn limit(&self) -> Duration {
        Duration::from_millis(self.limit.load(Ordering::Relaxed))
    }

    pub(crate) fn set_limit(&self, limit: Duration) {
        self.limit.store(millis(limit), Ordering::Relaxed);
    }

    /// The number of an endpoint.
    pub(crate) fn node(&self, endpoint: &Endpoint) -> Node {
        self.nodes.lock().number(endpoint)
    }

    /// The endpoint with a number, if one has it.
    pub(crate) fn endpoint(&self, node: Node) -> Option<Endpoint> {
        let nodes = self.nodes.lock();
        nodes.endpoints.get(usize::try_from(node.number()).ok()?).cloned()
    }

    /// Has one more hear of changes, for as long as the backend lives.
    pub(crate) fn add_listener(&self, listener: &Listener) {
        self.listeners.rcu(|known| {
            let mut listeners = Vec::clone(known);
            listeners.push(Listener::clone(listener));
            listeners
        });
    }

    /// Coherence 2: called in the order of the connection, and done when it returns.
    pub(crate) fn tell(&self, change: &Change) {
        for listener in &**self.listeners.load() {
            listener(change);
        }
    }

    /// Has rights found out for names that begin like this, unless there are many: those are taken to be like
    /// the others.
    pub(crate) fn expect_names(&self, prefix: &str) {
        let mut prefixes = self.prefixes.lock();
        if prefixes.len() < MOST_PREFIXES && !prefixes.iter().any(|known| known == prefix) {
            prefixes.push(prefix.to_owned());
        }
    }

    /// Has the rights found out, too, that a log needs.
    pub(crate) fn expect_log(&self) {
        self.keeps_log.store(true, Ordering::Release);
    }

    pub(crate) fn keeps_log(&self) -> bool {
        self.keeps_log.load(Ordering::Acquire)
    }

    /// What rights are needed for.
    pub(super) fn terms(&self) -> Terms {
        let prefixes = self.prefixes.lock().clone();
        Terms { prefixes, place: self.place, keeps_log: self.keeps_log() }
    }

    /// Notes what a node does not let us do; tells whether that is news.
    pub(super) fn note_lacks(&self, node: Node, lacks: Lacks) -> bool {
        self.lacks.lock().insert(node, lacks).unwrap_or_default() != lacks
    }

    /// Notes that a node is to be dialed; tells how long to wait before.
    pub(super) fn pause_before_dial(&self, node: Node) -> Duration {
        self.dials.lock().pause(node, Instant::now(), fastrand::f64())
    }

    /// Notes that something has happened to a node; how often it has since it was told last, if it is to be told
    /// now.
    pub(super) fn note(&self, node: Node, occurrence: Occurrence) -> Option<u32> {
        self.occurrences.lock().note(node, occurrence, Instant::now())
    }

    /// The same, of all nodes: none can be reached.
    pub(crate) fn note_cut_off(&self) -> Option<u32> {
        self.note(Node::ONLY, Occurrence::CutOff)
    }

    /// Notes that what kept a node from being connected to is over.
    pub(super) fn begin_anew(&self, node: Node) {
        self.occurrences.lock().begin_anew(node);
    }

    /// Notes that a node may leave things unannounced; tells whether that was not known.
    pub(super) fn note_omission(&self, node: Node, omission: Omission) -> bool {
        self.omitting.lock().insert((node, omission))
    }

    /// A place among the few nodes that are dialed at a time although nobody waits for them.
    ///
    /// Waits for as long as others take, each no longer than the connect timeout. Nothing if there are none.
    pub(super) async fn place(&self) -> Option<SemaphorePermit<'_>> {
        self.places.acquire().await.ok()
    }

    /// Says that some link came into doubt.
    pub(crate) fn ring(&self) {
        self.alarm.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Hears of doubts; see [`Link::doubt`](super::Link::doubt) for what they are.
    pub(crate) fn alarm(&self) -> watch::Receiver<u64> {
        self.alarm.subscribe()
    }
}

/// The endpoints in the order of their numbers, and the number of each.
#[derive(Default)]
struct Numbers {
    endpoints: Vec<Endpoint>,
    numbers: HashMap<Endpoint, Node>,
}

impl Numbers {
    fn number(&mut self, endpoint: &Endpoint) -> Node {
        if let Some(known) = self.numbers.get(endpoint) {
            return *known;
        }
        let node = Node::new(u32::try_from(self.endpoints.len()).unwrap_or(u32::MAX));
        self.endpoints.push(endpoint.clone());
        self.numbers.insert(endpoint.clone(), node);
        node
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("epochs", &self.epochs).finish_non_exhaustive()
    }
}

/// The longest limit of an operation, a century: added to any moment it still makes one.
const LONGEST_LIMIT: u64 = 100 * 365 * 24 * 60 * 60 * 1_000;

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).clamp(1, LONGEST_LIMIT)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn every_listener_hears_everything_from_then_on() {
        let client = Client::new(Duration::from_secs(1));
        let heard: Arc<Mutex<Vec<u32>>> = Arc::default();
        client.tell(&Change::Flushed);
        for number in 1..3 {
            let heard = Arc::clone(&heard);
            let listener: Listener = Arc::new(move |_: &Change| heard.lock().unwrap().push(number));
            client.add_listener(&listener);
            client.tell(&Change::Flushed);
        }
        assert_eq!(*heard.lock().unwrap(), [1, 1, 2]);
    }

    #[test]
    fn the_limit_of_an_operation_is_never_none_nor_beyond_what_clocks_tell() {
        let client = Client::new(Duration::ZERO);
        assert_eq!(client.limit(), Duration::from_millis(1));
        client.set_limit(Duration::MAX);
        let now = tokio::time::Instant::now();
        assert!(now.checked_add(client.limit()).is_some_and(|later| later > now));
    }

    #[test]
    fn that_a_node_evicts_is_told_once() {
        let client = Client::new(Duration::from_secs(1));
        let told =
            [0, 1, 0, 1].map(|number| client.note_omission(Node::new(number), Omission::Evicts));
        assert_eq!(told, [true, true, false, false]);
    }
}
