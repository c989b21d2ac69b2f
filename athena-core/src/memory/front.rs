//! Where hits are answered: a table of everything that moka keeps.
//!
//! A `get` of moka writes down every access; this one hashes once, takes a read lock of its shard, and
//! counts a reference. Accesses are told to moka one in sixteen, which its estimate of popularity, a
//! sample already, bears well.
//!
//! moka knows an entry by its hash. Two keys that share one take each other's place, which costs a load and never
//! serves anything.
//!
//! Invariant: what moka lets go of, for whatever reason, leaves the table. There is one entry of a hash. No value of
//! users is dropped under a lock.

use std::hash::{BuildHasher, Hasher as _};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, RwLockReadGuard, RwLockWriteGuard};

use hashbrown::HashTable;

use crate::entry::Slot;
use crate::lock::RwLock;
use crate::sharded::Sharded;

/// The table, in shards.
#[derive(Debug)]
pub(super) struct Front {
    shards: Sharded<Shard>,
    hasher: foldhash::fast::RandomState,
    /// What the entries take.
    units: AtomicU64,
}

/// An entry with what it takes, and by what it is found.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(super) slot: Slot,
    pub(super) units: u32,
    pub(super) hash: u64,
}

/// Alone in its cache line, so that shards do not slow each other down.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    /// Each keeps its key.
    entries: RwLock<HashTable<Slot>>,
    reads: AtomicU32,
}

const SHARDS: usize = 64;
const TOLD_EVERY: u32 = 16;

/// Entries that are looked at under one lock.
pub(super) const STEP: usize = 512;

/// How far a walk is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Position {
    shard: usize,
    passed: usize,
}

/// What a look came to.
pub(super) struct Lookup {
    pub(super) slot: Slot,
    /// The hash, if this access is one that moka should hear of.
    pub(super) told: Option<u64>,
}

impl Front {
    pub(super) fn new() -> Self {
        let hasher = foldhash::fast::RandomState::default();
        Self { shards: Sharded::new(SHARDS), hasher, units: AtomicU64::new(0) }
    }

    #[inline]
    pub(super) fn hash(&self, key: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        hasher.finish()
    }

    pub(super) fn hash_of(&self, slot: &Slot) -> u64 {
        self.hash(slot.meta().key().bytes())
    }

    #[inline]
    pub(super) fn find(&self, key: &[u8]) -> Option<Lookup> {
        let hash = self.hash(key);
        let shard = self.shard(hash);
        let entries = shard.read();
        let there = entries.find(hash, |there| there.meta().key().bytes() == key)?;
        let slot = Arc::clone(there);
        // Two threads may write the same number; that costs one access out of moka's sample.
        let reads = shard.reads.load(Ordering::Relaxed).wrapping_add(1);
        shard.reads.store(reads, Ordering::Relaxed);
        let told = reads.is_multiple_of(TOLD_EVERY).then_some(hash);
        Some(Lookup { slot, told })
    }

    pub(super) fn insert(&self, held: &Held) {
        let hash = held.hash;
        let mut entries = self.shard(hash).write();
        let there = entries.find_mut(hash, |there| self.hash_of(there) == hash);
        let before = there.as_ref().map_or(0, |there| there.meta().units());
        self.count(held, before);
        let replaced = there.map(|there| std::mem::replace(there, Arc::clone(&held.slot)));
        if replaced.is_none() {
            entries.insert_unique(hash, Arc::clone(&held.slot), |there| self.hash_of(there));
        }
        // What is dropped is of users, and never dropped under a lock.
        drop(entries);
    }

    /// Counts an entry that is there with another size; tells whether that was so.
    pub(super) fn resize(&self, held: &Held) -> bool {
        let entries = self.shard(held.hash).write();
        let is_it = |there: &Slot| Arc::ptr_eq(there, &held.slot);
        let Some(there) = entries.find(held.hash, is_it) else { return false };
        let before = there.meta().units();
        self.count(held, before);
        before != held.units
    }

    pub(super) fn holds(&self, hash: u64, slot: &Slot) -> bool {
        self.shard(hash).read().find(hash, |there| Arc::ptr_eq(there, slot)).is_some()
    }

    /// What the entry of a hash takes, if there is one.
    pub(super) fn units_of(&self, hash: u64) -> Option<u32> {
        let entries = self.shard(hash).read();
        let there = entries.find(hash, |there| self.hash_of(there) == hash);
        there.map(|there| there.meta().units())
    }

    pub(super) fn remove(&self, hash: u64, key: &[u8]) -> Option<Slot> {
        self.remove_if(hash, |there| there.meta().key().bytes() == key)
    }

    /// Removes an entry unless another one has taken its place.
    pub(super) fn remove_same(&self, hash: u64, slot: &Slot) -> Option<Slot> {
        self.remove_if(hash, |there| Arc::ptr_eq(there, slot))
    }

    /// Removes an entry that moka let go of.
    pub(super) fn let_go(&self, hash: u64) -> Option<Slot> {
        self.remove_if(hash, |there| self.hash_of(there) == hash)
    }

    fn remove_if(&self, hash: u64, is_it: impl FnMut(&Slot) -> bool) -> Option<Slot> {
        let mut entries = self.shard(hash).write();
        let (slot, _) = entries.find_entry(hash, is_it).ok()?.remove();
        self.units.fetch_sub(slot.meta().units().into(), Ordering::Relaxed);
        Some(slot)
    }

    /// Under the lock of its shard.
    fn count(&self, held: &Held, before: u32) {
        held.slot.meta().set_units(held.units);
        self.units.fetch_add(held.units.into(), Ordering::Relaxed);
        self.units.fetch_sub(before.into(), Ordering::Relaxed);
    }

    pub(super) fn units(&self) -> u64 {
        self.units.load(Ordering::Relaxed)
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.shards.iter().all(|shard| shard.read().is_empty())
    }

    /// Those among the next entries that are `useless`; `None` after the last ones.
    ///
    /// Found ones are to be removed before the next call. What is inserted meanwhile may be left out.
    pub(super) fn next(
        &self,
        at: &mut Position,
        is_useless: impl Fn(&Slot) -> bool,
    ) -> Option<Vec<Slot>> {
        let entries = self.shards.iter().nth(at.shard)?.read();
        let step = entries.iter().skip(at.passed).take(STEP);
        let found: Vec<_> = step.filter(|slot| is_useless(slot)).cloned().collect();
        if at.passed + STEP < entries.len() {
            at.passed += STEP - found.len();
        } else {
            *at = Position { shard: at.shard + 1, passed: 0 };
        }
        Some(found)
    }

    /// Gives back the room of entries that have gone.
    pub(super) fn shrink(&self) {
        for shard in self.shards.iter() {
            let is_roomy =
                |entries: &HashTable<_>| entries.capacity() > 4 * entries.len().max(STEP);
            if is_roomy(&shard.read()) {
                let mut entries = shard.write();
                let enough = 2 * entries.len();
                entries.shrink_to(enough, |slot| self.hash_of(slot));
            }
        }
    }

    #[inline]
    fn shard(&self, hash: u64) -> &Shard {
        self.shards.of(hash)
    }
}

impl Shard {
    #[inline]
    fn read(&self) -> RwLockReadGuard<'_, HashTable<Slot>> {
        self.entries.read()
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashTable<Slot>> {
        self.entries.write()
    }
}
