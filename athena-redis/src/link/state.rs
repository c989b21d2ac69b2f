//! What a link and its supervisor both see, and where the link stands.
//!
//! Invariant: a link that was retired or closed stays so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use athena_cache_core::backend::{Change, Class, Failure, Node};
use tokio::sync::{Notify, watch};

use super::batch::Replies;
use super::class::{self, Bearing, Consequence};
use super::client::Client;
use super::conn::Conn;
use super::dial::{Call, Refusal};
use super::push::PushHandler;
use crate::config::Access;
use crate::url::Endpoint;

/// What the link and its supervisor both see.
#[derive(Debug)]
pub(super) struct LinkState {
    pub(super) endpoint: Endpoint,
    pub(super) node: Node,
    pub(super) access: Arc<Access>,
    pub(super) client: Arc<Client>,
    pub(super) state: watch::Sender<Phase>,
    /// The number of the latest connection.
    pub(super) epoch: AtomicU64,
    /// Grows with each connection, and when one that was taken for dead answers again.
    pub(super) revivals: AtomicU64,
    /// Whether the server said that it does not serve what it was asked.
    pub(super) said_not_serving: AtomicBool,
    /// Somebody asked for a new connection.
    pub(super) renewal: Notify,
    /// Somebody asked not to wait before the next attempt to connect.
    pub(super) hurry: Notify,
    pub(super) push_handler: PushHandler,
    /// Whether what happens to the connection is of no interest but to those who debug.
    pub(super) standby: AtomicBool,
    /// Whether nobody else looks for the node that serves in its place.
    pub(super) follows_name: bool,
    /// The server said that it does not serve, and nobody else looks for the one that does.
    pub(super) search_by_name: Notify,
    pub(super) attempts: AtomicU32,
}

/// Where the link stands.
#[derive(Debug, Clone)]
pub(super) enum Phase {
    /// No supervisor runs: nobody has asked yet, or the runtime that it ran in is gone.
    Idle,
    /// The first attempt to connect is under way.
    Dialing,
    Up(Arc<Conn>),
    /// The last attempt failed; the next one follows.
    Down(Arc<Refusal>),
    /// Another node serves in its place.
    Retired,
    Closed,
}

/// Why a node may have been replaced by another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// A heartbeat or an operation had no answer in time.
    Silent,
    /// There is no connection.
    Lost,
    /// It answered that another node serves this, or that it cannot serve.
    NotServing,
}

impl LinkState {
    /// Changes the state, unless the link was closed.
    pub(super) fn enter(&self, state: Phase) {
        let mut former = None;
        self.state.send_if_modified(|current| {
            let open = !matches!(current, Phase::Retired | Phase::Closed);
            if open {
                former = Some(std::mem::replace(current, state));
            }
            open
        });
        // Not earlier: until here operations could begin to read through it.
        if let Some(Phase::Up(conn)) = former {
            conn.stop_trusting();
        }
    }

    pub(super) fn call(&self) -> Call<'_> {
        let Self { endpoint, node, access, client, push_handler, .. } = self;
        Call { endpoint, node: *node, access, client, push_handler }
    }

    pub(super) fn is_standby(&self) -> bool {
        self.standby.load(Ordering::Relaxed)
    }

    /// Lets operations use a connection.
    pub(super) fn enter_up(&self, conn: &Arc<Conn>) {
        // Of one that serves nothing nobody needs to know: the topology tells when it begins to.
        let was_quiet = self.is_standby();
        // First: whoever hears of it decides what must be sent before anything is read.
        if !was_quiet {
            self.tell_connected(conn);
        }
        conn.serve();
        self.trust_again();
        self.epoch.store(conn.epoch(), Ordering::Release);
        self.enter(Phase::Up(Arc::clone(conn)));
        if was_quiet && !self.is_standby() {
            self.tell_connected(conn);
        }
        self.note_life(true);
    }

    pub(super) fn tell_connected(&self, conn: &Conn) {
        let (node, history) = (self.node, conn.history());
        self.client.tell(&Change::Connected { node, history });
    }

    /// Notes that the node answers; `again` if it had been taken for dead.
    pub(super) fn note_life(&self, again: bool) {
        if again {
            self.revivals.store(self.client.next_revival(), Ordering::Release);
        }
    }

    /// Notes an answer that casts doubt on the node.
    pub(super) fn note_answer(&self, replies: &Replies) {
        let consequence = replies.server_error().map(|error| Consequence::of(&error));
        if consequence.is_some_and(|it| it.bearing == Bearing::NotServing) {
            self.note_not_serving();
        }
    }

    pub(super) fn note_not_serving(&self) {
        self.said_not_serving.store(true, Ordering::Release);
        self.client.ring();
        if self.follows_name {
            self.search_by_name.notify_one();
        }
    }

    pub(super) fn trust_again(&self) {
        self.said_not_serving.store(false, Ordering::Release);
    }

    /// Whether another node may serve, which nobody else looks for.
    pub(super) fn may_be_replaced(&self) -> bool {
        self.follows_name && self.said_not_serving.load(Ordering::Acquire)
    }

    pub(super) fn failure(&self, class: Class, what: impl AsRef<str>) -> Failure {
        Failure::new(class, format!("redis at {} {}", self.endpoint, what.as_ref()))
    }

    pub(super) fn failure_of(&self, error: &redis::RedisError) -> Failure {
        let consequence = Consequence::of(error);
        let what = format!("{}: {}", consequence.verb(), class::text(error));
        self.failure(consequence.class, what).with_source(error.clone())
    }
}
