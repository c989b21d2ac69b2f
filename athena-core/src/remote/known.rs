//! Generations that need not be read again, because their changes are announced.
//!
//! Invariant: what is answered was read over a line that is trusted still, and nothing has announced
//! since before that reading that it has changed.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::clock::Tick;
use crate::coherence::revision::{Cells, Mark, Name};
use crate::coherence::trust::Line;
use crate::envelope::Stamp;

/// The generations known to a cache.
#[derive(Debug, Default)]
pub(crate) struct Known {
    facts: RwLock<HashMap<Name, Fact, foldhash::fast::RandomState>>,
}

/// A generation, and what keeps it true.
#[derive(Debug, Clone)]
struct Fact {
    stamp: Stamp,
    mark: Mark,
    line: Arc<Line>,
}

/// So many are kept; beyond it all are read again.
const MOST: usize = 50_000;

impl Known {
    /// A generation as it holds now, and what announces its changes; `None` if it must be read.
    pub(crate) fn get(&self, name: Name, cells: &Cells, now: Tick) -> Option<(Stamp, Arc<Line>)> {
        let facts = self.facts.read().unwrap_or_else(PoisonError::into_inner);
        let Fact { stamp, mark, line } = facts.get(&name)?;
        (line.is_trusted(now) && cells.holds(mark)).then(|| (*stamp, Arc::clone(line)))
    }

    /// Keeps a generation that was read; `mark` is from before it was asked for.
    pub(crate) fn note(&self, name: Name, stamp: Stamp, mark: Mark, line: Arc<Line>) {
        let mut facts = self.facts.write().unwrap_or_else(PoisonError::into_inner);
        if facts.len() >= MOST && !facts.contains_key(&name) {
            facts.clear();
        }
        facts.insert(name, Fact { stamp, mark, line });
    }
}
