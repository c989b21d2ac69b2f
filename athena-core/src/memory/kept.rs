//! What memory holds: moka bounds and evicts, the front answers; both hold the same entries.
//!
//! Invariant: this is the one module that names moka.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::ops::compute::Op;
use moka::sync::Cache;

use super::front::{Front, Position};
use crate::clock::{Clock, Tick};
use crate::coherence::revision::Revisions;
use crate::entry::Slot;
use crate::key::Key;
use crate::policy::freshness::Verdict;

type Hasher = foldhash::fast::RandomState;

/// Entries until they are of no use, or room is needed.
#[derive(Debug)]
pub(super) struct KeptEntries {
    front: Arc<Front>,
    entries: Cache<Key, Slot, Hasher>,
    hasher: Hasher,
    /// Before this no entry ends by its age.
    ends: AtomicU64,
}

/// Forgets entries once they can never be served again.
struct TotalLife;

impl Expiry<Key, Slot> for TotalLife {
    fn expire_after_create(&self, _: &Key, slot: &Slot, _: Instant) -> Option<Duration> {
        Some(slot.meta().life.total())
    }

    fn expire_after_update(
        &self,
        _: &Key,
        slot: &Slot,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(slot.meta().life.total())
    }
}

impl KeptEntries {
    /// With a clock that a test moves moka forgets nothing by age, since it has its own clock.
    pub(super) fn new(capacity: u64, clock: &Clock) -> Self {
        let (front, hasher) = (Arc::new(Front::new()), Hasher::default());
        let (behind, same) = (Arc::clone(&front), hasher.clone());
        let builder = Cache::builder().max_capacity(capacity).eviction_listener(
            move |key: Arc<Key>, slot, _| behind.let_go(same.hash_one(&*key), &key, &slot),
        );
        let builder = if clock.is_system() { builder.expire_after(TotalLife) } else { builder };
        let ends = AtomicU64::new(u64::MAX);
        Self { front, entries: builder.build_with_hasher(hasher.clone()), hasher, ends }
    }

    #[inline]
    pub(super) fn get(&self, key: &Key) -> Option<Slot> {
        let look = self.front.get(self.hasher.hash_one(key), key)?;
        if look.is_told {
            self.entries.get(key);
        }
        Some(look.slot)
    }

    /// Keeps an entry, unless one whose load began later is there (coherence 2, T2).
    pub(super) fn insert(&self, key: &Key, slot: &Slot) {
        let hash = self.hasher.hash_one(key);
        match self.front.get(hash, key) {
            Some(there)
                if Arc::ptr_eq(&there.slot, slot) || slot.meta().is_before(there.slot.meta()) =>
            {
                return;
            }
            Some(_) => {}
            // A miss that moka has to hear of: a full tier has no room but for what is asked for more
            // often than what is there.
            None => drop(self.entries.get(key)),
        }
        self.front.insert(hash, key, slot, |key| self.hasher.hash_one(key));
        // Afterwards: a walk that begins meanwhile either meets the entry or begins before this.
        self.ends.fetch_min(slot.meta().end().as_millis(), Ordering::SeqCst);
        self.entries.insert(key.clone(), Slot::clone(slot));
    }

    pub(super) fn remove(&self, key: &Key) -> Option<Slot> {
        let slot = self.front.remove(self.hasher.hash_one(key), key)?;
        self.entries.invalidate(key);
        Some(slot)
    }

    /// Removes one entry, unless another one has taken its place.
    fn remove_same(&self, key: &Key, slot: &Slot) {
        self.front.let_go(self.hasher.hash_one(key), key, slot);
        self.entries.entry_by_ref(key).and_compute_with(|there| match there {
            Some(there) if Arc::ptr_eq(there.value(), slot) => Op::Remove,
            _ => Op::Nop,
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.front.is_empty()
    }

    pub(super) fn len(&self) -> u64 {
        self.entries.entry_count()
    }

    /// Does the work that moka puts off.
    pub(super) fn settle(&self) {
        self.entries.run_pending_tasks();
    }

    /// Whether an entry has come to the end of its life since the last walk.
    pub(super) fn has_ended(&self, now: Tick) -> bool {
        now.as_millis() >= self.ends.load(Ordering::SeqCst)
    }

    /// Begins a walk through all entries.
    pub(super) fn walk(&self) -> EntryWalk {
        self.ends.store(u64::MAX, Ordering::SeqCst);
        EntryWalk::default()
    }

    /// Removes those among the next entries that can be served no more, in whatever role; tells whether
    /// there are more.
    pub(super) fn step(&self, walk: &mut EntryWalk, now: Tick, revisions: &Revisions) -> bool {
        let is_useless = |slot: &Slot| {
            let meta = slot.meta();
            let is_useless = meta.judge(now, None, revisions) == Verdict::Expired;
            if !is_useless {
                self.ends.fetch_min(meta.end().as_millis(), Ordering::SeqCst);
            }
            is_useless
        };
        let Some(found) = self.front.next(&mut walk.position, is_useless) else {
            self.front.shrink(|key| self.hasher.hash_one(key));
            return false;
        };
        if !found.is_empty() {
            walk.has_freed = true;
            for (key, slot) in &found {
                self.remove_same(key, slot);
            }
            self.settle();
        }
        true
    }
}

/// How far a walk through the entries is.
#[derive(Debug, Default)]
pub(super) struct EntryWalk {
    position: Position,
    has_freed: bool,
}

impl EntryWalk {
    pub(super) fn has_freed(&self) -> bool {
        self.has_freed
    }
}
