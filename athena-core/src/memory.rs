//! Entries of this process, typed, bounded.
//!
//! moka bounds and evicts, the front answers; both hold the same entries. Whether an entry may be
//! served is the entry's own judgement.
//!
//! Invariant: this is the one module that names moka.

mod front;

use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::sync::Cache;

use self::front::Front;
use crate::clock::Clock;
use crate::entry::Slot;
use crate::key::Key;

type Hasher = foldhash::fast::RandomState;

/// Keeps entries until they are of no use, or room is needed.
#[derive(Debug)]
pub(crate) struct MemoryTier {
    front: Arc<Front>,
    entries: Cache<Key, Slot, Hasher>,
    hasher: Hasher,
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

impl MemoryTier {
    /// A tier of at most `capacity` entries.
    ///
    /// With a clock that a test moves nothing is forgotten by age, since moka has its own clock.
    pub(crate) fn new(capacity: u64, clock: &Clock) -> Self {
        let (front, hasher) = (Arc::new(Front::new()), Hasher::default());
        let (behind, same) = (Arc::clone(&front), hasher.clone());
        let builder = Cache::builder().max_capacity(capacity).eviction_listener(
            move |key: Arc<Key>, slot, _| behind.let_go(same.hash_one(&*key), &key, &slot),
        );
        let builder = if clock.is_system() { builder.expire_after(TotalLife) } else { builder };
        Self { front, entries: builder.build_with_hasher(hasher.clone()), hasher }
    }

    #[inline]
    pub(crate) fn get(&self, key: &Key) -> Option<Slot> {
        let look = self.front.get(self.hasher.hash_one(key), key)?;
        if look.is_told {
            self.entries.get(key);
        }
        Some(look.slot)
    }

    /// Keeps an entry, unless one whose load began later is there (coherence 2, T2).
    pub(crate) fn insert(&self, key: &Key, slot: &Slot) {
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
        self.entries.insert(key.clone(), Slot::clone(slot));
    }

    /// Removes an entry and marks it for those who hold it.
    pub(crate) fn invalidate(&self, key: &Key) {
        if let Some(slot) = self.front.remove(self.hasher.hash_one(key), key) {
            slot.meta().kill();
            self.entries.invalidate(key);
        }
    }

    /// Ends an entry's fresh time.
    pub(crate) fn expire(&self, key: &Key) {
        if let Some(slot) = self.get(key) {
            slot.meta().expire();
        }
    }

    pub(crate) fn clear(&self) {
        self.front.clear();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coherence::revision::Revisions;
    use crate::coherence::trust::Trust;
    use crate::entry::{Meta, TypedEntry};
    use crate::envelope::EntryKind;
    use crate::policy::freshness::Life;

    const CAPACITY: u64 = 100;

    fn put(memory: &MemoryTier, clock: &Clock, name: &str) {
        let life = Life { ttl: Duration::from_secs(60), grace: Duration::ZERO };
        let revisions = Revisions::new();
        let dependencies = revisions.dependencies([], revisions.now());
        let meta = Meta::new(EntryKind::Value, life, clock.now(), dependencies, &Trust::own());
        memory.insert(&Key::named(name), &(Arc::new(TypedEntry { meta, value: 1_u32 }) as Slot));
        memory.settle();
    }

    #[test]
    fn a_full_tier_has_room_for_what_is_asked_for_again_and_again() {
        let clock = Clock::system();
        let memory = MemoryTier::new(CAPACITY, &clock);
        for number in 0..2 * CAPACITY {
            put(&memory, &clock, &format!("cold:{number}"));
        }
        assert_eq!(memory.len(), CAPACITY);
        let is_kept = || memory.get(&Key::named("hot")).is_some();
        let asked = (1..10).find(|_| {
            put(&memory, &clock, "hot");
            is_kept()
        });
        assert!(asked.is_some(), "it never gets a place");
        assert_eq!(memory.len(), CAPACITY);
    }
}
