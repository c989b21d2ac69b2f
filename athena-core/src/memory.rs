//! Entries of this process, typed, bounded.
//!
//! Whether an entry may be served is the entry's own judgement. What can be served no more is freed in the
//! background, also in a process that is idle.
//!
//! Invariant: nothing here decides what is served, and no caller walks through all entries.

mod bounds;
mod front;
mod hashed;
mod kept;
mod sweep;

use std::sync::Arc;

use self::bounds::Bounds;
use self::kept::KeptEntries;
use self::sweep::Sweeper;
use crate::clock::Clock;
use crate::coherence::revision::Revisions;
use crate::entry::Slot;
use crate::key::Key;
use crate::settings::Memory;
use crate::tasks::Tasks;

pub(crate) use self::bounds::Weighers;
pub(crate) use self::front::Held;

/// Keeps entries until they are of no use, or room is needed.
#[derive(Debug)]
pub(crate) struct MemoryTier {
    kept: Arc<KeptEntries>,
    sweeper: Arc<Sweeper>,
}

impl MemoryTier {
    pub(crate) fn new(
        settings: &Memory,
        weighers: Weighers,
        clock: &Clock,
        revisions: &Arc<Revisions>,
        tasks: &Tasks,
    ) -> Self {
        let kept = Arc::new(KeptEntries::new(Bounds::new(settings, weighers)));
        let sweeper = Arc::new(Sweeper::new(Arc::clone(&kept), clock, revisions, tasks));
        Self { kept, sweeper }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Slot> {
        self.kept.find(key.bytes())
    }

    /// The entry of a key with these bytes.
    #[inline]
    pub(crate) fn find(&self, key: &[u8]) -> Option<Slot> {
        self.kept.find(key)
    }

    /// An entry as it is to be inserted: weighers of users run here, while no lock is held.
    pub(crate) fn weigh(&self, key: &Key, slot: &Slot) -> Held {
        self.kept.weigh(key, slot)
    }

    /// Keeps an entry, unless one whose load began later is there (coherence 2, T2).
    pub(crate) fn insert(&self, key: &Key, weighed: &Held) {
        self.kept.insert(key, weighed);
        if !self.sweeper.watch() {
            self.sweeper.sweep_some();
        }
    }

    /// Takes a size into account that has become known since the entry was inserted.
    pub(crate) fn weigh_again(&self, key: &Key, slot: &Slot) {
        self.kept.weigh_again(key, slot);
    }

    /// Removes an entry and marks it for those who hold it.
    pub(crate) fn invalidate(&self, key: &Key) {
        if let Some(slot) = self.kept.remove(key) {
            slot.meta().kill();
        }
    }

    /// Ends an entry's fresh time.
    pub(crate) fn expire(&self, key: &Key) {
        if let Some(slot) = self.get(key) {
            slot.meta().expire();
        }
    }

    /// Has what has just become outdated freed, in the background.
    pub(crate) fn free_outdated(&self) {
        self.sweeper.wake();
    }

    /// The same where everything has; on the spot if there is no background.
    pub(crate) fn clear(&self) {
        if !self.sweeper.wake() {
            self.sweeper.sweep_here();
        }
    }

    pub(crate) fn len(&self) -> u64 {
        self.kept.len()
    }

    /// What all entries take, as far as is known.
    pub(crate) fn bytes(&self) -> u64 {
        self.kept.bytes()
    }

    /// Has moka evict what it still has to, so that the entries are within their bounds.
    pub(crate) fn trim(&self) {
        if self.kept.is_exceeded() {
            self.kept.settle();
        }
    }

    /// Frees what can be served no more.
    pub(crate) fn sweep(&self) {
        self.sweeper.sweep_here();
        self.kept.settle();
    }
}

impl Drop for MemoryTier {
    /// Who drops a cache does not wait until all that it holds is freed, if there is a runtime for that.
    fn drop(&mut self) {
        self.sweeper.free();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
        let (key, now) = (Key::named(name), clock.now());
        let meta = Meta::new(&key, EntryKind::Value, life, now, dependencies, &Trust::own());
        let slot = Arc::new(TypedEntry::new(meta, 1_u32)) as Slot;
        memory.insert(&key, &memory.weigh(&key, &slot));
        memory.kept.settle();
    }

    #[test]
    fn a_full_tier_has_room_for_what_is_asked_for_again_and_again() {
        let clock = Clock::system();
        let memory = MemoryTier::new(
            &Memory::bounded(CAPACITY),
            Weighers::default(),
            &clock,
            &Arc::new(Revisions::new()),
            &Tasks::new(),
        );
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

    #[test]
    fn what_is_outdated_is_freed_and_nothing_else() {
        const MANY: u64 = 40_000;
        let (clock, revisions) = (Clock::system(), Arc::new(Revisions::new()));
        let memory = MemoryTier::new(
            &Memory::bounded(MANY),
            Weighers::default(),
            &clock,
            &revisions,
            &Tasks::new(),
        );
        let odd = revisions.name("odd");
        for number in 0..MANY {
            let tags = (number % 2 == 1).then_some(odd);
            let life = Life { ttl: Duration::from_secs(60), grace: Duration::ZERO };
            let dependencies = revisions.dependencies(tags, revisions.now());
            let (key, now) = (Key::named(&number.to_string()), clock.now());
            let meta = Meta::new(&key, EntryKind::Value, life, now, dependencies, &Trust::own());
            let slot = Arc::new(TypedEntry::new(meta, number)) as Slot;
            memory.insert(&key, &memory.weigh(&key, &slot));
        }
        memory.kept.settle();
        let is_kept = |number: u64| memory.get(&Key::named(&number.to_string())).is_some();
        let before: Vec<_> = (0..MANY).filter(|number| is_kept(*number)).collect();
        revisions.change(odd);
        memory.sweep();
        let after: Vec<_> = (0..MANY).filter(|number| is_kept(*number)).collect();
        let even: Vec<_> = before.into_iter().filter(|number| number % 2 == 0).collect();
        assert_eq!(after, even);
        assert_eq!(memory.len(), even.len() as u64);
    }

    #[test]
    fn a_walk_that_is_given_up_half_way_is_followed_by_another_one() {
        let (clock, revisions) = (Clock::system(), Arc::new(Revisions::new()));
        let (settings, tasks) = (Memory::bounded(CAPACITY), Tasks::new());
        let memory = MemoryTier::new(&settings, Weighers::default(), &clock, &revisions, &tasks);
        put(&memory, &clock, "key");
        let walk = memory.kept.walk();
        assert!(!memory.kept.has_ended(clock.now()));
        drop(walk);
        assert!(memory.kept.has_ended(clock.now()));
        memory.sweep();
        assert!(!memory.kept.has_ended(clock.now()));
        assert!(memory.get(&Key::named("key")).is_some());
    }
}
