//! A connection that was made, and what is known of its health.
//!
//! Invariant: dropping the last handle closes the socket, whatever is in flight. The end of a connection
//! that served is told once, whoever notices it first.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use athena_cache_core::backend::{Change, Node, Proof};
use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Value};
use tokio::sync::Notify;

use super::batch::{Batch, Replies};
use super::client::Client;
use super::flow::{BlamedValue, Greeting};
use super::meter::OversizedReply;
use super::origin::Origin;
use super::pulse::{GivenUp, Pulse, Watch};
use super::rights::{self, Rights};
use super::role::Role;
use super::tap;
use super::task::Task;
use super::unheard::{NodeStats, Omission, Unheard};

pub(super) use super::pulse::Health;

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
    state: Arc<ConnState>,
}

/// What whoever holds the connection and its driver both see.
#[derive(Debug)]
struct ConnState {
    pulse: Pulse,
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
        let (pulse, changed) = (Pulse::new(greeting), Notify::new());
        let serves = AtomicBool::new(false);
        let state = Arc::new(ConnState { pulse, changed, node, client, serves });
        let ending = Arc::clone(&state);
        let driver = Task::spawn_until(driver, move || ending.end());
        let (unheard, history) = (Unheard::default(), AtomicU64::new(0));
        let rights = Rights::default();
        let (tracks, is_replica) = (false, false);
        Self { epoch, tracks, unheard, rights, is_replica, history, wire, driver, state }
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
            // Boxed: it is rare, and would stand in the future of every operation.
            values.extend(Box::pin(self.write(&batch.with_sources_from(at))).await?);
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

    /// The same where nothing else is told of it.
    pub(super) fn told_omission(&self) -> Option<Omission> {
        self.unheard.told_omission()
    }

    /// Notes what the server says of what it may leave unannounced.
    ///
    /// Coherence 4b: where some may not have been announced, what was read is not trusted any more.
    pub(super) fn note_stats(&self, told: NodeStats) {
        let announced = self.announces();
        self.unheard.note(told);
        if announced && !self.announces() && self.state.serves.load(Ordering::Acquire) {
            self.state.client.tell(&Change::Unheard { node: self.state.node });
        }
    }

    /// Whether the server tells its limits, as far as is known.
    pub(super) fn tells_limits(&self) -> bool {
        let is_let_us = || !self.rights().lacks().has(rights::LIMITS);
        self.unheard.tells_limits() || !self.unheard.knows_limit() && is_let_us()
    }

    /// The most bytes that the server takes as one argument, as far as is known.
    pub(super) fn max_value(&self) -> u64 {
        self.unheard.max_value()
    }

    /// The same for the first time, before anything is read.
    pub(super) fn begin_from(&self, told: NodeStats) {
        self.unheard.begin_from(told);
    }

    /// Operations are about to use it.
    pub(super) fn serve(&self) {
        self.state.serves.store(true, Ordering::Release);
    }

    /// What was read through it is not announced any more, or not to those whom it concerns.
    pub(super) fn stop_trusting(&self) {
        self.state.stop_trusting();
    }

    async fn write(&self, pipeline: &redis::Pipeline) -> RedisResult<Vec<Value>> {
        let mut wire = self.wire.clone();
        match (pipeline.len(), pipeline.cmd_iter().next()) {
            (1, Some(command)) => Ok(vec![wire.send_packed_command(command).await?]),
            (count, _) => wire.send_packed_commands(pipeline, 0, count).await,
        }
    }

    pub(super) fn health(&self) -> Health {
        self.state.pulse.health()
    }

    /// The reply that ended it, if that was too large.
    pub(super) fn oversized(&self) -> Option<OversizedReply> {
        self.state.pulse.oversized()
    }

    /// Whether something is on its way that nobody waits for any more, and everybody else has to.
    pub(super) fn is_occupied(&self) -> bool {
        self.state.pulse.is_occupied()
    }

    /// Waits until the health may have changed; for one waiter.
    pub(super) async fn changed(&self) {
        self.state.changed.notified().await;
    }

    /// Watches one exchange: given up after at least `long` without an answer, by whomever, it counts as a
    /// timeout, unless bytes are on their way.
    pub(super) fn watch(&self, long: Duration) -> ExchangeWatch<'_> {
        let watch = self.state.pulse.watch(long);
        ExchangeWatch { state: &self.state, watch, open: true }
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

impl ConnState {
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
        self.pulse.lose();
        self.changed.notify_one();
        self.client.ring();
    }
}

/// One exchange under way.
#[derive(Debug)]
pub(super) struct ExchangeWatch<'a> {
    state: &'a ConnState,
    watch: Watch<'a>,
    open: bool,
}

impl ExchangeWatch<'_> {
    /// The other side is alive; tells whether it had been taken for dead.
    pub(super) fn answered(mut self) -> bool {
        self.open = false;
        self.watch.answered()
    }
}

impl Drop for ExchangeWatch<'_> {
    fn drop(&mut self) {
        let ConnState { changed, client, pulse, .. } = self.state;
        if !self.open || pulse.oversized().is_some() {
            return;
        }
        match self.watch.give_up(Instant::now()) {
            GivenUp::Timeout(Health::Silent) => client.ring(),
            GivenUp::Timeout(_) => changed.notify_one(),
            GivenUp::OnItsWay { values, took } => {
                for BlamedValue { value, age } in values {
                    client.tell(&tap::slow(value, age.unwrap_or(took)));
                }
            }
            GivenUp::Early | GivenUp::Known => {}
        }
    }
}
