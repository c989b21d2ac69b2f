//! The breakers of each node: what may pass to it, and what it answered lately.
//!
//! A node has two breakers. A store that refuses to be written, because it is full or has no
//! replicas, goes on serving; one that does not serve takes no writes either.
//!
//! Invariant: a node keeps its breakers for as long as the cache lives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::backend::{Backend, Failure, Node};
use crate::clock::{Clock, Tick};
use crate::lock::{Mutex, RwLock};
use crate::resilience::breaker::BreakerSettings;
use crate::resilience::breaker::{Breaker, BreakerState, Permit, Transition};
use crate::resilience::class::Traffic;
use crate::resilience::complaint::{Complaint, Gravity};

/// How long a refusal is remembered: what is refused now and then is not well in between.
const REMEMBERED: Duration = Duration::from_secs(30);

/// The breakers of all nodes seen so far.
#[derive(Debug)]
pub(super) struct Breakers {
    met: RwLock<Vec<Arc<NodeBreakers>>>,
    /// Until when all nodes are isolated, those that are met later as well.
    isolated_until: Mutex<Option<Tick>>,
    clock: Clock,
}

/// The breakers of a node.
#[derive(Debug)]
pub(super) struct NodeBreakers {
    serve: Breaker,
    store: Breaker,
    /// Until when it counts as one that does not do its work, since it has refused something of late.
    refusing_until: AtomicU64,
    complaint: Mutex<Complaint>,
    /// Whether there is one: looked at after every operation.
    complains: AtomicBool,
    /// Taken while the journal is replayed to the node, so that one caller does it for all.
    pub(super) replaying: ReplayTurn,
}

/// The turn of one caller, who must not keep others waiting for longer than its deadline.
///
/// It may all the same: nobody need poll its future any more. Then it loses the turn; what it sends when it
/// goes on has been sent by others, and may be sent twice.
#[derive(Debug, Default)]
pub(super) struct ReplayTurn(Mutex<PresentTurn>);

#[derive(Debug, Default)]
struct PresentTurn {
    turn: Arc<AsyncMutex<()>>,
    taken: Tick,
}

impl ReplayTurn {
    /// The turn, if nobody has it, or has had it for `longest`.
    pub(super) fn take_now(&self, now: Tick, longest: Duration) -> Option<OwnedMutexGuard<()>> {
        let mut present = self.0.lock();
        let mut turn = Arc::clone(&present.turn).try_lock_owned().ok();
        if turn.is_none() && now.since(present.taken) >= longest {
            present.turn = Arc::default();
            turn = Arc::clone(&present.turn).try_lock_owned().ok();
        }
        if turn.is_some() {
            present.taken = now;
        }
        turn
    }

    /// The turn, once the one who has it is done.
    pub(super) async fn take(&self, clock: &Clock) -> OwnedMutexGuard<()> {
        let turn = Arc::clone(&self.0.lock().turn);
        let turn = turn.lock_owned().await;
        self.0.lock().taken = clock.now();
        turn
    }
}

impl Breakers {
    pub(super) fn new(clock: &Clock) -> Self {
        Self { met: RwLock::default(), isolated_until: Mutex::default(), clock: clock.clone() }
    }

    /// Isolates the nodes that are met from now on as well, until then; `None` ends that.
    pub(super) fn isolate_newcomers(&self, until: Option<Tick>) {
        *self.isolated_until.lock() = until;
    }

    /// Until when, if nothing is sent to any node now.
    pub(super) fn isolated_until(&self) -> Option<Tick> {
        self.isolated_until.lock().filter(|until| self.clock.now() < *until)
    }

    /// The breakers of a node, made when the node is met for the first time.
    pub(super) fn of(&self, node: Node, settings: &BreakerSettings) -> Arc<NodeBreakers> {
        let number = usize::try_from(node.number()).unwrap_or(usize::MAX);
        if let Some(breakers) = self.met.read().get(number) {
            return Arc::clone(breakers);
        }
        let mut breakers = self.met.write();
        let isolated = self.isolated_until();
        while breakers.len() <= number {
            let new = NodeBreakers::new(settings);
            if isolated.is_some() {
                for traffic in Traffic::ALL {
                    new.breaker(traffic).isolate(isolated);
                }
            }
            breakers.push(Arc::new(new));
        }
        Arc::clone(&breakers[number])
    }

    /// The breakers made so far, each node's with the node.
    pub(super) fn all(&self) -> Vec<(Node, Arc<NodeBreakers>)> {
        let breakers = self.met.read();
        (0..).map(Node::new).zip(breakers.iter().map(Arc::clone)).collect()
    }
}

impl NodeBreakers {
    fn new(settings: &BreakerSettings) -> Self {
        let new = || Breaker::new(settings.clone());
        Self {
            serve: new(),
            store: new(),
            refusing_until: AtomicU64::new(0),
            complaint: Mutex::default(),
            complains: AtomicBool::new(false),
            replaying: ReplayTurn::default(),
        }
    }

    /// Notes what a node answered in place of doing its work; tells whether that is news.
    pub(super) fn note_refusal(&self, traffic: Traffic, failure: &Failure, now: Tick) -> bool {
        let gravity = {
            let mut complaint = self.complaint.lock();
            let gravity = complaint.note(traffic, failure, now);
            self.complains.store(complaint.is_any(), Ordering::Relaxed);
            gravity
        };
        if gravity != Gravity::Passing {
            self.refusing_until.store(now.after(REMEMBERED).as_millis(), Ordering::Relaxed);
        }
        gravity == Gravity::News
    }

    /// Notes that it did its work; tells whether somebody was told that it does not.
    pub(super) fn note_done(&self, traffic: Traffic) -> bool {
        if !self.complains.load(Ordering::Relaxed) {
            return false;
        }
        let mut complaint = self.complaint.lock();
        let is_news = complaint.end(traffic);
        self.complains.store(complaint.is_any(), Ordering::Relaxed);
        is_news
    }

    /// What the node answers in place of doing its work, for as long as it counts as one that does not.
    pub(super) fn complaint(&self, now: Tick) -> Option<String> {
        if !self.is_refusing(now) {
            return None;
        }
        self.complaint.lock().text().map(str::to_owned)
    }

    fn is_refusing(&self, now: Tick) -> bool {
        now.as_millis() < self.refusing_until.load(Ordering::Relaxed)
    }

    /// Whether the node takes what it is sent, as far as is known.
    pub(super) fn is_willing(&self, now: Tick, epoch: u64) -> bool {
        !self.is_refusing(now) && self.store.admits(now, epoch)
    }

    /// A permit for one operation over the connection of `epoch`.
    pub(super) fn acquire(
        &self,
        traffic: Traffic,
        now: Tick,
        epoch: u64,
    ) -> (Option<Permit>, Option<Transition>) {
        match traffic {
            Traffic::Serving => self.serve.acquire(now, epoch),
            // Where the node has to be found out about, the store breaker admits its own probe.
            Traffic::Storing if self.serve.admits(now, epoch) => self.store.acquire(now, epoch),
            Traffic::Storing => (None, None),
        }
    }

    /// Whether the node is, or may be, there: it answers, or is being tried.
    pub(super) fn may_answer(&self) -> bool {
        let shut = |state| matches!(state, BreakerState::Open | BreakerState::Isolated);
        !shut(self.serve.state()) && !shut(self.store.state())
    }

    /// Whether operations pass without anybody having to find out whether they may.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.serve.state(), BreakerState::Closed | BreakerState::Disabled)
    }

    /// Whether an operation over the connection of `epoch` would pass now.
    pub(super) fn admits(&self, now: Tick, epoch: u64) -> bool {
        self.serve.admits(now, epoch)
    }

    pub(super) fn breaker(&self, traffic: Traffic) -> &Breaker {
        match traffic {
            Traffic::Serving => &self.serve,
            Traffic::Storing => &self.store,
        }
    }
}

/// Names by the node that serves them, in the order in which the nodes come up.
pub(super) fn by_node<T>(
    backend: &dyn Backend,
    items: impl IntoIterator<Item = T>,
    name: impl Fn(&T) -> &str,
) -> Vec<(Node, Vec<T>)> {
    let mut groups: Vec<(Node, Vec<T>)> = Vec::new();
    for item in items {
        let node = backend.node(name(&item));
        match groups.iter_mut().find(|(known, _)| *known == node) {
            Some((_, group)) => group.push(item),
            None => groups.push((node, vec![item])),
        }
    }
    groups
}
