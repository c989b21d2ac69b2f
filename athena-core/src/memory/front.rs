//! Where hits are answered: a table of everything that moka keeps.
//!
//! A `get` of moka writes down every access; this one hashes once, takes a read lock of its shard, and
//! counts a reference. Accesses are told to moka one in sixteen, which its estimate of popularity, a
//! sample already, bears well.
//!
//! Invariant: what moka lets go of, for whatever reason, leaves the table, unless it was replaced there
//! by something newer.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, RwLockReadGuard, RwLockWriteGuard};

use hashbrown::HashTable;

use crate::entry::Slot;
use crate::key::Key;
use crate::lock::RwLock;
use crate::sharded::Sharded;

/// The table, in shards.
#[derive(Debug)]
pub(super) struct Front {
    shards: Sharded<Shard>,
}

/// Alone in its cache line, so that shards do not slow each other down.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    entries: RwLock<HashTable<(Key, Slot)>>,
    reads: AtomicU32,
}

const SHARDS: usize = 64;
const TOLD_EVERY: u32 = 16;

/// Entries that are looked at under one lock.
const STEP: usize = 512;

/// How far a walk is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Position {
    shard: usize,
    passed: usize,
}

/// What a look came to.
pub(super) struct Lookup {
    pub(super) slot: Slot,
    /// Whether this access is one that moka should hear of.
    pub(super) is_told: bool,
}

impl Front {
    pub(super) fn new() -> Self {
        Self { shards: Sharded::new(SHARDS) }
    }

    #[inline]
    pub(super) fn get(&self, hash: u64, key: &Key) -> Option<Lookup> {
        let shard = self.shard(hash);
        let entries = shard.read();
        let (_, slot) = entries.find(hash, |(there, _)| there == key)?;
        let slot = Arc::clone(slot);
        drop(entries);
        // Two threads may write the same number; that costs one access out of moka's sample.
        let reads = shard.reads.load(Ordering::Relaxed).wrapping_add(1);
        shard.reads.store(reads, Ordering::Relaxed);
        Some(Lookup { slot, is_told: reads.is_multiple_of(TOLD_EVERY) })
    }

    pub(super) fn insert(&self, hash: u64, key: &Key, slot: &Slot, rehash: impl Fn(&Key) -> u64) {
        let mut entries = self.shard(hash).write();
        if let Some((_, there)) = entries.find_mut(hash, |(there, _)| there == key) {
            *there = Arc::clone(slot);
        } else {
            let entry = (key.clone(), Arc::clone(slot));
            entries.insert_unique(hash, entry, |(key, _)| rehash(key));
        }
    }

    pub(super) fn remove(&self, hash: u64, key: &Key) -> Option<Slot> {
        let mut entries = self.shard(hash).write();
        let entry = entries.find_entry(hash, |(there, _)| there == key).ok()?;
        Some(entry.remove().0.1)
    }

    /// Removes an entry that moka let go of.
    pub(super) fn let_go(&self, hash: u64, key: &Key, slot: &Slot) {
        let mut entries = self.shard(hash).write();
        let same = |(there, kept): &(Key, Slot)| there == key && Arc::ptr_eq(kept, slot);
        if let Ok(entry) = entries.find_entry(hash, same) {
            entry.remove();
        }
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
    ) -> Option<Vec<(Key, Slot)>> {
        let entries = self.shards.iter().nth(at.shard)?.read();
        let step = entries.iter().skip(at.passed).take(STEP);
        let found: Vec<_> = step.filter(|(_, slot)| is_useless(slot)).cloned().collect();
        if at.passed + STEP < entries.len() {
            at.passed += STEP - found.len();
        } else {
            *at = Position { shard: at.shard + 1, passed: 0 };
        }
        Some(found)
    }

    /// Gives back the room of entries that have gone.
    pub(super) fn shrink(&self, rehash: impl Fn(&Key) -> u64) {
        for shard in self.shards.iter() {
            let is_roomy =
                |entries: &HashTable<_>| entries.capacity() > 4 * entries.len().max(STEP);
            if is_roomy(&shard.read()) {
                let mut entries = shard.write();
                let enough = 2 * entries.len();
                entries.shrink_to(enough, |(key, _)| rehash(key));
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
    fn read(&self) -> RwLockReadGuard<'_, HashTable<(Key, Slot)>> {
        self.entries.read()
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashTable<(Key, Slot)>> {
        self.entries.write()
    }
}
