//! The primary that the sentinels name.
//!
//! Invariant: one link serves at a time. Once another node has been proven to be the primary nothing
//! more is sent to the former one. Losing all sentinels changes nothing.

mod absence;
mod alert;
mod answer;
mod council;
mod lookout;
mod news;
mod roster;
mod scout;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use athena_cache_core::backend::{Change, Class, Failure, Node, Proof};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

pub(crate) use self::absence::Absence;

use crate::config::Access;
use crate::link::{Batch, Hub, Link, Malformed, Question, Replies, Task, time_for};
use crate::url::Endpoint;

/// The sentinels of one service, and the link to its primary.
///
/// Dropping it ends its tasks and closes its sockets.
#[derive(Debug)]
pub(crate) struct Sentinel {
    shared: Arc<Shared>,
    lookout: Mutex<Option<Task>>,
}

/// What operations and the lookout both see.
#[derive(Debug)]
struct Shared {
    service: Arc<str>,
    seeds: Vec<Endpoint>,
    of_sentinels: Arc<Access>,
    access: Arc<Access>,
    /// How often a first search may fail before [`Sentinel::connect`] does.
    attempts: Option<u32>,
    hub: Arc<Hub>,
    current: ArcSwapOption<Link>,
    /// The number of the last node that served; of the only one there can be, before the first.
    last: AtomicU32,
    standing: watch::Sender<Standing>,
    born: Instant,
    /// Until when after `born` the sentinels are known to have held the present primary for the one,
    /// in nanoseconds; 0 if they never were.
    confirmed: AtomicU64,
}

/// Where the search for the primary stands.
#[derive(Debug, Clone)]
enum Standing {
    /// No lookout runs: nobody has asked yet, or the runtime that it ran in is gone.
    Idle,
    Searching,
    /// There is a primary; its link may be down.
    Found,
    /// So many searches found none.
    Missed {
        absence: Arc<Absence>,
        rounds: u32,
    },
    Closed,
}

impl Sentinel {
    pub(crate) fn new(
        service: String,
        sentinels: Vec<Endpoint>,
        of_sentinels: Arc<Access>,
        access: Arc<Access>,
        hub: Arc<Hub>,
    ) -> Self {
        let shared = Shared {
            service: service.into(),
            seeds: sentinels,
            of_sentinels: tireless(of_sentinels),
            attempts: access.attempts,
            access: tireless(access),
            hub,
            current: ArcSwapOption::empty(),
            last: AtomicU32::new(Node::ONLY.number()),
            standing: watch::channel(Standing::Idle).0,
            born: Instant::now(),
            confirmed: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared), lookout: Mutex::new(None) }
    }

    /// Sends a batch to the primary and reads the replies.
    pub(crate) async fn send<T>(
        &self,
        batch: &Batch,
        read: impl FnOnce(&mut Replies) -> Result<T, Malformed>,
    ) -> Result<T, Failure> {
        let link = self.primary().await?;
        let read = |replies: &mut Replies| {
            replies.note_lag(self.shared.lag(&link));
            read(replies)
        };
        link.send(batch, read).await
    }

    /// Asks the primary whether it is one.
    pub(crate) async fn prove(&self) -> Result<Proof, Failure> {
        let link = self.primary().await?;
        let proof = link.prove(Question::Role).await?;
        Ok(Proof { lag: self.shared.lag(&link), ..proof })
    }

    /// The link to the primary; waits for the first search of one, within the limit of an operation.
    pub(crate) async fn primary(&self) -> Result<Arc<Link>, Failure> {
        if let Some(link) = self.current() {
            return Ok(link);
        }
        self.start()?;
        let deadline = Instant::now() + self.shared.hub.limit();
        let mut standing = self.shared.standing.subscribe();
        let settled = standing.wait_for(|standing| !matches!(standing, Standing::Searching));
        // Settled or out of time: the standing says which.
        drop(timeout_at(deadline, settled).await);
        self.current().ok_or_else(|| self.shared.failure())
    }

    /// Waits for the outcome of the first search; of several if attempts are limited.
    pub(crate) async fn connect(&self) -> Result<(), Failure> {
        if let Some(link) = self.current() {
            return link.connect().await;
        }
        self.start()?;
        let shared = &self.shared;
        let attempts = shared.attempts.unwrap_or(1);
        let deadline = Instant::now() + time_for(&shared.access, attempts);
        let mut standing = shared.standing.subscribe();
        let settled = standing.wait_for(|standing| match standing {
            Standing::Searching => false,
            Standing::Missed { rounds, .. } => *rounds >= attempts,
            Standing::Idle | Standing::Found | Standing::Closed => true,
        });
        drop(timeout_at(deadline, settled).await);
        self.current().map(drop).ok_or_else(|| shared.failure())
    }

    /// The link to the primary, if one is known.
    pub(crate) fn current(&self) -> Option<Arc<Link>> {
        self.shared.current.load_full()
    }

    /// The primary, or the last one there was.
    pub(crate) fn node(&self) -> Node {
        Node::new(self.shared.last.load(Ordering::Acquire))
    }

    /// Ends all tasks and closes all sockets.
    ///
    /// Waits no longer than the response timeout: the runtime of the tasks may stand still.
    pub(crate) async fn close(&self) {
        self.shared.standing.send_replace(Standing::Closed);
        let lookout = self.lock_lookout().take();
        let ended = async {
            if let Some(link) = self.current() {
                link.close().await;
            }
            if let Some(lookout) = lookout {
                lookout.finish().await;
            }
        };
        drop(timeout(self.shared.hub.limit(), ended).await);
    }

    fn start(&self) -> Result<(), Failure> {
        let mut lookout = self.lock_lookout();
        if !matches!(*self.shared.standing.borrow(), Standing::Idle) {
            return Ok(());
        }
        if Handle::try_current().is_err() {
            let service = &self.shared.service;
            let message = format!(
                "the sentinels of `{service}` cannot be asked from outside of a tokio runtime"
            );
            return Err(Failure::new(Class::Unreachable, message));
        }
        self.shared.enter(Standing::Searching);
        // Made here: a runtime that is ending drops the task before it has run.
        let idle = lookout::IdleAtEnd(Arc::clone(&self.shared));
        *lookout = Some(Task::spawn(lookout::watch(Arc::clone(&self.shared), idle)));
        Ok(())
    }

    fn lock_lookout(&self) -> MutexGuard<'_, Option<Task>> {
        self.lookout.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Single links never give up: the search as a whole may, in [`Sentinel::connect`].
fn tireless(access: Arc<Access>) -> Arc<Access> {
    match access.attempts {
        None => access,
        Some(_) => Arc::new(Access { attempts: None, ..Access::clone(&access) }),
    }
}

impl Shared {
    /// Changes the standing, unless everything was closed.
    fn enter(&self, standing: Standing) {
        self.standing.send_if_modified(|current| {
            let is_open = !matches!(current, Standing::Closed);
            if is_open {
                *current = standing;
            }
            is_open
        });
    }

    /// Has operations use a link, and ends those on the former one; tells which node that was.
    fn serve(&self, link: &Arc<Link>) -> Option<Endpoint> {
        link.speak_up();
        // Before anything is sent by it: whoever hears of it decides what must go first.
        self.hub.tell(&Change::Connected { node: link.node(), history: link.history() });
        // Nobody has confirmed this one. Before the swap: see `lag`.
        self.confirmed.store(0, Ordering::Release);
        let before = self.current.swap(Some(Arc::clone(link)));
        self.last.store(link.node().number(), Ordering::Release);
        // Again: until here nothing that is kept for a node could be told to be for this one.
        self.hub.tell(&Change::Connected { node: link.node(), history: link.history() });
        if let Some(before) = &before {
            // Tells that nothing more is heard of the former one, now that nothing is read from it.
            before.retire();
        }
        self.enter(Standing::Found);
        before.map(|before| before.endpoint().clone())
    }

    /// Notes that the sentinels still held the primary for the one at an instant.
    fn confirm(&self, at: Instant) {
        let nanos = at.saturating_duration_since(self.born).as_nanos();
        let nanos = u64::try_from(nanos).unwrap_or(u64::MAX).max(1);
        self.confirmed.fetch_max(nanos, Ordering::AcqRel);
    }

    /// How long ago it was confirmed that the node of a link is the primary.
    ///
    /// The instant is read first: it is that of this link if the link serves even then.
    fn lag(&self, link: &Arc<Link>) -> Duration {
        let nanos = self.confirmed.load(Ordering::Acquire);
        let serves = self.current.load().as_ref().is_some_and(|current| Arc::ptr_eq(current, link));
        if nanos == 0 || !serves {
            return Duration::MAX;
        }
        self.born.elapsed().saturating_sub(Duration::from_nanos(nanos))
    }

    /// Lets operations know that a search was in vain.
    fn miss(&self, absence: Absence, rounds: u32) {
        let is_known = match &*self.standing.borrow() {
            Standing::Missed { absence: known, rounds: count } => {
                **known == absence && *count == rounds
            }
            _ => false,
        };
        if !is_known {
            self.enter(Standing::Missed { absence: Arc::new(absence), rounds });
        }
    }

    /// Forgets the primary: nobody watches any longer whether it is one.
    fn rest(&self) {
        if !matches!(*self.standing.borrow(), Standing::Closed) {
            self.current.store(None);
        }
        // Last: another search may begin at once, and what that finds stays.
        self.enter(Standing::Idle);
    }

    /// The failure of an operation that found no primary.
    fn failure(&self) -> Failure {
        let service = &self.service;
        match &*self.standing.borrow() {
            Standing::Missed { absence, .. } => absence.failure(),
            Standing::Closed => {
                Failure::new(Class::Closed, format!("the sentinels of `{service}` were closed"))
            }
            Standing::Idle | Standing::Searching | Standing::Found => {
                let message = format!("the primary of `{service}` has not been found yet");
                Failure::new(Class::Unreachable, message)
            }
        }
    }
}
