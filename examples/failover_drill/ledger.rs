//! What the source says of each product whose stock changes, and how outdated the answers were.
//!
//! An answer is outdated if it is of a version whose invalidation by the other process, or that of a later
//! one, had returned before the call began; by how much, counts from that return.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many products there are.
pub(crate) const PRODUCTS: u64 = 100;

/// The source of truth; clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Ledger(Arc<Mutex<Books>>);

#[derive(Debug)]
struct Books {
    /// What returned from the invalidation of each version that is not current.
    superseded: Vec<Vec<Option<Returned>>>,
    outdated: Vec<Outdated>,
}

#[derive(Debug, Clone, Copy)]
struct Returned {
    at: Instant,
    is_done: bool,
}

/// An answer that was not current any more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outdated {
    pub(crate) kind: Kind,
    pub(crate) by: Duration,
    begun: Instant,
}

/// What a caller could know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing: the invalidation was `Done`, and the outcome says neither `degraded` nor `stale`.
    Silent,
    /// The outcome says it.
    Flagged,
    /// The invalidation was `Pending`: no node could be told.
    Untold,
}

/// Outdated answers of one kind.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) count: u64,
    pub(crate) worst: Duration,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        let superseded = (0..PRODUCTS).map(|_| Vec::new()).collect();
        Self(Arc::new(Mutex::new(Books { superseded, outdated: Vec::new() })))
    }

    /// The current version of a product.
    pub(crate) fn version(&self, id: u64) -> usize {
        self.books().superseded[place(id)].len()
    }

    /// A product changes; the version that it had.
    pub(crate) fn change(&self, id: u64) -> usize {
        let mut books = self.books();
        let versions = &mut books.superseded[place(id)];
        versions.push(None);
        versions.len() - 1
    }

    /// The invalidation of a version has returned.
    pub(crate) fn invalidated(&self, id: u64, version: usize, is_done: bool) {
        self.books().superseded[place(id)][version] =
            Some(Returned { at: Instant::now(), is_done });
    }

    /// Notes an answer, and tells whether it was outdated.
    pub(crate) fn answered(
        &self,
        (id, version): (u64, usize),
        begun: Instant,
        is_flagged: bool,
    ) -> Option<Outdated> {
        let mut books = self.books();
        let later = books.superseded[place(id)].get(version..)?.iter().flatten();
        let before = later.filter(|returned| returned.at < begun);
        // Those who were told come first.
        let first = before.min_by_key(|returned| (!returned.is_done, returned.at))?;
        let kind = match (first.is_done, is_flagged) {
            (false, _) => Kind::Untold,
            (true, false) => Kind::Silent,
            (true, true) => Kind::Flagged,
        };
        let outdated = Outdated { kind, by: begun - first.at, begun };
        books.outdated.push(outdated);
        Some(outdated)
    }

    /// The outdated answers of one kind to calls that began at certain moments.
    pub(crate) fn tally(&self, kind: Kind, is_in_it: impl Fn(Instant) -> bool) -> Tally {
        let books = self.books();
        let of_kind = books.outdated.iter().filter(|it| it.kind == kind && is_in_it(it.begun));
        of_kind.fold(Tally::default(), |tally, it| Tally {
            count: tally.count + 1,
            worst: tally.worst.max(it.by),
        })
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(id: u64) -> usize {
    usize::try_from(id % PRODUCTS).unwrap_or_default()
}
