//! What is known of one name: when it changed last.
//!
//! An entry and its lease share a cell, since each entry that was loaded here depends on both.
//!
//! Invariant: a cell belongs to one name, or to an entry's and its lease's.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use smallvec::SmallVec;

/// A name in the backend, as far as its changes go: a hash, and in two of its bits what the name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Subject(u64);

/// Bits by which tables and shards do not tell apart.
const ENTRY: u64 = 1 << 54;
const LEASE: u64 = 1 << 55;
const ROLES: u64 = ENTRY | LEASE;

impl Subject {
    pub(super) fn new(hasher: &impl BuildHasher, name: &str) -> Self {
        let (name, role) = match name.strip_suffix(":l").filter(|entry| entry.ends_with('}')) {
            Some(entry) => (entry, LEASE),
            None => (name, if name.ends_with('}') { ENTRY } else { 0 }),
        };
        Self(hasher.hash_one(name) & !ROLES | role)
    }

    /// The name whose cell it is.
    pub(super) fn owner(self) -> Self {
        Self(if self.is_lease() { self.0 & !ROLES | ENTRY } else { self.0 })
    }

    pub(super) fn hash(self) -> u64 {
        self.0
    }

    pub(super) fn is_lease(self) -> bool {
        self.0 & ROLES == LEASE
    }

    fn is_entry(self) -> bool {
        self.0 & ROLES == ENTRY
    }
}

/// When one name changed last, and what it was read to hold since.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(super) owner: Subject,
    changed: AtomicU64,
    /// Of an entry when its lease changed last; of a generation when this process last made it, 0 if it has not.
    beside: AtomicU64,
    /// The number of a generation; 0 if none was read since the last change.
    seen: AtomicU64,
}

impl Cell {
    /// Of a name of which nobody knows when it changed, but that it was not after this.
    pub(super) fn new(owner: Subject, changed: u64) -> Self {
        let beside = AtomicU64::new(if owner.is_entry() { changed } else { 0 });
        Self { owner, changed: AtomicU64::new(changed), beside, seen: AtomicU64::new(0) }
    }

    pub(super) fn changed(&self) -> u64 {
        self.changed.load(Ordering::SeqCst)
    }

    /// The last change of any name that it belongs to.
    pub(super) fn last_changed(&self) -> u64 {
        self.changed().max(self.lease_changed())
    }

    fn lease_changed(&self) -> u64 {
        if self.owner.is_entry() { self.beside.load(Ordering::SeqCst) } else { 0 }
    }

    /// Notes that a name of this cell has changed.
    pub(super) fn note(&self, name: Subject, number: u64) {
        let changed = if name.is_lease() { &self.beside } else { &self.changed };
        changed.fetch_max(number, Ordering::SeqCst);
    }

    pub(super) fn made(&self, number: u64) {
        if !self.owner.is_entry() {
            self.beside.store(number, Ordering::SeqCst);
        }
    }

    /// What was asked for before that is outdated.
    pub(super) fn last(&self) -> u64 {
        self.changed().max(self.beside.load(Ordering::SeqCst))
    }

    /// Takes the number that a generation was read to hold, and tells the one before; 0 is none.
    pub(super) fn see(&self, number: u64) -> u64 {
        self.seen.swap(number, Ordering::SeqCst)
    }
}

/// The cells of several names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cells {
    all: SmallVec<[Arc<Cell>; 2]>,
}

impl Cells {
    pub(super) fn push(&mut self, cell: Arc<Cell>) {
        // With its lease an entry comes twice.
        if !self.all.last().is_some_and(|last| Arc::ptr_eq(last, &cell)) {
            self.all.push(cell);
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether no name has changed since, nor, if that counts, a lease.
    #[inline]
    pub(super) fn hold(&self, since: u64, leases: Leases) -> bool {
        self.all.iter().all(|cell| {
            cell.changed() <= since && (leases == Leases::Aside || cell.lease_changed() <= since)
        })
    }
}

/// Whether something depends on the leases of its entries as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leases {
    Aside,
    Count,
}
