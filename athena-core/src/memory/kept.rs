//! What memory holds: moka bounds and evicts, the front answers; both hold the same entries.
//!
//! Invariant: this is the one module that names moka.

use std::hash::BuildHasherDefault;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::notification::RemovalCause;
use moka::ops::compute::Op;
use moka::sync::Cache;

use super::bounds::Bounds;
use super::front::{Front, Held, Position};
use super::hashed::{AsIs, HashedKey};
use crate::clock::Tick;
use crate::coherence::revision::Revisions;
use crate::entry::Slot;
use crate::key::Key;
use crate::policy::freshness::Verdict;
use crate::undisturbed::Undisturbed;

/// Entries until they are of no use, or room is needed.
#[derive(Debug)]
pub(super) struct KeptEntries {
    front: Arc<Front>,
    /// By their hashes alone: what moka keeps of an entry is most of what an entry takes.
    names: Cache<HashedKey, (), BuildHasherDefault<AsIs>>,
    bounds: Arc<Bounds>,
    /// Before this no entry ends by its age.
    ends: AtomicU64,
}

impl KeptEntries {
    pub(super) fn new(bounds: Bounds) -> Self {
        let (front, bounds) = (Arc::new(Front::new()), Arc::new(bounds));
        let (behind, weighed, weights) =
            (Arc::clone(&front), Arc::clone(&front), Arc::clone(&bounds));
        let names = Cache::builder()
            .max_capacity(bounds.capacity)
            .weigher(move |hashed: &HashedKey, (): &()| {
                weights.weight(weighed.units_of(hashed.0).unwrap_or_default())
            })
            .eviction_listener(move |hashed: Arc<HashedKey>, (), cause| {
                if cause != RemovalCause::Replaced {
                    drop(behind.let_go(hashed.0));
                }
            })
            .build_with_hasher(BuildHasherDefault::default());
        Self { front, names, bounds, ends: AtomicU64::new(u64::MAX) }
    }

    #[inline]
    pub(super) fn find(&self, key: &[u8]) -> Option<Slot> {
        let look = self.front.find(key)?;
        if let Some(hash) = look.told.filter(|_| self.is_half_full()) {
            self.tell_moka(hash);
        }
        Some(look.slot)
    }

    /// Whether it will soon matter what is asked for: below half of its bounds moka counts nothing either.
    pub(super) fn is_half_full(&self) -> bool {
        self.names.weighted_size() >= self.bounds.capacity / 2
    }

    /// Keeps an entry, unless one whose load began later is there (coherence 2, T2).
    pub(super) fn insert(&self, key: &Key, held: &Held) {
        let slot = &held.slot;
        match self.front.find(key.bytes()) {
            Some(there)
                if Arc::ptr_eq(&there.slot, slot) || slot.meta().is_before(there.slot.meta()) =>
            {
                return;
            }
            Some(_) => {}
            // A miss that moka has to hear of: a full tier has no room but for what is asked for more
            // often than what is there.
            None => self.tell_moka(held.hash),
        }
        if self.bounds.is_too_large(held.units) {
            // It is newer than what is there all the same.
            self.remove(key);
        } else {
            self.front.insert(held);
            self.bound(held);
        }
        // Afterwards: a walk that begins meanwhile either meets the entry or begins before this.
        self.ends.fetch_min(slot.meta().end().as_millis(), Ordering::SeqCst);
    }

    /// An entry with its size, of which code of users may have a say.
    pub(super) fn weigh(&self, key: &Key, slot: &Slot) -> Held {
        let (units, hash) = (self.bounds.size(slot), self.front.hash(key.bytes()));
        Held { slot: Arc::clone(slot), units, hash }
    }

    /// Has moka hear of an access; like all that it does, that may make it evict.
    #[cold]
    fn tell_moka(&self, hash: u64) {
        let _undisturbed = Undisturbed::begin();
        self.names.get(&HashedKey(hash));
    }

    /// More has become known of an entry's size.
    pub(super) fn weigh_again(&self, key: &Key, slot: &Slot) {
        let held = self.weigh(key, slot);
        if self.bounds.is_too_large(held.units) {
            self.remove_same(slot);
        } else if self.front.resize(&held) {
            self.bound(&held);
        }
    }

    /// Has moka bound what is in the front.
    fn bound(&self, held: &Held) {
        let _undisturbed = Undisturbed::begin();
        self.names.insert(HashedKey(held.hash), ());
        if !self.front.holds(held.hash, &held.slot) {
            // Removed in between, when moka did not have it yet.
            self.unbound(held.hash);
        }
        self.make_room();
    }

    /// Has moka forget what is not in the front.
    fn unbound(&self, hash: u64) {
        let _undisturbed = Undisturbed::begin();
        self.names.entry(HashedKey(hash)).and_compute_with(|there| match there {
            Some(_) if self.front.units_of(hash).is_none() => Op::Remove,
            _ => Op::Nop,
        });
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
        let hash = self.front.hash(key.bytes());
        let slot = self.front.remove(hash, key.bytes())?;
        let _undisturbed = Undisturbed::begin();
        self.names.invalidate(&HashedKey(hash));
        Some(slot)
    }

    /// Removes one entry, unless another one has taken its place.
    fn remove_same(&self, slot: &Slot) {
        let _undisturbed = Undisturbed::begin();
        let hash = self.front.hash_of(slot);
        if self.front.remove_same(hash, slot).is_some() {
            self.unbound(hash);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.front.is_empty()
    }

    /// Whether there is more than may be.
    pub(super) fn is_exceeded(&self) -> bool {
        self.bounds.are_fewer_than(self.len()) || self.bounds.are_exceeded_by(self.bytes())
    }

    pub(super) fn len(&self) -> u64 {
        self.front.len() as u64
    }

    /// What all entries take, as far as is known.
    pub(super) fn bytes(&self) -> u64 {
        self.bounds.bytes(self.front.units())
    }

    /// Does the work that moka puts off.
    pub(super) fn settle(&self) {
        let _undisturbed = Undisturbed::begin();
        self.names.run_pending_tasks();
    }

    /// Whether an entry has come to the end of its life since the last walk.
    pub(super) fn has_ended(&self, now: Tick) -> bool {
        now.as_millis() >= self.ends.load(Ordering::SeqCst)
    }

    /// Removes some entries, whatever they are; tells whether there may be more.
    pub(super) fn free_some(&self, position: &mut Position) -> bool {
        let Some(found) = self.front.next(position, |_| true) else { return false };
        for slot in &found {
            self.remove_same(slot);
        }
        self.settle();
        true
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
        let KeptEntries { front, ends, .. } = &*self.through;
        let is_useless = |slot: &Slot| {
            let meta = slot.meta();
            let is_useless = meta.judge(now, None, revisions) == Verdict::Expired;
            if !is_useless {
                ends.fetch_min(meta.end().as_millis(), Ordering::SeqCst);
            }
            is_useless
        };
        let Some(found) = front.next(&mut self.position, is_useless) else {
            front.shrink();
            self.is_over = true;
            return false;
        };
        if !found.is_empty() {
            self.has_freed = true;
            for slot in &found {
                self.through.remove_same(slot);
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
