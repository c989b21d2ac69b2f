//! One multiplexed connection to one node, made again for as long as the link lives.
//!
//! Invariant: an operation never waits for more than the response timeout, and while there is no
//! connection it does not wait at all. This folder alone names the `redis` crate; what lies above
//! speaks [`Batch`] and [`Replies`].

mod backoff;
mod batch;
mod class;
mod client;
mod comeback;
mod conn;
mod connecting;
mod dial;
mod dials;
mod flow;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod maintenance;
mod meter;
mod occurrences;
mod origin;
mod overheard;
mod permission;
mod proof;
mod pulse;
mod push;
mod questions;
mod refusal;
mod reply;
mod rights;
mod role;
mod script;
mod spare;
mod state;
mod stranger;
mod supervise;
mod tap;
mod task;
mod unheard;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use athena_cache_core::backend::{Class, Failure, Node};
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::time::{Instant, timeout, timeout_at};

pub(crate) use self::backoff::{Backoff, Growth, Least};
pub(crate) use self::batch::{
    Asking, Assembly, Batch, CommandIndex, Malformed, Replies, Reply, Routing,
};
pub(crate) use self::client::Client;
pub(crate) use self::connecting::time_for;
pub(crate) use self::origin::Origin;
pub(crate) use self::proof::Question;
pub(crate) use self::push::{Push, PushHandler, SpareKind};
pub(crate) use self::reply::Fields;
pub(crate) use self::rights::RightsCheck;
pub(crate) use self::role::Role;
pub(crate) use self::script::Script;
pub(crate) use self::spare::Spare;
pub(crate) use self::state::Doubt;
pub(crate) use self::task::{Task, TaskSlot, ended_within, inside_runtime};

use self::conn::Health;
use self::dial::Call;
use self::state::{LinkState, Lookup, Phase};
use crate::config::Access;
use crate::url::Endpoint;

/// A node, and the connection to it if there is one.
///
/// Dropping it ends its tasks and closes its socket.
#[derive(Debug)]
pub(crate) struct Link {
    shared: Arc<LinkState>,
    permits: Semaphore,
    supervisor: TaskSlot,
}

impl Link {
    /// A link to a data node, which connects when it is first used.
    pub(crate) fn new(endpoint: Endpoint, access: Arc<Access>, client: Arc<Client>) -> Self {
        let push_handler = PushHandler::Changes(Arc::clone(&client));
        Self::build(Call::new(endpoint, access, client, push_handler), Lookup::ByTopology)
    }

    /// A link to whichever node an endpoint leads to: where that becomes a replica, it is dialed again
    /// until it leads to a primary.
    pub(crate) fn following_name(
        endpoint: Endpoint,
        access: Arc<Access>,
        client: Arc<Client>,
    ) -> Self {
        let push_handler = PushHandler::Changes(Arc::clone(&client));
        Self::build(Call::new(endpoint, access, client, push_handler), Lookup::ByName)
    }

    /// A standby link to a sentinel, whose channels are heard.
    pub(crate) fn listening(
        endpoint: Endpoint,
        access: Arc<Access>,
        client: Arc<Client>,
        push_handler: PushHandler,
    ) -> Self {
        let call = Call::new(endpoint, access, client, push_handler);
        Self::build(call, Lookup::ByTopology).on_standby()
    }

    fn build(call: Call, lookup: Lookup) -> Self {
        let permits = Semaphore::new(call.access.max_in_flight.min(Semaphore::MAX_PERMITS));
        let shared = Arc::new(LinkState::new(call, lookup));
        Self { shared, permits, supervisor: TaskSlot::default() }
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
        self.exchange_by(batch, Instant::now() + self.shared.call.client.limit()).await
    }

    /// The same, where a part of the time for the operation has passed already.
    pub(crate) async fn exchange_by(
        &self,
        batch: &Batch,
        deadline: Instant,
    ) -> Result<Replies, Failure> {
        let replies = self.ask(batch, deadline).await?;
        self.shared.note_answer(&replies);
        Ok(replies)
    }

    /// The same for a question about the others, which a node that does not serve answers as well: that it does
    /// is no sign that it is back.
    pub(crate) async fn inquire(&self, batch: &Batch) -> Result<Replies, Failure> {
        let replies = self.ask(batch, Instant::now() + self.shared.call.client.limit()).await?;
        if replies.server_error().is_some() {
            self.shared.note_answer(&replies);
        }
        Ok(replies)
    }

    /// The same, where it is up to the caller what the answer says of the node.
    async fn ask(&self, batch: &Batch, deadline: Instant) -> Result<Replies, Failure> {
        let shared = &self.shared;
        let limit = shared.call.client.limit();
        let _permit = if let Ok(permit) = self.permits.try_acquire() {
            permit
        } else {
            let left = deadline.saturating_duration_since(Instant::now());
            // Boxed: it is rare, and would stand in the future of every operation.
            Box::pin(self.permit(left.min(limit / 2))).await?
        };
        let conn = self.connection(deadline).await?;
        // Coherence 6: a fill goes on the connection of its lease.
        if batch.epoch().is_some_and(|epoch| epoch != conn.epoch()) {
            return Ok(Replies::superseded());
        }
        if let Some(ability) = batch.needs() {
            self.permit_use(&conn, ability, deadline).await?;
        }
        let watch = conn.watch(limit / 2);
        let Ok(outcome) = timeout_at(deadline, conn.exchange(batch)).await else {
            drop(watch);
            return Err(shared.given_up(&conn));
        };
        // The end of a connection is no sign of life.
        let replies = outcome.map_err(|error| shared.failure_of(&error))?;
        shared.note_life(watch.answered());
        state::heed(&conn, &replies);
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

    /// A permit for one operation in flight; waits for one no longer than `longest`.
    async fn permit(&self, longest: Duration) -> Result<SemaphorePermit<'_>, Failure> {
        if let Ok(Ok(permit)) = timeout(longest, self.permits.acquire()).await {
            return Ok(permit);
        }
        let most = self.shared.call.access.max_in_flight;
        let message = format!("had {most} operations in flight for {longest:?}");
        Err(self.shared.failure(Class::Overloaded, &message))
    }

    /// A failure that names the node.
    pub(crate) fn failure(&self, class: Class, what: &str) -> Failure {
        self.shared.failure(class, what)
    }

    pub(crate) fn node(&self) -> Node {
        self.shared.call.node
    }

    /// The number of the latest connection, 0 before the first; no two links share one.
    pub(crate) fn epoch(&self) -> u64 {
        self.shared.counts.epoch.load(Ordering::Acquire)
    }

    /// Grows whenever the node may answer again.
    pub(crate) fn revivals(&self) -> u64 {
        self.shared.counts.revivals.load(Ordering::Acquire)
    }

    pub(crate) fn is_ready(&self) -> bool {
        match &*self.shared.phase.borrow() {
            Phase::Up(conn) => conn.health() <= Health::Silent,
            _ => false,
        }
    }

    /// Whether something that was given up is on its way.
    pub(crate) fn is_answering(&self) -> bool {
        self.shared.up().is_some_and(|conn| conn.is_occupied())
    }

    /// The most bytes that the node takes as one value, as far as is known.
    pub(crate) fn max_value(&self) -> u64 {
        let most = most_let_in(self.shared.call.access.max_reply);
        self.shared.up().map_or(u64::MAX, |conn| conn.max_value()).min(most)
    }

    /// Operations that were sent and not answered.
    pub(crate) fn in_flight(&self) -> usize {
        self.shared.call.access.max_in_flight.saturating_sub(self.permits.available_permits())
    }

    /// Why this node may have been replaced, if there is a sign of it.
    pub(crate) fn doubt(&self) -> Option<Doubt> {
        if self.shared.says_not_serving() {
            return Some(Doubt::NotServing);
        }
        match &*self.shared.phase.borrow() {
            Phase::Up(conn) => match conn.health() {
                Health::Sound => None,
                Health::Silent | Health::Wedged => Some(Doubt::Silent),
                Health::Lost => Some(Doubt::Lost),
            },
            Phase::Idle | Phase::Dialing => None,
            Phase::Lost | Phase::Down(_) | Phase::Retired | Phase::Closed => Some(Doubt::Lost),
        }
    }

    /// How many attempts to connect have failed so far.
    pub(crate) fn attempts(&self) -> u32 {
        self.shared.counts.attempts.load(Ordering::Acquire)
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
        &self.shared.call.endpoint
    }

    /// Makes a new connection beside the present one, which it replaces once it answers; without one, ends the pause
    /// before the next attempt as soon as that may end.
    pub(crate) fn renew(&self) {
        self.shared.signals.renewal.notify_one();
    }

    /// Makes the next attempt to connect at once, if one is waited for.
    pub(crate) fn hurry(&self) {
        self.shared.signals.hurry.notify_one();
    }

    /// Has what happens to the connection told only to those who debug, and nothing heard that the node
    /// announces: it serves nothing yet.
    pub(crate) fn on_standby(self) -> Self {
        self.begin_standby();
        self
    }

    /// The same, of one that serves nothing any more.
    pub(crate) fn begin_standby(&self) {
        self.shared.begin_standby();
    }

    pub(crate) fn is_standby(&self) -> bool {
        self.shared.is_standby()
    }

    /// Ends [`on_standby`](Self::on_standby).
    pub(crate) fn end_standby(&self) {
        self.shared.end_standby();
    }

    /// Has a node that is on standby be dialed at once: somebody waits for its answer.
    pub(crate) fn urge(&self) {
        self.shared.urge();
    }

    /// Hears of every connection that is made or lost from now on.
    pub(crate) fn turns(&self) -> Turns {
        Turns(self.shared.phase.subscribe())
    }
}

/// The most bytes of one value that is let in where a reply may take so many.
pub(crate) fn most_let_in(max_reply: u64) -> u64 {
    max_reply.saturating_sub(meter::AROUND_VALUE)
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
