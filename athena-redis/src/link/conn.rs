//! A connection that was made, and what is known of its health.
//!
//! Invariant: dropping the last handle closes the socket, whatever is in flight. The end of a connection
//! that served is told once, whoever notices it first.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use athena_cache_core::backend::{Change, Node, Proof};
use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Value};
use tokio::sync::Notify;

use super::batch::{Batch, Replies};
use super::client::Client;
use super::origin::Origin;
use super::rights::Rights;
use super::role::Role;
use super::stranger::Greeting;
use super::task::Task;
use super::unheard::{NodeStats, Omission, Unheard};

/// After so many timeouts in a row a connection is taken for dead.
const WEDGED_AFTER: u32 = 3;

/// One socket with its driver.
#[derive(Debug)]
pub(super) struct Conn {
    epoch: u64,
    /// Whether it announces changes of what is read through it.
    tracks: bool,
    unheard: Unheard,
    rights: Rights,
    /// Whether the node said at first that it is a replica.
    is_replica: bool,
    /// The history of the store behind it; 0 if that is not known.
    history: AtomicU64,
    wire: MultiplexedConnection,
    driver: Task,
    pulse: Arc<Pulse>,
}

/// What a connection is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Health {
    /// Answers, as far as is known.
    Sound,
    /// Open, but the last operation or heartbeat had no answer in time.
    Silent,
    /// Open, but several operations in a row had no answer in time.
    Wedged,
    /// Closed by the other side or the network.
    Lost,
}

#[derive(Debug)]
struct Pulse {
    lost: AtomicBool,
    timeouts: AtomicU32,
    greeting: Greeting,
    changed: Notify,
    node: Node,
    client: Arc<Client>,
    /// Whether operations use it, and nobody was told yet that it has ended.
    serves: AtomicBool,
}

impl Conn {
    /// Takes over a connection after its login.
    pub(super) fn new(
        wire: MultiplexedConnection,
        driver: impl Future<Output = ()> + Send + 'static,
        greeting: Greeting,
        node: Node,
        client: Arc<Client>,
    ) -> Self {
        let epoch = client.next_epoch();
        let pulse = Arc::new(Pulse {
            lost: AtomicBool::new(false),
            timeouts: AtomicU32::new(0),
            greeting,
            changed: Notify::new(),
            node,
            client,
            serves: AtomicBool::new(false),
        });
        let ending = Arc::clone(&pulse);
        let driver = Task::spawn_until(driver, move || ending.end());
        let (unheard, history) = (Unheard::default(), AtomicU64::new(0));
        let rights = Rights::default();
        let (tracks, is_replica) = (false, false);
        Self { epoch, tracks, unheard, rights, is_replica, history, wire, driver, pulse }
    }

    /// The same connection, which announces changes.
    pub(super) fn tracking(self) -> Self {
        Self { tracks: true, ..self }
    }

    /// The same connection, to a node that said what it is.
    pub(super) fn to(self, role: Option<Role<(), u64>>) -> Self {
        self.note_history(role.map(Role::history).unwrap_or_default());
        Self { is_replica: role.is_some_and(|role| role.is_replica()), ..self }
    }

    /// What the node lets us do.
    pub(super) fn rights(&self) -> &Rights {
        &self.rights
    }

    /// Whether changes of what is read through it are announced, but for what the server omits.
    pub(super) fn tracks(&self) -> bool {
        self.tracks
    }

    /// Whether the node said at first that it is a replica.
    pub(super) fn is_replica(&self) -> bool {
        self.is_replica
    }

    /// The number of this connection.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Sends a batch and waits for all its replies, without a limit.
    ///
    /// From the first script that the server does not know, the batch is sent again with the source.
    pub(super) async fn exchange(&self, batch: &Batch) -> RedisResult<Replies> {
        let before = self.history();
        let mut values = self.write(batch.pipeline()).await?;
        if let Some(at) = batch.unknown_script(&values) {
            values.truncate(at);
            values.extend(self.write(&batch.with_sources_from(at)).await?);
        }
        let now = self.history();
        // Coherence 8: if it was replaced meanwhile, some answers are of one past and some of another.
        let history = if before == now { now } else { 0 };
        let (epoch, tracks) = (self.epoch, self.announces());
        let proof = Proof { epoch, history, tracks, lag: Duration::ZERO };
        Ok(batch.replies(values, Origin::One(proof)))
    }

    /// The history of the store behind it; 0 if that is not known.
    pub(super) fn history(&self) -> u64 {
        self.history.load(Ordering::Acquire)
    }

    /// Takes a history for that of the store from now on.
    pub(super) fn note_history(&self, history: u64) {
        self.history.store(history, Ordering::Release);
    }

    /// Coherence 4b: whether every change of what is read through it is announced, evictions included.
    pub(super) fn announces(&self) -> bool {
        self.tracks() && self.omission().is_none()
    }

    /// Why the server may leave something unannounced, if it may.
    pub(super) fn omission(&self) -> Option<Omission> {
        self.unheard.omission()
    }

    /// Notes what the server says of what it may leave unannounced.
    ///
    /// Coherence 4b: where some may not have been announced, what was read is not trusted any more.
    pub(super) fn note_stats(&self, told: NodeStats) {
        let announced = self.announces();
        self.unheard.note(told);
        if announced && !self.announces() && self.pulse.serves.load(Ordering::Acquire) {
            self.pulse.client.tell(&Change::Unheard { node: self.pulse.node });
        }
    }

    /// Whether the server tells the limit of its table of readers.
    pub(super) fn tells_limit(&self) -> bool {
        self.unheard.tells_limit()
    }

    /// The same for the first time, before anything is read.
    pub(super) fn begin_from(&self, told: NodeStats) {
        self.unheard.begin_from(told);
    }

    /// Operations are about to use it.
    pub(super) fn serve(&self) {
        self.pulse.serves.store(true, Ordering::Release);
    }

    /// What was read through it is not announced any more, or not to those whom it concerns.
    pub(super) fn stop_trusting(&self) {
        self.pulse.stop_trusting();
    }

    async fn write(&self, pipeline: &redis::Pipeline) -> RedisResult<Vec<Value>> {
        let mut wire = self.wire.clone();
        match (pipeline.len(), pipeline.cmd_iter().next()) {
            (1, Some(command)) => Ok(vec![wire.send_packed_command(command).await?]),
            (count, _) => wire.send_packed_commands(pipeline, 0, count).await,
        }
    }

    pub(super) fn health(&self) -> Health {
        if self.pulse.lost.load(Ordering::Acquire) {
            return Health::Lost;
        }
        match self.pulse.timeouts.load(Ordering::Relaxed) {
            0 => Health::Sound,
            1..WEDGED_AFTER => Health::Silent,
            _ => Health::Wedged,
        }
    }

    /// Waits until the health may have changed; for one waiter.
    pub(super) async fn changed(&self) {
        self.pulse.changed.notified().await;
    }

    /// Watches one exchange: given up after at least `long` without an answer, by whomever, it counts
    /// as a timeout.
    pub(super) fn watch(&self, long: Duration) -> Watch<'_> {
        let received = self.pulse.greeting.received();
        Watch { pulse: &self.pulse, long_from: Instant::now() + long, received, open: true }
    }

    /// Closes the socket as soon as the runtime runs; what is in flight fails.
    pub(super) fn abort(&self) {
        self.driver.abort();
    }

    /// Closes the socket and waits until it is closed.
    pub(super) async fn end(&self) {
        self.abort();
        while self.health() != Health::Lost {
            self.changed().await;
        }
    }
}

impl Pulse {
    /// Tells once that what was read is not announced any more.
    fn stop_trusting(&self) {
        if self.serves.swap(false, Ordering::AcqRel) {
            self.client.tell(&Change::Unheard { node: self.node });
        }
    }

    /// Marks the connection when its driver has ended, for whatever reason.
    fn end(&self) {
        // Coherence 4: first, since who sees that it is lost may make a new one, which is told of after.
        self.stop_trusting();
        self.lost.store(true, Ordering::Release);
        self.changed.notify_one();
        self.client.ring();
    }
}

/// One exchange under way.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    pulse: &'a Pulse,
    long_from: Instant,
    /// How many bytes had come when it began.
    received: u64,
    open: bool,
}

impl Watch<'_> {
    /// The other side is alive; tells whether it had been taken for dead.
    pub(super) fn answered(mut self) -> bool {
        self.open = false;
        // A store only where there is something to forget keeps the line shared between cores.
        self.pulse.timeouts.load(Ordering::Relaxed) != 0
            && self.pulse.timeouts.swap(0, Ordering::Relaxed) >= WEDGED_AFTER
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.open || Instant::now() < self.long_from {
            return;
        }
        // What is large or slow is on its way: another connection would get it no sooner.
        if self.pulse.greeting.goes_on_since(self.received) {
            return;
        }
        let timeouts = self.pulse.timeouts.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if timeouts == 1 {
            self.pulse.client.ring();
        }
        if timeouts == WEDGED_AFTER {
            self.pulse.changed.notify_one();
        }
    }
}
