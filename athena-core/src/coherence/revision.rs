//! What has changed and when, as this process counts.
//!
//! Changes are numbered. An entry notes the number (a revision) that was current before it was read or loaded, and
//! holds the cells of the names it depends on: its own, those of its tags, that of its namespace. It is
//! valid while no cell shows a later number. A change is one store, whatever depends on the name, and
//! it does not matter who makes it: this process when it invalidates, or another one whose change the
//! backend announces.
//!
//! A cell also keeps the number that its name was last read to hold, if it is a generation's. Whoever reads
//! another one has found a change that nobody announces: what ends under a command of this process, say.
//!
//! Cells are found by a 64-bit hash of their name. Two names that share one are invalidated together,
//! which costs a load and never serves anything.
//!
//! Invariant: whoever wants to hear of changes has the cells before it asks the backend. A cell that was
//! dropped is remembered in `floor`, so that a name which comes back is never taken for unchanged.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard};

use hashbrown::HashTable;

pub(crate) use super::cell::Subject;
use super::cell::{Cell, Cells, Leases};
use crate::backend::Generation;
use crate::lock::Mutex;
use crate::sharded::Sharded;

/// A point in the order of changes, as incremental computation calls it (salsa).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Revision(u64);

impl Revision {
    pub(crate) fn number(self) -> u64 {
        self.0
    }
}

/// The names that an entry or a flight depends on, with the revision before its load.
#[derive(Debug, Clone)]
pub(crate) struct Dependencies {
    pub(crate) since: Revision,
    pub(crate) cells: Cells,
    pub(crate) leases: Leases,
}

impl Dependencies {
    /// Nothing but everything at once.
    pub(crate) fn none(since: Revision) -> Self {
        Self { since, cells: Cells::default(), leases: Leases::Aside }
    }

    pub(crate) fn since(&self) -> Revision {
        self.since
    }

    /// The same names, from another revision on.
    pub(crate) fn set_since(&mut self, since: Revision) {
        self.since = since;
    }
}

/// The revisions of all names of a cache.
#[derive(Debug)]
pub(crate) struct Revisions {
    sequence: AtomicU64,
    /// When everything changed last.
    everything: AtomicU64,
    shards: Sharded<Mutex<CellMap>>,
    hasher: foldhash::fast::RandomState,
}

#[derive(Debug)]
struct CellMap {
    cells: HashTable<Arc<Cell>>,
    /// Latest change of any cell that was dropped.
    floor: u64,
    /// How many cells to hold before looking for unused ones.
    sweep_at: usize,
}

const SHARDS: usize = 32;
const FIRST_SWEEP: usize = 64;

impl Revisions {
    pub(crate) fn new() -> Self {
        Self {
            sequence: AtomicU64::new(0),
            everything: AtomicU64::new(0),
            shards: Sharded::new(SHARDS),
            hasher: foldhash::fast::RandomState::default(),
        }
    }

    pub(crate) fn name(&self, text: &str) -> Subject {
        Subject::new(&self.hasher, text)
    }

    /// The present, to be noted before a load or a request begins.
    pub(crate) fn now(&self) -> Revision {
        Revision(self.sequence.load(Ordering::SeqCst))
    }

    /// What depends on names, since a revision that was noted before the load (coherence 2).
    ///
    /// A change between that revision and this call counts, if it is one that [`change`](Self::change)
    /// made, or if somebody held the cell meanwhile.
    pub(crate) fn dependencies(
        &self,
        names: impl IntoIterator<Item = Subject>,
        since: Revision,
    ) -> Dependencies {
        let mut dependencies = Dependencies::none(since);
        for name in names {
            dependencies.cells.push(self.cell(name));
            if name.is_lease() {
                dependencies.leases = Leases::Count;
            }
        }
        dependencies
    }

    /// Whether nothing of these has changed since.
    pub(crate) fn holds(&self, dependencies: &Dependencies) -> bool {
        self.holds_since(dependencies, dependencies.since)
    }

    /// Whether nothing of these has changed since another revision.
    pub(crate) fn holds_since(&self, dependencies: &Dependencies, since: Revision) -> bool {
        self.hold(Some(&dependencies.cells), dependencies.leases, since)
    }

    /// The same by their cells, if there are any.
    #[inline]
    pub(crate) fn hold(
        &self,
        cells: Option<&Cells>,
        leases: Leases,
        Revision(since): Revision,
    ) -> bool {
        self.everything.load(Ordering::SeqCst) <= since
            && cells.is_none_or(|cells| cells.hold(since, leases))
    }

    /// Notes a change of a name, also for those who will learn only later that they depend on it
    /// (coherence 1 and 10).
    pub(crate) fn change(&self, name: Subject) {
        let mut known = self.shard(name);
        let cell = known.cell(name);
        self.touch(&cell, name);
    }

    /// Notes a change of a name for those who hold it; nobody else can have read what it was before
    /// (coherence 2).
    pub(crate) fn announce(&self, name: Subject) {
        let known = self.shard(name);
        if let Some(cell) = known.get(name) {
            self.touch(cell, name);
        }
    }

    /// Notes that everything has changed.
    pub(crate) fn change_all(&self) {
        self.next_twice(|number| {
            self.everything.fetch_max(number, Ordering::SeqCst);
        });
        for shard in self.shards.iter() {
            shard.lock().cells.iter().for_each(|cell| {
                cell.see(0);
            });
        }
    }

    /// Notes what a generation was read to hold, asked for after `since`; another number than the last one, or
    /// none, is a change for those who hold the name (coherence 7).
    ///
    /// The server does not announce to a connection what ends under a command of that connection, and nobody
    /// changes what is not there: who holds the name would never hear of it again.
    pub(crate) fn saw(&self, name: Subject, read: Option<Generation>, Revision(since): Revision) {
        let known = self.shard(name);
        let Some(cell) = known.get(name).filter(|cell| cell.last() <= since) else {
            return;
        };
        let number = read.map_or(0, Generation::get);
        let seen = cell.see(number);
        if seen != 0 && seen != number {
            self.touch(cell, name);
            cell.see(number);
        }
    }

    /// Notes that this process has made a generation which was not there.
    ///
    /// Who asked before, and learns only now that there was none, has not found that it is gone.
    pub(crate) fn made(&self, name: Subject) {
        let known = self.shard(name);
        if let Some(cell) = known.get(name) {
            cell.made(self.next());
        }
    }

    /// Drops the cells of one part that nothing holds any more, and gives their room back; tells whether there
    /// is such a part.
    pub(crate) fn forget_unused(&self, part: usize) -> bool {
        let Some(shard) = self.shards.iter().nth(part) else { return false };
        let mut known = shard.lock();
        if known.cells.len() >= FIRST_SWEEP {
            known.drop_unused();
            let enough = known.sweep_at;
            known.cells.shrink_to(enough, |cell| cell.owner.hash());
        }
        true
    }

    /// Twice: who notes the present between a number and its store, and reads what it knows after that,
    /// would take what was known before for what is known since. The second number is above that present
    /// (coherence 2).
    fn next_twice(&self, note: impl Fn(u64)) {
        for _ in 0..2 {
            note(self.next());
        }
    }

    fn next(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn touch(&self, cell: &Cell, name: Subject) {
        self.next_twice(|number| cell.note(name, number));
        cell.see(0);
    }

    fn cell(&self, name: Subject) -> Arc<Cell> {
        self.shard(name).cell(name)
    }

    fn shard(&self, name: Subject) -> MutexGuard<'_, CellMap> {
        self.shards.of(name.owner().hash()).lock()
    }
}

impl Default for CellMap {
    fn default() -> Self {
        Self { cells: HashTable::new(), floor: 0, sweep_at: FIRST_SWEEP }
    }
}

impl CellMap {
    fn get(&self, name: Subject) -> Option<&Arc<Cell>> {
        let owner = name.owner();
        self.cells.find(owner.hash(), |cell| cell.owner == owner)
    }

    fn cell(&mut self, name: Subject) -> Arc<Cell> {
        if let Some(cell) = self.get(name) {
            return Arc::clone(cell);
        }
        self.sweep();
        let owner = name.owner();
        let cell = Arc::new(Cell::new(owner, self.floor));
        let new = Arc::clone(&cell);
        self.cells.insert_unique(owner.hash(), new, |cell| cell.owner.hash());
        cell
    }

    /// Drops the cells that nothing holds, once their number has doubled (coherence 2).
    fn sweep(&mut self) {
        if self.cells.len() >= self.sweep_at {
            self.drop_unused();
        }
    }

    fn drop_unused(&mut self) {
        let mut floor = self.floor;
        self.cells.retain(|cell| {
            let used = Arc::strong_count(cell) > 1;
            if !used {
                floor = floor.max(cell.last_changed());
            }
            used
        });
        self.floor = floor;
        self.sweep_at = FIRST_SWEEP.max(self.cells.len() * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::{Dependencies, FIRST_SWEEP, Generation, Revisions, SHARDS};

    fn dependencies(revisions: &Revisions, names: &[&str]) -> Dependencies {
        revisions.dependencies(names.iter().map(|name| revisions.name(name)), revisions.now())
    }

    #[test]
    fn dependencies_hold_until_one_of_its_names_or_everything_changes() {
        let revisions = Revisions::new();
        let (one, two) = (dependencies(&revisions, &["a"]), dependencies(&revisions, &["a", "b"]));
        revisions.change(revisions.name("b"));
        assert!(revisions.holds(&one));
        assert!(!revisions.holds(&two));
        revisions.change_all();
        assert!(!revisions.holds(&one));
        assert!(revisions.holds(&dependencies(&revisions, &["a", "b"])));
    }

    #[test]
    fn a_change_during_a_load_that_did_not_know_the_name_counts() {
        let revisions = Revisions::new();
        let before = revisions.now();
        revisions.change(revisions.name("late"));
        assert!(!revisions.holds(&revisions.dependencies([revisions.name("late")], before)));
    }

    #[test]
    fn an_announcement_counts_for_those_who_hold_the_name() {
        let revisions = Revisions::new();
        let held = dependencies(&revisions, &["a"]);
        let before = revisions.now();
        revisions.announce(revisions.name("a"));
        revisions.announce(revisions.name("b"));
        assert!(!revisions.holds(&held));
        assert!(revisions.holds(&revisions.dependencies([revisions.name("b")], before)));
    }

    #[test]
    fn a_change_of_a_lease_counts_for_who_depends_on_it_also_after_its_cell_was_dropped() {
        const ENTRY: &str = "shop:{k:a}";
        const LEASE: &str = "shop:{k:a}:l";
        let revisions = Revisions::new();
        let read = |since| revisions.dependencies([revisions.name(ENTRY)], since);
        let loaded =
            |since| revisions.dependencies([ENTRY, LEASE].map(|name| revisions.name(name)), since);
        let (since, other) = (revisions.now(), dependencies(&revisions, &["shop:{k:b}:l"]));
        let (one, two) = (read(since), loaded(since));
        assert_eq!((one.cells.len(), two.cells.len()), (1, 1), "they share a cell");
        revisions.announce(revisions.name(LEASE));
        assert!(revisions.holds(&one), "it was read, whoever loads");
        assert!(!revisions.holds(&two));
        assert!(revisions.holds(&other));
        let again = loaded(revisions.now());
        revisions.announce(revisions.name(ENTRY));
        assert!(!revisions.holds(&one) && !revisions.holds(&again));
        let since = revisions.now();
        revisions.announce(revisions.name(LEASE));
        drop((one, two, again));
        for number in 0..2 * SHARDS * FIRST_SWEEP {
            // Held for a moment, and unchanged: the floor is that of the lease.
            drop(dependencies(&revisions, &[&format!("other {number}")]));
        }
        assert!(!revisions.holds(&loaded(since)));
    }

    #[test]
    fn another_number_than_the_last_one_is_a_change_whether_it_was_heard_of_or_not() {
        let (revisions, one, two) = (Revisions::new(), Generation::new(1), Generation::new(2));
        let name = revisions.name("tag");
        for (seen, then, holds) in [
            (Some(one), Some(one), true),
            (Some(one), Some(two), false),
            (Some(one), None, false),
            (None, Some(one), true),
            (None, None, true),
        ] {
            let held = dependencies(&revisions, &["tag"]);
            revisions.saw(name, seen, revisions.now());
            revisions.saw(name, then, revisions.now());
            assert_eq!(revisions.holds(&held), holds, "{seen:?}, then {then:?}");
            revisions.announce(name);
        }
    }

    #[test]
    fn what_was_asked_for_before_a_generation_was_made_here_does_not_tell_that_it_is_gone() {
        let (revisions, one) = (Revisions::new(), Generation::new(1));
        let (name, before) = (revisions.name("tag"), revisions.now());
        let load = dependencies(&revisions, &["tag"]);
        revisions.saw(name, None, before);
        revisions.saw(name, Some(one), before);
        revisions.made(name);
        revisions.saw(name, None, before);
        assert!(revisions.holds(&load), "that is an older answer, and no other change");
        revisions.saw(name, None, revisions.now());
        assert!(!revisions.holds(&load));
    }

    #[test]
    fn what_was_asked_for_before_a_change_was_heard_of_is_no_other_change() {
        let (revisions, one, two) = (Revisions::new(), Generation::new(1), Generation::new(2));
        let (name, before) = (revisions.name("tag"), revisions.now());
        let _held = dependencies(&revisions, &["tag"]);
        revisions.saw(name, Some(one), before);
        revisions.announce(name);
        let later = dependencies(&revisions, &["tag"]);
        revisions.saw(name, Some(one), before);
        revisions.saw(name, Some(two), revisions.now());
        assert!(revisions.holds(&later), "the new number belongs to the change that was heard of");
        revisions.change_all();
        let later = dependencies(&revisions, &["tag"]);
        revisions.saw(name, Some(one), revisions.now());
        assert!(
            revisions.holds(&later),
            "so does that of what was created after everything was lost"
        );
    }

    #[test]
    fn a_dropped_cell_is_not_forgotten() {
        let revisions = Revisions::new();
        let before = revisions.now();
        revisions.change(revisions.name("late"));
        for number in 0..2 * SHARDS * FIRST_SWEEP {
            revisions.change(revisions.name(&format!("other {number}")));
        }
        let known: usize = revisions.shards.iter().map(|shard| shard.lock().cells.len()).sum();
        assert!(known <= SHARDS * (FIRST_SWEEP + 1));
        assert!(!revisions.holds(&revisions.dependencies([revisions.name("late")], before)));
    }

    #[test]
    fn cells_that_nobody_holds_any_more_give_their_room_back() {
        let revisions = Revisions::new();
        let before = revisions.now();
        let room = || -> usize {
            revisions.shards.iter().map(|shard| shard.lock().cells.capacity()).sum()
        };
        let names: Vec<_> = (0..20_000).map(|number| number.to_string()).collect();
        let held: Vec<_> = names.iter().map(|name| dependencies(&revisions, &[name])).collect();
        revisions.change(revisions.name("7"));
        assert!(
            (0..=SHARDS)
                .map(|part| revisions.forget_unused(part))
                .eq((0..=SHARDS).map(|part| part < SHARDS))
        );
        assert!(room() >= held.len(), "they are held");
        drop(held);
        assert!(
            (0..=SHARDS)
                .map(|part| revisions.forget_unused(part))
                .eq((0..=SHARDS).map(|part| part < SHARDS))
        );
        assert!(room() <= SHARDS * 4 * FIRST_SWEEP, "room for {}", room());
        assert!(!revisions.holds(&revisions.dependencies([revisions.name("7")], before)));
    }
}
