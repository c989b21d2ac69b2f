//! Generations that need not be read again, because their changes are announced.
//!
//! Invariant: what is answered was read over a session that is trusted still, and nothing has announced
//! since before that reading that it has changed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Tick;
use crate::coherence::revision::{Dependencies, Revisions, Subject};
use crate::coherence::session::Session;
use crate::envelope::Stamp;
use crate::lock::{Mutex, RwLock};

/// The generations known to a cache.
#[derive(Debug, Default)]
pub(crate) struct Known {
    facts: RwLock<HashMap<Subject, KnownFact, foldhash::fast::RandomState>>,
    /// When outdated ones were last looked for.
    looked: Mutex<Tick>,
}

/// What was read of a generation.
#[derive(Debug, Clone)]
pub(super) struct Sighting {
    /// `None` if there was none.
    pub(super) stamp: Option<Stamp>,
    /// When it may end by itself; `None` if that was not asked for.
    pub(super) until: Option<Tick>,
    pub(super) session: Arc<Session>,
}

/// The same, and what keeps it true.
#[derive(Debug)]
struct KnownFact {
    it: Sighting,
    dependencies: Dependencies,
}

impl KnownFact {
    fn holds(&self, revisions: &Revisions, now: Tick) -> bool {
        self.it.session.is_trusted(now) && revisions.holds(&self.dependencies)
    }
}

/// So many are kept; beyond it all are read again.
const MOST: usize = 50_000;

/// How often to look for outdated ones.
const PERIOD: Duration = Duration::from_secs(30);

impl Known {
    /// What was read of a generation and still holds; `None` if it must be read (coherence 4 and 7).
    pub(super) fn get(&self, name: Subject, revisions: &Revisions, now: Tick) -> Option<Sighting> {
        let facts = self.facts.read();
        facts.get(&name).filter(|fact| fact.holds(revisions, now)).map(|fact| fact.it.clone())
    }

    /// Keeps what was read of a generation; `dependencies` are from before it was asked for (coherence 2).
    pub(super) fn note(&self, name: Subject, it: Sighting, dependencies: Dependencies) {
        let mut facts = self.facts.write();
        if facts.len() >= MOST && !facts.contains_key(&name) {
            facts.clear();
        }
        let former = facts.get(&name).filter(|former| former.it.stamp == it.stamp);
        // A number is created once, and nobody shortens its life.
        let until = former.and_then(|former| former.it.until).max(it.until);
        facts.insert(name, KnownFact { it: Sighting { until, ..it }, dependencies });
    }

    /// Drops what was kept of a generation, since something else was read that is not kept.
    pub(crate) fn forget(&self, name: Subject) {
        if self.facts.read().contains_key(&name) {
            self.facts.write().remove(&name);
        }
    }

    /// Drops what has changed or is not trusted any more, from time to time; each holds cells.
    pub(crate) fn forget_outdated(&self, revisions: &Revisions, now: Tick) {
        {
            let mut looked = self.looked.lock();
            if now.since(*looked) < PERIOD {
                return;
            }
            *looked = now;
        }
        let is_outdated = |fact: &KnownFact| !fact.holds(revisions, now);
        // Nobody who reads waits while all of them are looked at.
        let facts = self.facts.read();
        let found = facts.iter().filter(|(_, fact)| is_outdated(fact));
        let outdated: Vec<_> = found.map(|(name, _)| *name).collect();
        drop(facts);
        if outdated.is_empty() {
            return;
        }
        let mut facts = self.facts.write();
        for name in outdated {
            if facts.get(&name).is_some_and(is_outdated) {
                facts.remove(&name);
            }
        }
        let enough = 2 * facts.len();
        facts.shrink_to(enough);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Generation, Node, Proof};
    use crate::coherence::guards::Guards;
    use crate::coherence::session::Sessions;

    #[test]
    fn what_has_changed_or_is_not_trusted_any_more_is_forgotten() {
        const WINDOW: Duration = Duration::from_secs(100);
        let (known, revisions) = (Known::default(), Revisions::new());
        let sessions = Sessions::new(WINDOW, Guards::default());
        let now = Tick::from_millis(1_000_000);
        let proof = Proof { epoch: 1, history: 7, tracks: true, lag: Duration::ZERO };
        let incarnation = sessions.incarnation(Node::ONLY);
        let session = sessions.of(Node::ONLY, incarnation, &proof, now);
        let names: Vec<_> = (0..1_000).map(|it| revisions.name(&it.to_string())).collect();
        for name in &names {
            let (stamp, since) =
                (Stamp { generation: Generation::new(1), history: 7 }, revisions.now());
            let dependencies = revisions.dependencies([*name], since);
            let session = Arc::clone(&session);
            known.note(*name, Sighting { stamp: Some(stamp), until: None, session }, dependencies);
        }
        let left = || known.facts.read().len();
        known.forget_outdated(&revisions, now);
        assert_eq!(left(), 1_000);
        names.iter().take(600).for_each(|name| revisions.announce(*name));
        known.forget_outdated(&revisions, now.after(PERIOD / 2));
        assert_eq!(left(), 1_000, "not yet");
        known.forget_outdated(&revisions, now.after(PERIOD));
        assert_eq!(left(), 400);
        assert!(known.get(names[999], &revisions, now.after(PERIOD)).is_some());
        known.forget_outdated(&revisions, now.after(WINDOW));
        assert_eq!(left(), 0);
        assert!(known.facts.read().capacity() < 100);
    }
}
