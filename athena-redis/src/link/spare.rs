//! A connection beside those of operations, for operators: made when it is needed, and never kept alive.
//!
//! Invariant: nothing is announced on it, nobody is told of what happens to it, and whoever asks waits no
//! longer than until its deadline. A connection that did not answer in time is used no more.

use std::sync::Arc;
use std::time::Duration;

use athena_cache_core::backend::{Class, Failure};
use tokio::time::{Instant, timeout_at};

use super::batch::{Batch, Malformed, Replies};
use super::class::{self, Consequence};
use super::client::Client;
use super::conn::{Conn, Health};
use super::dial::{Call, DialPermit};
use super::push::{PushHandler, SpareKind};
use super::state;
use crate::config::Access;
use crate::lock::Lock;
use crate::url::Endpoint;

/// A node, and the connection that operators have to it, if they have one.
///
/// Dropping it closes its socket.
#[derive(Debug)]
pub(crate) struct Spare {
    call: Call,
    state: Lock<SpareState>,
}

#[derive(Debug)]
struct SpareState {
    conn: Option<Arc<Conn>>,
    used: Instant,
    /// How many connections were made.
    made: u64,
}

impl Spare {
    pub(crate) fn new(
        endpoint: Endpoint,
        access: Arc<Access>,
        client: Arc<Client>,
        kind: SpareKind,
    ) -> Self {
        let call = Call::new(endpoint, access, client, PushHandler::Nobody(kind));
        Self { call, state: Lock::new(SpareState { conn: None, used: Instant::now(), made: 0 }) }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.call.endpoint
    }

    /// How it is reached.
    pub(crate) fn access(&self) -> &Access {
        &self.call.access
    }

    /// Sends a batch of questions; errors of the server stay among the replies.
    ///
    /// Once more on a new connection, if the one that there was had ended: they change nothing.
    pub(crate) async fn ask(&self, batch: &Batch, deadline: Instant) -> Result<Replies, Failure> {
        let is_new = self.present().is_none();
        match self.exchange(batch, deadline).await {
            Err(failure) if failure.class() == Class::Disconnected && !is_new => {
                self.exchange(batch, deadline).await
            }
            answer => answer,
        }
    }

    /// Sends a batch once.
    pub(crate) async fn exchange(
        &self,
        batch: &Batch,
        deadline: Instant,
    ) -> Result<Replies, Failure> {
        let began = Instant::now();
        let conn = self.connection(deadline).await?;
        match timeout_at(deadline, conn.exchange(batch)).await {
            Ok(Ok(replies)) => {
                state::heed(&conn, &replies);
                self.state.lock().used = Instant::now();
                Ok(replies)
            }
            Ok(Err(error)) => {
                self.give_up(&conn);
                let consequence = Consequence::of(&error);
                let what = format!("{}: {}", consequence.verb(), class::text(&error));
                Err(self.failure(consequence.class, &what))
            }
            Err(_) => {
                self.give_up(&conn);
                let waited = rounded(began.elapsed());
                Err(self.failure(Class::Timeout, &format!("did not answer in {waited:?}")))
            }
        }
    }

    /// The first error among replies, as a failure of this node.
    pub(crate) fn refusal(&self, replies: &Replies) -> Option<Failure> {
        let error = replies.server_error()?;
        let consequence = Consequence::of(&error);
        let what = format!("{}: {}", consequence.verb(), class::text(&error));
        Some(self.failure(consequence.class, &what))
    }

    /// The failure that a reply of another shape than its command has is.
    pub(crate) fn malformed(&self, malformed: &Malformed) -> Failure {
        self.failure(Class::Rejected, &format!("sent a malformed reply: {malformed}"))
    }

    /// The number of the connection that is used now, or will be.
    ///
    /// Another one may lead to another server, or to the same after a start.
    pub(crate) fn number(&self) -> u64 {
        let is_there = self.present().is_some();
        self.state.lock().made + u64::from(!is_there)
    }

    /// Whether nobody has used it for so long, nor does now.
    pub(crate) fn is_unused_for(&self, long: Duration) -> bool {
        let state = self.state.lock();
        let is_held = state.conn.as_ref().is_some_and(|conn| Arc::strong_count(conn) > 1);
        !is_held && state.used.elapsed() >= long
    }

    fn present(&self) -> Option<Arc<Conn>> {
        let state = self.state.lock();
        state.conn.as_ref().filter(|conn| conn.health() != Health::Lost).map(Arc::clone)
    }

    /// The connection, made if there is none.
    async fn connection(&self, deadline: Instant) -> Result<Arc<Conn>, Failure> {
        if let Some(conn) = self.present() {
            return Ok(conn);
        }
        let began = Instant::now();
        let dialed = timeout_at(deadline, self.call.dial_with(DialPermit::at_once())).await;
        let conn = match dialed {
            Ok(Ok(conn)) => conn,
            Ok(Err(refusal)) => {
                let what = format!("is not connected: {}", refusal.reason);
                return Err(self.failure(refusal.class, &what));
            }
            Err(_) => {
                let waited = rounded(began.elapsed());
                let what = format!("took no connection in {waited:?}");
                return Err(self.failure(Class::Unreachable, &what));
            }
        };
        let mut state = self.state.lock();
        // Of two that were made at a time one is enough.
        state.conn = Some(Arc::clone(&conn));
        state.made += 1;
        state.used = Instant::now();
        Ok(conn)
    }

    fn give_up(&self, conn: &Arc<Conn>) {
        let mut state = self.state.lock();
        if state.conn.as_ref().is_some_and(|present| Arc::ptr_eq(present, conn)) {
            state.conn = None;
        }
    }

    /// A failure of this node.
    pub(crate) fn failure(&self, class: Class, what: &str) -> Failure {
        // Whatever answers may repeat what it was told at the login.
        let what = self.call.access.login.hide_in(what);
        Failure::new(class, format_args!("redis at {} {what}", self.call.endpoint))
    }
}

/// In whole milliseconds: what people are told.
fn rounded(waited: Duration) -> Duration {
    Duration::from_millis(u64::try_from(waited.as_millis()).unwrap_or(u64::MAX))
}
