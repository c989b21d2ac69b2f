//! Where hits are answered: a table of everything that moka keeps.
//!
//! A `get` of moka writes down every access; this one hashes once, takes a read lock of its shard, and
//! counts a reference. Accesses are told to moka one in sixteen, which its estimate of popularity, a
//! sample already, bears well.
//!
//! Invariant: what moka lets go of, for whatever reason, leaves the table, unless it was replaced there
//! by something newer. No value of users is dropped under a lock.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, RwLockReadGuard, RwLockWriteGuard, Weak};

use hashbrown::HashTable;

use crate::entry::{AnyValue, Slot, TypedEntry};
use crate::key::Key;
use crate::lock::RwLock;
use crate::sharded::Sharded;

/// The table, in shards.
#[derive(Debug)]
pub(super) struct Front {
    shards: Sharded<Shard>,
    /// What the entries take.
    bytes: AtomicU64,
}

/// An entry with what it takes.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(super) slot: Slot,
    pub(super) bytes: u64,
}

/// What moka knows of an entry; another size makes it another one.
///
/// It does not keep the entry alive: moka frees what it has let go of only when all threads that are at
/// work in any of its caches have moved on.
#[derive(Debug, Clone)]
pub(super) struct Shadow {
    pub(super) slot: Weak<TypedEntry<dyn AnyValue>>,
    pub(super) bytes: u64,
}

impl Held {
    pub(super) fn shadow(&self) -> Shadow {
        Shadow { slot: Arc::downgrade(&self.slot), bytes: self.bytes }
    }

    fn is_other_size_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.slot, &other.slot) && self.bytes != other.bytes
    }
}

impl Shadow {
    pub(super) fn is(&self, slot: &Slot) -> bool {
        std::ptr::addr_eq(self.slot.as_ptr(), Arc::as_ptr(slot))
    }
}

/// Alone in its cache line, so that shards do not slow each other down.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    entries: RwLock<HashTable<(Key, Held)>>,
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
    /// The key, if this access is one that moka should hear of.
    pub(super) told: Option<Key>,
}

impl Front {
    pub(super) fn new() -> Self {
        Self { shards: Sharded::new(SHARDS), bytes: AtomicU64::new(0) }
    }

    #[inline]
    pub(super) fn find(&self, hash: u64, key: &[u8]) -> Option<Lookup> {
        let shard = self.shard(hash);
        let entries = shard.read();
        let (there, held) = entries.find(hash, |(there, _)| there.bytes() == key)?;
        let slot = Arc::clone(&held.slot);
        // Two threads may write the same number; that costs one access out of moka's sample.
        let reads = shard.reads.load(Ordering::Relaxed).wrapping_add(1);
        shard.reads.store(reads, Ordering::Relaxed);
        let told = reads.is_multiple_of(TOLD_EVERY).then(|| there.clone());
        Some(Lookup { slot, told })
    }

    pub(super) fn insert(&self, hash: u64, key: &Key, held: &Held, rehash: impl Fn(&Key) -> u64) {
        let mut entries = self.shard(hash).write();
        let there = entries.find_mut(hash, |(there, _)| there == key);
        let replaced = there.map(|(_, there)| {
            self.count_replaced(there, held);
            std::mem::replace(there, held.clone())
        });
        if replaced.is_none() {
            self.bytes.fetch_add(held.bytes, Ordering::Relaxed);
            entries.insert_unique(hash, (key.clone(), held.clone()), |(key, _)| rehash(key));
        }
        // What is dropped is of users, and never dropped under a lock.
        drop(entries);
    }

    /// Puts an entry in place of itself if its size is another one; tells whether that was so.
    pub(super) fn replace(&self, hash: u64, key: &Key, held: &Held) -> bool {
        let mut entries = self.shard(hash).write();
        let is_there = |(there, kept): &(Key, Held)| there == key && kept.is_other_size_of(held);
        let Some((_, there)) = entries.find_mut(hash, is_there) else { return false };
        self.count_replaced(there, held);
        *there = held.clone();
        true
    }

    pub(super) fn holds(&self, hash: u64, key: &Key, slot: &Slot) -> bool {
        let is_it = |(there, kept): &(Key, Held)| there == key && Arc::ptr_eq(&kept.slot, slot);
        self.shard(hash).read().find(hash, is_it).is_some()
    }

    pub(super) fn remove(&self, hash: u64, key: &Key) -> Option<Slot> {
        self.remove_if(hash, |(there, _)| there == key)
    }

    /// Removes an entry unless another one has taken its place.
    pub(super) fn remove_same(&self, hash: u64, key: &Key, slot: &Slot) {
        self.remove_if(hash, |(there, kept)| there == key && Arc::ptr_eq(&kept.slot, slot));
    }

    /// Removes an entry that moka let go of.
    pub(super) fn let_go(&self, hash: u64, key: &Key, shadow: &Shadow) {
        let is_it = |held: &Held| shadow.is(&held.slot) && shadow.bytes == held.bytes;
        self.remove_if(hash, |(there, held)| there == key && is_it(held));
    }

    fn remove_if(&self, hash: u64, is_it: impl FnMut(&(Key, Held)) -> bool) -> Option<Slot> {
        let mut entries = self.shard(hash).write();
        let ((_, held), _) = entries.find_entry(hash, is_it).ok()?.remove();
        self.bytes.fetch_sub(held.bytes, Ordering::Relaxed);
        Some(held.slot)
    }

    fn count_replaced(&self, there: &Held, held: &Held) {
        self.bytes.fetch_add(held.bytes, Ordering::Relaxed);
        self.bytes.fetch_sub(there.bytes, Ordering::Relaxed);
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
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
        let found = step.filter(|(_, held)| is_useless(&held.slot));
        let found: Vec<_> = found.map(|(key, held)| (key.clone(), held.slot.clone())).collect();
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
    fn read(&self) -> RwLockReadGuard<'_, HashTable<(Key, Held)>> {
        self.entries.read()
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashTable<(Key, Held)>> {
        self.entries.write()
    }
}
