//! Generations that need not be read again, because their changes are announced.
//!
//! Invariant: what is answered was read over a session that is trusted still, and nothing has announced
//! since before that reading that it has changed.

use std::collections::HashMap;
use std::sync::Arc;

use crate::clock::Tick;
use crate::coherence::revision::{Dependencies, Revisions, Subject};
use crate::coherence::session::Session;
use crate::envelope::Stamp;
use crate::lock::RwLock;

/// The generations known to a cache.
#[derive(Debug, Default)]
pub(crate) struct Known {
    facts: RwLock<HashMap<Subject, Fact, foldhash::fast::RandomState>>,
}

/// A generation, and what keeps it true.
#[derive(Debug, Clone)]
struct Fact {
    stamp: Stamp,
    dependencies: Dependencies,
    session: Arc<Session>,
}

/// So many are kept; beyond it all are read again.
const MOST: usize = 50_000;

impl Known {
    /// A generation as it holds now, and what announces its changes; `None` if it must be read
    /// (coherence 4 and 7).
    pub(crate) fn get(
        &self,
        name: Subject,
        revisions: &Revisions,
        now: Tick,
    ) -> Option<(Stamp, Arc<Session>)> {
        let facts = self.facts.read();
        let Fact { stamp, dependencies, session } = facts.get(&name)?;
        (session.is_trusted(now) && revisions.holds(dependencies))
            .then(|| (*stamp, Arc::clone(session)))
    }

    /// Keeps a generation that was read; `dependencies` are from before it was asked for (coherence 2).
    pub(crate) fn note(
        &self,
        name: Subject,
        stamp: Stamp,
        dependencies: Dependencies,
        session: Arc<Session>,
    ) {
        let mut facts = self.facts.write();
        if facts.len() >= MOST && !facts.contains_key(&name) {
            facts.clear();
        }
        facts.insert(name, Fact { stamp, dependencies, session });
    }
}
