//! What memory holds: moka bounds and evicts, the front answers; both hold the same entries.
//!
//! Invariant: this is the one module that names moka.

use std::hash::{BuildHasher, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::ops::compute::Op;
use moka::sync::Cache;

use super::bounds::Bounds;
use super::front::{Front, Held, Position, Shadow};
use crate::clock::{Clock, Tick};
use crate::coherence::revision::Revisions;
use crate::entry::Slot;
use crate::key::Key;
use crate::policy::freshness::Verdict;
use crate::undisturbed::Undisturbed;

type Hasher = foldhash::fast::RandomState;

/// Entries until they are of no use, or room is needed.
#[derive(Debug)]
pub(super) struct KeptEntries {
    front: Arc<Front>,
    entries: Cache<Key, Shadow, Hasher>,
    bounds: Arc<Bounds>,
    hasher: Hasher,
    /// Before this no entry ends by its age.
    ends: AtomicU64,
}

/// Forgets entries once they can never be served again.
struct TotalLife;

impl Expiry<Key, Shadow> for TotalLife {
    fn expire_after_create(&self, _: &Key, shadow: &Shadow, _: Instant) -> Option<Duration> {
        Some(shadow.total_life())
    }

    fn expire_after_update(
        &self,
        _: &Key,
        shadow: &Shadow,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(shadow.total_life())
    }
}

impl Shadow {
    fn total_life(&self) -> Duration {
        self.slot.upgrade().map_or(Duration::ZERO, |slot| slot.meta().life.total())
    }
}

impl KeptEntries {
    /// With a clock that a test moves moka forgets nothing by age, since it has its own clock.
    pub(super) fn new(bounds: Bounds, clock: &Clock) -> Self {
        let (front, hasher) = (Arc::new(Front::new()), Hasher::default());
        let (behind, same) = (Arc::clone(&front), hasher.clone());
        let bounds = Arc::new(bounds);
        let weights = Arc::clone(&bounds);
        let builder = Cache::builder()
            .max_capacity(bounds.capacity)
            .weigher(move |_: &Key, shadow: &Shadow| weights.weight(shadow.bytes))
            .eviction_listener(move |key: Arc<Key>, shadow, _| {
                behind.let_go(same.hash_one(&*key), &key, &shadow);
            });
        let builder = if clock.is_system() { builder.expire_after(TotalLife) } else { builder };
        let entries = builder.build_with_hasher(hasher.clone());
        Self { front, entries, bounds, hasher, ends: AtomicU64::new(u64::MAX) }
    }

    #[inline]
    pub(super) fn find(&self, key: &[u8]) -> Option<Slot> {
        let look = self.front.find(self.hash(key), key)?;
        if let Some(key) = look.told.filter(|_| self.is_half_full()) {
            self.tell_moka(&key);
        }
        Some(look.slot)
    }

    /// Whether it will soon matter what is asked for: below half of its bounds moka counts nothing either.
    fn is_half_full(&self) -> bool {
        self.entries.weighted_size() >= self.bounds.capacity / 2
    }

    /// As [`Key`] hashes.
    #[inline]
    fn hash(&self, key: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        hasher.finish()
    }

    /// Keeps an entry, unless one whose load began later is there (coherence 2, T2).
    pub(super) fn insert(&self, key: &Key, held: &Held) {
        let (hash, slot) = (self.hasher.hash_one(key), &held.slot);
        match self.front.find(hash, key.bytes()) {
            Some(there)
                if Arc::ptr_eq(&there.slot, slot) || slot.meta().is_before(there.slot.meta()) =>
            {
                return;
            }
            Some(_) => {}
            // A miss that moka has to hear of: a full tier has no room but for what is asked for more
            // often than what is there.
            None => self.tell_moka(key),
        }
        self.hold(hash, key, held);
        // Afterwards: a walk that begins meanwhile either meets the entry or begins before this.
        self.ends.fetch_min(slot.meta().end().as_millis(), Ordering::SeqCst);
    }

    /// An entry with its size, of which code of users may have a say.
    pub(super) fn weigh(&self, key: &Key, slot: &Slot) -> Held {
        Held { slot: Arc::clone(slot), bytes: self.bounds.size(key, slot) }
    }

    /// Has moka hear of an access; like all that it does, that may make it evict.
    #[cold]
    fn tell_moka(&self, key: &Key) {
        let _undisturbed = Undisturbed::begin();
        drop(self.entries.get(key));
    }

    /// More has become known of an entry's size.
    pub(super) fn weigh_again(&self, key: &Key, slot: &Slot) {
        let hash = self.hasher.hash_one(key);
        let held = self.weigh(key, slot);
        if self.bounds.is_too_large(held.bytes) {
            self.remove_same(key, slot);
        } else if self.front.replace(hash, key, &held) {
            self.bound(hash, key, &held);
        }
    }

    fn hold(&self, hash: u64, key: &Key, held: &Held) {
        if self.bounds.is_too_large(held.bytes) {
            // It is newer than what is there all the same.
            self.remove(key);
            return;
        }
        self.front.insert(hash, key, held, |key| self.hasher.hash_one(key));
        self.bound(hash, key, held);
    }

    /// Has moka bound what is in the front.
    fn bound(&self, hash: u64, key: &Key, held: &Held) {
        let _undisturbed = Undisturbed::begin();
        self.entries.insert(key.clone(), held.shadow());
        if !self.front.holds(hash, key, &held.slot) {
            // Removed in between, when moka did not have it yet.
            self.remove_same(key, &held.slot);
        }
        self.make_room();
    }

    /// moka evicts when it comes to that, which is too late for large entries.
    fn make_room(&self) {
        let mut before = u64::MAX;
        while self.bytes() < before && self.bounds.are_exceeded_by(self.bytes()) {
            before = self.bytes();
            self.settle();
        }
    }

    pub(super) fn remove(&self, key: &Key) -> Option<Slot> {
        let slot = self.front.remove(self.hasher.hash_one(key), key)?;
        let _undisturbed = Undisturbed::begin();
        self.entries.invalidate(key);
        Some(slot)
    }

    /// Removes one entry, unless another one has taken its place.
    fn remove_same(&self, key: &Key, slot: &Slot) {
        let _undisturbed = Undisturbed::begin();
        self.front.remove_same(self.hasher.hash_one(key), key, slot);
        self.entries.entry_by_ref(key).and_compute_with(|there| match there {
            Some(there) if there.value().is(slot) => Op::Remove,
            _ => Op::Nop,
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.front.is_empty()
    }

    pub(super) fn len(&self) -> u64 {
        self.entries.entry_count()
    }

    /// What all entries take, as far as is known.
    pub(super) fn bytes(&self) -> u64 {
        self.front.bytes()
    }

    /// Does the work that moka puts off.
    pub(super) fn settle(&self) {
        let _undisturbed = Undisturbed::begin();
        self.entries.run_pending_tasks();
    }

    /// Whether an entry has come to the end of its life since the last walk.
    pub(super) fn has_ended(&self, now: Tick) -> bool {
        now.as_millis() >= self.ends.load(Ordering::SeqCst)
    }

    /// Begins a walk through all entries.
    pub(super) fn walk(self: &Arc<Self>) -> EntryWalk {
        self.ends.store(u64::MAX, Ordering::SeqCst);
        let position = Position::default();
        EntryWalk { through: Arc::clone(self), position, has_freed: false, is_over: false }
    }
}

/// A walk through all entries; one that is dropped half-way is due again at once.
#[derive(Debug)]
pub(super) struct EntryWalk {
    through: Arc<KeptEntries>,
    position: Position,
    has_freed: bool,
    is_over: bool,
}

impl EntryWalk {
    /// Removes those among the next entries that can be served no more, in whatever role; tells whether
    /// there are more.
    pub(super) fn step(&mut self, now: Tick, revisions: &Revisions) -> bool {
        let KeptEntries { front, hasher, ends, .. } = &*self.through;
        let is_useless = |slot: &Slot| {
            let meta = slot.meta();
            let is_useless = meta.judge(now, None, revisions) == Verdict::Expired;
            if !is_useless {
                ends.fetch_min(meta.end().as_millis(), Ordering::SeqCst);
            }
            is_useless
        };
        let Some(found) = front.next(&mut self.position, is_useless) else {
            front.shrink(|key| hasher.hash_one(key));
            self.is_over = true;
            return false;
        };
        if !found.is_empty() {
            self.has_freed = true;
            for (key, slot) in &found {
                self.through.remove_same(key, slot);
            }
            self.through.settle();
        }
        true
    }

    pub(super) fn has_freed(&self) -> bool {
        self.has_freed
    }
}

impl Drop for EntryWalk {
    fn drop(&mut self) {
        if !self.is_over {
            self.through.ends.store(0, Ordering::SeqCst);
        }
    }
}
