//! What operations and the search for the primary both see.
//!
//! Invariant: what was closed stays so, and one link serves at a time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use athena_cache_core::backend::{Change, Class, Failure};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::config::Access;
use crate::link::{Client, Link};
use crate::lock::Lock;
use crate::no_primary::Absence;
use crate::url::Endpoint;

/// What operations and the tracker both see.
#[derive(Debug)]
pub(super) struct SentinelState {
    pub(super) service: Arc<str>,
    pub(super) seeds: Vec<Endpoint>,
    pub(super) of_sentinels: Arc<Access>,
    pub(super) access: Arc<Access>,
    /// How often a first search may fail before [`Sentinel::connect`](super::Sentinel::connect) does.
    pub(super) attempts: Option<u32>,
    pub(super) client: Arc<Client>,
    pub(super) current: ArcSwapOption<Link>,
    /// The number of the last node that served; of the only one there can be, before the first.
    pub(super) last: AtomicU32,
    pub(super) standing: watch::Sender<Standing>,
    pub(super) born: Instant,
    /// Until when after `born` the sentinels are known to have held the present primary for the one,
    /// in nanoseconds; 0 if they never were.
    pub(super) confirmed: AtomicU64,
    pub(super) shortfalls: Shortfalls,
    /// Whom the tracker is in touch with; for operators.
    pub(super) known: Lock<Acquaintances>,
}

/// Sentinels and data nodes that most sentinels list.
#[derive(Debug, Default)]
pub(super) struct Acquaintances {
    pub(super) sentinels: BTreeSet<Endpoint>,
    pub(super) nodes: BTreeSet<Endpoint>,
}

/// Why nobody confirms who serves, as it was told.
#[derive(Debug, Default)]
pub(super) struct Shortfalls {
    /// No sentinel answers.
    pub(super) is_cut_off: AtomicBool,
    /// Too few of them name the primary.
    pub(super) is_short: AtomicBool,
}

impl Shortfalls {
    pub(super) fn is_any(&self) -> bool {
        self.is_cut_off.load(Ordering::Acquire) || self.is_short.load(Ordering::Acquire)
    }
}

/// Where the search for the primary stands.
#[derive(Debug, Clone)]
pub(super) enum Standing {
    /// No tracker runs: nobody has asked yet, or the runtime that it ran in is gone.
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

impl SentinelState {
    /// Changes the standing, unless everything was closed.
    pub(super) fn enter(&self, standing: Standing) {
        self.standing.send_if_modified(|current| {
            let is_open = !matches!(current, Standing::Closed);
            if is_open {
                *current = standing;
            }
            is_open
        });
    }

    /// Has operations use a link, and ends those on the former one; tells which node that was.
    pub(super) fn serve(&self, link: &Arc<Link>) -> Option<Endpoint> {
        link.end_standby();
        // Coherence 9b: whoever hears of it decides what must go before anything is sent by it.
        self.client.tell(&Change::Connected { node: link.node(), history: link.history() });
        // Coherence 5: nobody has confirmed this one. Before the swap: see `lag`.
        self.confirmed.store(0, Ordering::Release);
        let before = self.current.swap(Some(Arc::clone(link)));
        self.last.store(link.node().number(), Ordering::Release);
        // Coherence 9b: again, now that what is kept for a node can be told to be for this one.
        self.client.tell(&Change::Connected { node: link.node(), history: link.history() });
        if let Some(before) = &before {
            // Tells that nothing more is heard of the former one, now that nothing is read from it.
            before.retire();
        }
        self.enter(Standing::Found);
        before.map(|before| before.endpoint().clone())
    }

    /// Notes that the sentinels still held the primary for the one at an instant.
    pub(super) fn confirm(&self, at: Instant) {
        let nanos = at.saturating_duration_since(self.born).as_nanos();
        let nanos = u64::try_from(nanos).unwrap_or(u64::MAX).max(1);
        self.confirmed.fetch_max(nanos, Ordering::AcqRel);
    }

    /// How long ago it was confirmed that the node of a link is the primary (coherence 5).
    ///
    /// The instant is read first: it is that of this link if the link serves even then.
    pub(super) fn lag(&self, link: &Arc<Link>) -> Duration {
        let nanos = self.confirmed.load(Ordering::Acquire);
        let serves = self.current.load().as_ref().is_some_and(|current| Arc::ptr_eq(current, link));
        if nanos == 0 || !serves {
            return Duration::MAX;
        }
        self.born.elapsed().saturating_sub(Duration::from_nanos(nanos))
    }

    /// Lets operations know that a search was in vain.
    pub(super) fn miss(&self, absence: Absence, rounds: u32) {
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
    pub(super) fn rest(&self) {
        if !matches!(*self.standing.borrow(), Standing::Closed) {
            self.current.store(None);
        }
        // Last: another search may begin at once, and what that finds stays.
        self.enter(Standing::Idle);
    }

    /// The failure of an operation that found no primary.
    pub(super) fn failure(&self) -> Failure {
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
