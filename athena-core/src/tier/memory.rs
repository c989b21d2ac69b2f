//! Entries of this process, typed, bounded.
//!
//! Invariant: this is the one module that names moka. It bounds and evicts; whether an entry may be
//! served is the entry's own judgement.

use std::time::{Duration, Instant};

use moka::Expiry;
use moka::sync::Cache;

use crate::clock::Clock;
use crate::entry::Slot;
use crate::key::Key;

/// Keeps entries until they are of no use, or room is needed.
#[derive(Debug)]
pub(crate) struct Memory {
    entries: Cache<Key, Slot, foldhash::fast::RandomState>,
}

/// Forgets entries once they can never be served again.
struct TotalLife;

impl Expiry<Key, Slot> for TotalLife {
    fn expire_after_create(&self, _: &Key, slot: &Slot, _: Instant) -> Option<Duration> {
        Some(slot.head().life.total())
    }

    fn expire_after_update(
        &self,
        _: &Key,
        slot: &Slot,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(slot.head().life.total())
    }
}

impl Memory {
    /// A tier of at most `capacity` entries.
    ///
    /// With a clock that a test moves nothing is forgotten by age, since moka has its own clock.
    pub(crate) fn new(capacity: u64, clock: &Clock) -> Self {
        let builder = Cache::builder().max_capacity(capacity);
        let builder = if clock.is_system() { builder.expire_after(TotalLife) } else { builder };
        Self { entries: builder.build_with_hasher(foldhash::fast::RandomState::default()) }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Slot> {
        self.entries.get(key)
    }

    /// Keeps an entry, unless one whose load began later is there.
    pub(crate) fn insert(&self, key: &Key, slot: &Slot) {
        let newer = |there: &Slot| there.head().since() > slot.head().since();
        if !self.entries.get(key).is_some_and(|there| newer(&there)) {
            self.entries.insert(key.clone(), Slot::clone(slot));
        }
    }

    /// Removes an entry and marks it for those who hold it.
    pub(crate) fn invalidate(&self, key: &Key) {
        if let Some(slot) = self.entries.remove(key) {
            slot.head().kill();
        }
    }

    /// Ends an entry's fresh time.
    pub(crate) fn expire(&self, key: &Key) {
        if let Some(slot) = self.entries.get(key) {
            slot.head().expire();
        }
    }

    pub(crate) fn clear(&self) {
        self.entries.invalidate_all();
    }

    pub(crate) fn len(&self) -> u64 {
        self.entries.entry_count()
    }

    /// Does the work that moka puts off, so that `len` is exact.
    pub(crate) fn settle(&self) {
        self.entries.run_pending_tasks();
    }
}
