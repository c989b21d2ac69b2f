//! When each tag was last invalidated, as this process counts.
//!
//! Invalidations are numbered. An entry notes the number that was current before its load began, and
//! holds the cells of its tags; it is valid while no cell shows a later number. Invalidating a tag is
//! one store, whatever the tag covers.
//!
//! Invariant: a cell that was dropped is remembered in `floor`, so that a tag which comes back is
//! never taken for one that was not invalidated.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::tag::{Tag, Tags};

/// A point in the order of invalidations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

/// When one tag was last invalidated.
#[derive(Debug)]
pub(crate) struct Cell(AtomicU64);

impl Cell {
    fn changed(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// The tags of an entry or a flight, with the moment before its load.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    since: Moment,
    cells: Box<[Arc<Cell>]>,
}

impl Mark {
    pub(crate) fn since(&self) -> Moment {
        self.since
    }

    /// Whether this mark has tags beyond those of `other`, which it includes.
    pub(crate) fn knows_more_than(&self, other: &Self) -> bool {
        self.cells.len() > other.cells.len()
    }
}

/// The cells of a cache.
#[derive(Debug)]
pub(crate) struct Cells {
    sequence: AtomicU64,
    namespace: Cell,
    tags: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    cells: HashMap<Tag, Arc<Cell>, foldhash::fast::RandomState>,
    /// Latest change of any cell that was dropped.
    floor: u64,
    /// How many cells to hold before looking for unused ones.
    sweep_at: usize,
}

const FIRST_SWEEP: usize = 1_024;

impl Cells {
    pub(crate) fn new() -> Self {
        Self {
            sequence: AtomicU64::new(0),
            namespace: Cell(AtomicU64::new(0)),
            tags: Mutex::new(Known { cells: HashMap::default(), floor: 0, sweep_at: FIRST_SWEEP }),
        }
    }

    /// The present, to be noted before a load begins.
    pub(crate) fn now(&self) -> Moment {
        Moment(self.sequence.load(Ordering::SeqCst))
    }

    /// Ties `tags` to a moment that was noted before the load.
    pub(crate) fn mark(&self, tags: &Tags, since: Moment) -> Mark {
        if tags.is_empty() {
            return Mark { since, cells: Box::default() };
        }
        let mut known = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
        let cells = tags.iter().map(|tag| known.cell(tag)).collect();
        Mark { since, cells }
    }

    /// Whether nothing that the mark depends on was invalidated since.
    pub(crate) fn holds(&self, mark: &Mark) -> bool {
        let since = mark.since.0;
        self.namespace.changed() <= since && mark.cells.iter().all(|cell| cell.changed() <= since)
    }

    pub(crate) fn invalidate_tag(&self, tag: &Tag) {
        let mut known = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = known.cell(tag);
        cell.0.fetch_max(self.next(), Ordering::SeqCst);
    }

    pub(crate) fn invalidate_all(&self) {
        self.namespace.0.fetch_max(self.next(), Ordering::SeqCst);
    }

    fn next(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::SeqCst) + 1
    }
}

impl Known {
    fn cell(&mut self, tag: &Tag) -> Arc<Cell> {
        if let Some(cell) = self.cells.get(tag) {
            return Arc::clone(cell);
        }
        self.sweep();
        let cell = Arc::new(Cell(AtomicU64::new(self.floor)));
        self.cells.insert(tag.clone(), Arc::clone(&cell));
        cell
    }

    /// Drops the cells that no entry holds, once their number has doubled.
    fn sweep(&mut self) {
        if self.cells.len() < self.sweep_at {
            return;
        }
        let mut floor = self.floor;
        self.cells.retain(|_, cell| {
            let used = Arc::strong_count(cell) > 1;
            if !used {
                floor = floor.max(cell.changed());
            }
            used
        });
        self.floor = floor;
        self.sweep_at = FIRST_SWEEP.max(self.cells.len() * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::{Cells, FIRST_SWEEP};
    use crate::tag::{Tag, Tags};

    fn tags(names: &[&str]) -> Tags {
        let mut tags = Tags::default();
        for name in names {
            tags.add(Tag::new(*name));
        }
        tags
    }

    #[test]
    fn a_mark_holds_until_one_of_its_tags_or_everything_is_invalidated() {
        let cells = Cells::new();
        let mark = |names: &[&str]| cells.mark(&tags(names), cells.now());
        let (one, two) = (mark(&["a"]), mark(&["a", "b"]));
        cells.invalidate_tag(&Tag::new("b"));
        assert!(cells.holds(&one));
        assert!(!cells.holds(&two));
        cells.invalidate_all();
        assert!(!cells.holds(&one));
        assert!(cells.holds(&mark(&["a", "b"])));
    }

    #[test]
    fn a_tag_invalidated_during_a_load_that_did_not_know_it_counts() {
        let cells = Cells::new();
        let before = cells.now();
        cells.invalidate_tag(&Tag::new("late"));
        assert!(!cells.holds(&cells.mark(&tags(&["late"]), before)));
    }

    #[test]
    fn a_dropped_cell_is_not_forgotten() {
        let cells = Cells::new();
        let before = cells.now();
        cells.invalidate_tag(&Tag::new("late"));
        for number in 0..2 * FIRST_SWEEP {
            cells.invalidate_tag(&Tag::new(format!("other {number}")));
        }
        assert!(cells.tags.lock().unwrap().cells.len() <= FIRST_SWEEP + 1);
        assert!(!cells.holds(&cells.mark(&tags(&["late"]), before)));
    }
}
