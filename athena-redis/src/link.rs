//! One multiplexed connection to one node, made again for as long as the link lives.
//!
//! Invariant: an operation never waits for more than the response timeout, and while there is no
//! connection it does not wait at all. This folder alone names the `redis` crate; what lies above
//! speaks [`Batch`] and [`Replies`].

mod backoff;
mod batch;
mod class;
mod client;
mod conn;
mod dial;
mod origin;
mod proof;
mod push;
mod reply;
mod role;
mod script;
mod state;
mod supervise;
mod task;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use athena_cache_core::backend::{Class, Failure, Node};
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, SemaphorePermit, watch};
use tokio::time::{Instant, timeout, timeout_at};

pub(crate) use self::backoff::{Backoff, Growth, Least};
pub(crate) use self::batch::{
    Asking, Assembly, Batch, CommandIndex, Malformed, Replies, Reply, Routing,
};
pub(crate) use self::client::Client;
pub(crate) use self::origin::Origin;
pub(crate) use self::proof::Question;
pub(crate) use self::push::{Push, PushHandler};
pub(crate) use self::reply::Fields;
pub(crate) use self::role::Role;
pub(crate) use self::script::Script;
pub(crate) use self::state::Doubt;
pub(crate) use self::task::{Task, TaskSlot};

use self::conn::{Conn, Health};
use self::state::{LinkState, Phase};
use crate::config::Access;
use crate::url::Endpoint;

/// A node, and the connection to it if there is one.
///
/// Dropping it ends its tasks and closes its socket.
#[derive(Debug)]
pub(crate) struct Link {
    shared: Arc<LinkState>,
    places: Semaphore,
    supervisor: TaskSlot,
}

impl Link {
    /// A link to a data node, which connects when it is first used.
    pub(crate) fn new(endpoint: Endpoint, access: Arc<Access>, client: Arc<Client>) -> Self {
        let push_handler = PushHandler::Changes(Arc::clone(&client));
        Self::build(endpoint, access, client, push_handler, false)
    }

    /// A link to whichever node an endpoint leads to: where that becomes a replica, it is dialed again
    /// until it leads to a primary.
    pub(crate) fn following_name(
        endpoint: Endpoint,
        access: Arc<Access>,
        client: Arc<Client>,
    ) -> Self {
        let push_handler = PushHandler::Changes(Arc::clone(&client));
        Self::build(endpoint, access, client, push_handler, true)
    }

    /// A standby link to a sentinel, whose channels are heard.
    pub(crate) fn listening(
        endpoint: Endpoint,
        access: Arc<Access>,
        client: Arc<Client>,
        push_handler: PushHandler,
    ) -> Self {
        Self::build(endpoint, access, client, push_handler, false).as_standby()
    }

    fn build(
        endpoint: Endpoint,
        access: Arc<Access>,
        client: Arc<Client>,
        push_handler: PushHandler,
        is_alone: bool,
    ) -> Self {
        let places = Semaphore::new(access.max_in_flight);
        let (state, _) = watch::channel(Phase::Idle);
        let node = client.node(&endpoint);
        let shared = LinkState {
            endpoint,
            node,
            access,
            client,
            state,
            epoch: AtomicU64::new(0),
            revivals: AtomicU64::new(0),
            said_not_serving: AtomicBool::new(false),
            renewal: Notify::new(),
            hurry: Notify::new(),
            push_handler,
            standby: AtomicBool::new(false),
            follows_name: is_alone,
            search_by_name: Notify::new(),
            attempts: AtomicU32::new(0),
        };
        Self { shared: Arc::new(shared), places, supervisor: TaskSlot::default() }
    }

    /// Sends a batch in one write and reads the replies with `read`.
    ///
    /// An error among the replies fails the whole batch.
    pub(crate) async fn send<T>(
        &self,
        batch: &Batch,
        read: impl FnOnce(&mut Replies) -> Result<T, Malformed>,
    ) -> Result<T, Failure> {
        let mut replies = self.exchange(batch).await?;
        match self.refusal(&replies) {
            Some(failure) => Err(failure),
            None => read(&mut replies).map_err(|malformed| self.malformed(&malformed)),
        }
    }

    /// Sends a batch in one write; errors of the server stay among the replies.
    pub(crate) async fn exchange(&self, batch: &Batch) -> Result<Replies, Failure> {
        self.exchange_by(batch, Instant::now() + self.shared.client.limit()).await
    }

    /// The same, where a part of the time for the operation has passed already.
    pub(crate) async fn exchange_by(
        &self,
        batch: &Batch,
        deadline: Instant,
    ) -> Result<Replies, Failure> {
        let shared = &self.shared;
        let limit = shared.client.limit();
        let left = deadline.saturating_duration_since(Instant::now());
        let _place = self.place(left.min(limit / 2)).await?;
        let conn = self.connection(deadline).await?;
        if batch.epoch().is_some_and(|epoch| epoch != conn.epoch()) {
            return Ok(Replies::superseded());
        }
        let watch = conn.watch(limit / 2);
        let Ok(outcome) = timeout_at(deadline, conn.exchange(batch)).await else {
            shared.client.ring();
            return Err(shared.failure(Class::Timeout, format!("did not answer in {limit:?}")));
        };
        // The end of a connection is no sign of life.
        let replies = outcome.map_err(|error| shared.failure_of(&error))?;
        shared.note_life(watch.answered());
        shared.note_answer(&replies);
        Ok(replies)
    }

    /// The first error among the replies, as a failure of this node.
    pub(crate) fn refusal(&self, replies: &Replies) -> Option<Failure> {
        replies.server_error().map(|error| self.shared.failure_of(&error))
    }

    /// The failure that a reply of another shape than its command has is.
    pub(crate) fn malformed(&self, malformed: &Malformed) -> Failure {
        self.shared.failure(Class::Rejected, format!("sent a malformed reply: {malformed}"))
    }

    /// A place among the operations in flight; waits for one no longer than `patience`.
    async fn place(&self, patience: Duration) -> Result<SemaphorePermit<'_>, Failure> {
        if let Ok(place) = self.places.try_acquire() {
            return Ok(place);
        }
        if let Ok(Ok(place)) = timeout(patience, self.places.acquire()).await {
            return Ok(place);
        }
        let most = self.shared.access.max_in_flight;
        let message = format!("had {most} operations in flight for {patience:?}");
        Err(self.shared.failure(Class::Overloaded, &message))
    }

    /// Waits for the outcome of the first attempt to connect, or tells that of the latest one.
    ///
    /// With a limited number of attempts, waits until one has succeeded or all have failed.
    pub(crate) async fn connect(&self) -> Result<(), Failure> {
        let access = &self.shared.access;
        let deadline = Instant::now() + time_for(access, access.attempts.unwrap_or(1));
        let first = self.connection(deadline).await;
        let Some(attempts) = access.attempts.filter(|_| first.is_err()) else {
            return first.map(drop);
        };
        let mut state = self.shared.state.subscribe();
        let settled = state.wait_for(|state| match state {
            Phase::Down(_) => self.shared.attempts.load(Ordering::Acquire) >= attempts,
            Phase::Idle | Phase::Dialing => false,
            Phase::Up(_) | Phase::Retired | Phase::Closed => true,
        });
        drop(timeout_at(deadline, settled).await);
        self.connection(deadline).await.map(drop)
    }

    /// Starts connecting, if that has not begun; waits for nothing.
    pub(crate) fn wake(&self) {
        // Outside of a runtime the first operation will try again and say so.
        drop(self.start());
    }

    /// A failure that names the node.
    pub(crate) fn failure(&self, class: Class, what: &str) -> Failure {
        self.shared.failure(class, what)
    }

    pub(crate) fn node(&self) -> Node {
        self.shared.node
    }

    /// The number of the latest connection, 0 before the first; no two links share one.
    pub(crate) fn epoch(&self) -> u64 {
        self.shared.epoch.load(Ordering::Acquire)
    }

    /// Grows whenever the node may answer again.
    pub(crate) fn revivals(&self) -> u64 {
        self.shared.revivals.load(Ordering::Acquire)
    }

    pub(crate) fn is_ready(&self) -> bool {
        match &*self.shared.state.borrow() {
            Phase::Up(conn) => conn.health() <= Health::Silent,
            _ => false,
        }
    }

    /// Operations that were sent and not answered.
    pub(crate) fn in_flight(&self) -> usize {
        self.shared.access.max_in_flight.saturating_sub(self.places.available_permits())
    }

    /// Why this node may have been replaced, if there is a sign of it.
    pub(crate) fn doubt(&self) -> Option<Doubt> {
        if self.shared.said_not_serving.load(Ordering::Acquire) {
            return Some(Doubt::NotServing);
        }
        match &*self.shared.state.borrow() {
            Phase::Up(conn) => match conn.health() {
                Health::Sound => None,
                Health::Silent | Health::Wedged => Some(Doubt::Silent),
                Health::Lost => Some(Doubt::Lost),
            },
            Phase::Idle | Phase::Dialing => None,
            Phase::Down(_) | Phase::Retired | Phase::Closed => Some(Doubt::Lost),
        }
    }

    /// How many attempts to connect have failed so far.
    pub(crate) fn attempts(&self) -> u32 {
        self.shared.attempts.load(Ordering::Acquire)
    }

    /// Notes that the server said that it does not serve what it was asked.
    pub(crate) fn note_not_serving(&self) {
        self.shared.note_not_serving();
    }

    /// Forgets that the server said it does not serve: that was looked into.
    pub(crate) fn trust_again(&self) {
        self.shared.trust_again();
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.shared.endpoint
    }

    /// Makes a new connection beside the present one, which it replaces once it answers.
    pub(crate) fn renew(&self) {
        self.shared.renewal.notify_one();
    }

    /// Makes the next attempt to connect at once, if one is waited for.
    pub(crate) fn hurry(&self) {
        self.shared.hurry.notify_one();
    }

    /// Has what happens to the connection told only to those who debug: it serves nothing yet.
    pub(crate) fn as_standby(self) -> Self {
        self.shared.standby.store(true, Ordering::Relaxed);
        self
    }

    pub(crate) fn is_standby(&self) -> bool {
        self.shared.is_standby()
    }

    /// Ends [`as_standby`](Self::as_standby).
    pub(crate) fn end_standby(&self) {
        self.shared.standby.store(false, Ordering::Relaxed);
    }

    /// Hears of every connection that is made or lost from now on.
    pub(crate) fn turns(&self) -> Turns {
        Turns(self.shared.state.subscribe())
    }

    /// Ends everything at once, because another node serves in this one's place.
    ///
    /// What is in flight fails as [`Class::Disconnected`], and nothing more is sent.
    pub(crate) fn retire(&self) {
        let before = self.shared.state.send_replace(Phase::Retired);
        if let Some(supervisor) = self.supervisor.take() {
            supervisor.abort();
        }
        if let Phase::Up(conn) = before {
            conn.abort();
            conn.stop_trusting();
        }
    }

    /// Ends the tasks and closes the socket; returns when both are gone.
    ///
    /// Waits no longer than the response timeout: the runtime of the tasks may stand still.
    pub(crate) async fn close(&self) {
        let before = self.shared.state.send_replace(Phase::Closed);
        let supervisor = self.supervisor.take();
        let ended = async {
            if let Some(supervisor) = &supervisor {
                supervisor.abort();
            }
            if let Phase::Up(conn) = before {
                conn.stop_trusting();
                conn.end().await;
            }
            if let Some(supervisor) = supervisor {
                supervisor.end().await;
            }
        };
        // Both are told to end at once: what is late ends as soon as its runtime runs again.
        drop(timeout(self.shared.client.limit(), ended).await);
    }

    /// The connection to use now; only the outcome of a first attempt is waited for.
    async fn connection(&self, deadline: Instant) -> Result<Arc<Conn>, Failure> {
        let shared = &self.shared;
        let mut state = shared.state.borrow().clone();
        if matches!(state, Phase::Idle | Phase::Dialing) {
            state = self.first_attempt(deadline).await?;
        }
        match state {
            Phase::Up(conn) if conn.health() != Health::Lost => Ok(conn),
            Phase::Up(_) => Err(shared.failure(Class::Unreachable, "was disconnected")),
            Phase::Down(refusal) => {
                let what = format!("is not connected: {}", refusal.reason);
                Err(shared.failure(refusal.class, what))
            }
            Phase::Idle | Phase::Dialing => {
                Err(shared.failure(Class::Unreachable, "is not connected yet"))
            }
            // Nothing was sent: the caller may try again, and will be led to the new node.
            Phase::Retired => Err(shared.failure(Class::Unreachable, "was replaced")),
            Phase::Closed => Err(shared.failure(Class::Closed, "was closed")),
        }
    }

    /// Starts connecting, unless another operation has, and waits for the outcome.
    async fn first_attempt(&self, deadline: Instant) -> Result<Phase, Failure> {
        self.start()?;
        let mut state = self.shared.state.subscribe();
        let settled = state.wait_for(|state| !matches!(state, Phase::Dialing));
        // Settled or out of time: the state says which.
        drop(timeout_at(deadline, settled).await);
        Ok(self.shared.state.borrow().clone())
    }

    fn start(&self) -> Result<(), Failure> {
        let (running, ending) = (Arc::clone(&self.shared), Arc::clone(&self.shared));
        self.supervisor.start(
            || self.begin(),
            || supervise::supervise(running),
            move || ending.enter(Phase::Idle),
        )
    }

    /// Whether to start connecting now.
    fn begin(&self) -> Result<bool, Failure> {
        if !matches!(*self.shared.state.borrow(), Phase::Idle) {
            return Ok(false);
        }
        if Handle::try_current().is_err() {
            let message = "cannot be reached from outside of a tokio runtime";
            return Err(self.shared.failure(Class::Unreachable, message));
        }
        self.shared.enter(Phase::Dialing);
        Ok(true)
    }
}

/// How long so many attempts to connect may take, with the pauses between them.
///
/// Each is bounded by the connect timeout; this only has to outlast them.
pub(crate) fn time_for(access: &Access, attempts: u32) -> Duration {
    (2 * access.connect_timeout + backoff::LONGEST_OF_ALL).saturating_mul(attempts)
}

/// Changes of the connection of a link.
#[derive(Debug)]
pub(crate) struct Turns(watch::Receiver<Phase>);

impl Turns {
    /// Waits for the next one; for ever once the link is gone.
    pub(crate) async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // The supervisor holds the rest; it lets go when its task, dropped with this link, ends.
        self.shared.enter(Phase::Closed);
    }
}
