//! What a link and its supervisor both see, and where the link stands.
//!
//! Invariant: a link that was retired or closed stays so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use athena_cache_core::backend::{Change, Class, Failure};
use tokio::sync::{Notify, watch};

use super::batch::Replies;
use super::class::{self, Bearing, Consequence};
use super::comeback::{Comeback, LifeSign};
use super::conn::Conn;
use super::dial::Call;
use super::refusal::Refusal;

/// What the link and its supervisor both see.
#[derive(Debug)]
pub(super) struct LinkState {
    pub(super) call: Call,
    pub(super) phase: watch::Sender<Phase>,
    pub(super) counts: Counts,
    pub(super) signals: Signals,
    comeback: Comeback,
    /// Whether a sign of life was refused as writes are, as while a save has failed.
    refuses_writes: AtomicBool,
    /// Whether the server said that it does not serve what it was asked.
    said_not_serving: AtomicBool,
    lookup: Lookup,
}

/// Numbers that only grow.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// The number of the latest connection.
    pub(super) epoch: AtomicU64,
    /// Of each connection, and of when one that was taken for dead, or refused to serve, answered again.
    pub(super) revivals: AtomicU64,
    /// How many attempts to connect have failed.
    pub(super) attempts: AtomicU32,
}

/// What the supervisor is asked for.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// A new connection.
    pub(super) renewal: Notify,
    /// Not to wait before the next attempt to connect.
    pub(super) hurry: Notify,
    /// The node that serves in place of one that said it does not.
    pub(super) search_by_name: Notify,
}

/// Who looks for the node that serves when this one does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lookup {
    /// The link itself: its name may lead to that.
    ByName,
    /// Whoever made the link.
    ByTopology,
}

/// Where the link stands.
#[derive(Debug, Clone)]
pub(super) enum Phase {
    /// No supervisor runs: nobody has asked yet, or the runtime that it ran in is gone.
    Idle,
    /// The first attempt to connect is under way.
    Dialing,
    Up(Arc<Conn>),
    /// The connection has ended, and it has not been found out yet whether another one can be made.
    Lost,
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
    pub(super) fn new(call: Call, lookup: Lookup) -> Self {
        Self {
            call,
            phase: watch::channel(Phase::Idle).0,
            counts: Counts::default(),
            signals: Signals::default(),
            comeback: Comeback::default(),
            refuses_writes: AtomicBool::new(false),
            said_not_serving: AtomicBool::new(false),
            lookup,
        }
    }

    /// Changes the phase, unless the link was closed.
    pub(super) fn enter(&self, phase: Phase) {
        let mut former = None;
        self.phase.send_if_modified(|current| {
            let open = !matches!(current, Phase::Retired | Phase::Closed);
            if open {
                former = Some(std::mem::replace(current, phase));
            }
            open
        });
        // Not earlier: until here operations could begin to read through it.
        if let Some(Phase::Up(conn)) = former {
            conn.stop_trusting();
        }
    }

    /// The connection in use, if there is one.
    pub(super) fn up(&self) -> Option<Arc<Conn>> {
        match &*self.phase.borrow() {
            Phase::Up(conn) => Some(Arc::clone(conn)),
            _ => None,
        }
    }

    pub(super) fn is_standby(&self) -> bool {
        self.call.standby.is_on()
    }

    pub(super) fn begin_standby(&self) {
        self.call.standby.begin();
    }

    pub(super) fn end_standby(&self) {
        self.call.standby.end();
    }

    pub(super) fn urge(&self) {
        self.call.standby.urge();
    }

    /// Lets operations use a connection.
    pub(super) fn enter_up(&self, conn: &Arc<Conn>) {
        // Of one that serves nothing nobody needs to know: the topology tells when it begins to.
        let was_standby = self.is_standby();
        // Coherence 9b: whoever hears of it decides what must be sent before anything is read.
        if !was_standby {
            self.tell_connected(conn);
        }
        conn.serve();
        self.trust_again();
        self.counts.epoch.store(conn.epoch(), Ordering::Release);
        self.enter(Phase::Up(Arc::clone(conn)));
        if was_standby && !self.is_standby() {
            self.tell_connected(conn);
        }
        self.note_life(true);
    }

    pub(super) fn tell_connected(&self, conn: &Conn) {
        let (node, history) = (self.call.node, conn.history());
        self.call.client.tell(&Change::Connected { node, history });
    }

    /// Notes that the node answers; `again` if it had been taken for dead.
    pub(super) fn note_life(&self, again: bool) {
        if again {
            self.counts.revivals.store(self.call.client.next_revival(), Ordering::Release);
        }
    }

    /// Notes what an answer says of the node.
    pub(super) fn note_answer(&self, replies: &Replies) {
        if replies.server_error().is_none() {
            self.note_heard(LifeSign::Answer);
        } else if self.note_refusal(replies) {
            self.note_heard(LifeSign::Refusal);
        }
    }

    /// Notes an answer that casts doubt on the node; tells whether it does.
    pub(super) fn note_refusal(&self, replies: &Replies) -> bool {
        let consequence = replies.server_error().map(|error| Consequence::of(&error));
        let refuses = consequence.is_some_and(|it| it.bearing == Bearing::NotServing);
        if refuses {
            self.note_not_serving();
        }
        refuses
    }

    /// Notes what was heard of the node: whoever holds off from it need not once it is back.
    pub(super) fn note_heard(&self, heard: LifeSign) {
        let is_back = self.comeback.note(heard);
        self.note_life(is_back);
    }

    /// Notes what a sign of life was refused with: after it was refused as writes are, one that is not says that
    /// those are taken again.
    pub(super) fn note_writes(&self, refusal: Option<Class>) {
        let are_refused = refusal == Some(Class::WriteRefused);
        let were_refused = self.refuses_writes.swap(are_refused, Ordering::AcqRel);
        self.note_life(were_refused && !are_refused);
    }

    pub(super) fn note_not_serving(&self) {
        self.said_not_serving.store(true, Ordering::Release);
        self.call.client.ring();
        if self.lookup == Lookup::ByName {
            self.signals.search_by_name.notify_one();
        }
    }

    /// Whether the server said that it does not serve, and nobody has looked into that.
    pub(super) fn says_not_serving(&self) -> bool {
        self.said_not_serving.load(Ordering::Acquire)
    }

    pub(super) fn trust_again(&self) {
        self.said_not_serving.store(false, Ordering::Release);
    }

    /// Whether another node may serve, which nobody else looks for.
    pub(super) fn may_be_replaced(&self) -> bool {
        self.lookup == Lookup::ByName && self.says_not_serving()
    }

    pub(super) fn failure(&self, class: Class, what: impl AsRef<str>) -> Failure {
        // Whatever answers may repeat what it was told at the login.
        let what = self.call.access.login.hide_in(what.as_ref());
        Failure::new(class, format_args!("redis at {} {what}", self.call.endpoint))
    }

    /// What an operation fails with that was given up on a connection.
    pub(super) fn given_up(&self, conn: &Conn) -> Failure {
        let limit = self.call.client.limit();
        if conn.is_occupied() {
            return self.failure(Class::Slow, format!("was still answering after {limit:?}"));
        }
        self.call.client.ring();
        self.failure(Class::Timeout, format!("did not answer in {limit:?}"))
    }

    pub(super) fn failure_of(&self, error: &redis::RedisError) -> Failure {
        let consequence = Consequence::of(error);
        let what = format!("{}: {}", consequence.verb(), class::text(error));
        self.failure(consequence.class, what)
    }
}

/// Notes what an answer says of the connection and of our rights; tells what it says, if it is an error.
///
/// A connection that is not logged in, or not any more, answers and is of no use: it is given up, and
/// another one is logged in.
pub(super) fn heed(conn: &Conn, replies: &Replies) -> Option<Bearing> {
    let bearing = Consequence::of(&replies.server_error()?).bearing;
    match bearing {
        Bearing::LoggedOut => conn.abort(),
        Bearing::Forbidden => conn.rights().doubt(),
        Bearing::Nothing | Bearing::Passing | Bearing::NotServing => {}
    }
    Some(bearing)
}
