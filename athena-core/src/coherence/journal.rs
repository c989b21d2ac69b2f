//! Invalidations that have not reached the backend.
//!
//! Invariant: while anything is kept here, nothing is read from the backend before it was replayed;
//! and only the backend's acknowledgement removes it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::key::name::EntryName;
use crate::tag::Tag;

/// What has to be invalidated in the backend.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    /// An entry: its values and its lease.
    Entry(EntryName),
    /// The generation of a tag.
    Tag(Tag),
    /// The generation of the namespace: everything.
    Namespace,
}

/// Keeps what waits, newest per target, bounded.
#[derive(Debug)]
pub(crate) struct Journal {
    pending: Mutex<Pending>,
    depth: AtomicUsize,
    limit: usize,
}

#[derive(Debug, Default)]
struct Pending {
    targets: HashMap<Target, u64, foldhash::fast::RandomState>,
    counter: u64,
}

/// What was pending at one moment.
#[derive(Debug)]
pub(crate) struct Batch(Vec<(Target, u64)>);

impl Batch {
    pub(crate) fn targets(&self) -> impl Iterator<Item = &Target> {
        self.0.iter().map(|(target, _)| target)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Journal {
    pub(crate) fn new(limit: usize) -> Self {
        Self { pending: Mutex::default(), depth: AtomicUsize::new(0), limit: limit.max(1) }
    }

    /// Keeps a target; at the limit, one change of the namespace stands for all of them.
    pub(crate) fn keep(&self, target: Target) {
        let mut pending = self.lock();
        pending.counter += 1;
        let number = pending.counter;
        if pending.targets.len() >= self.limit && !pending.targets.contains_key(&target) {
            pending.targets.clear();
            pending.targets.insert(Target::Namespace, number);
        } else {
            pending.targets.insert(target, number);
        }
        self.depth.store(pending.targets.len(), Ordering::SeqCst);
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth.load(Ordering::SeqCst)
    }

    /// What is pending now; `None` if nothing is.
    pub(crate) fn batch(&self) -> Option<Batch> {
        if self.depth() == 0 {
            return None;
        }
        let pending = self.lock();
        Some(Batch(
            pending.targets.iter().map(|(target, number)| (target.clone(), *number)).collect(),
        ))
    }

    /// Forgets a batch that the backend acknowledged, but not what was kept again since.
    pub(crate) fn acknowledge(&self, batch: &Batch) {
        let mut pending = self.lock();
        for (target, number) in &batch.0 {
            if pending.targets.get(target) == Some(number) {
                pending.targets.remove(target);
            }
        }
        self.depth.store(pending.targets.len(), Ordering::SeqCst);
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Journal, Target};
    use crate::tag::Tag;

    fn target(name: &str) -> Target {
        Target::Tag(Tag::new(name))
    }

    #[test]
    fn only_what_was_acknowledged_is_forgotten() {
        let journal = Journal::new(10);
        journal.keep(target("a"));
        journal.keep(target("b"));
        let batch = journal.batch().unwrap();
        journal.keep(target("b"));
        journal.acknowledge(&batch);
        let left: Vec<_> = journal.batch().unwrap().targets().cloned().collect();
        assert_eq!(left, [target("b")]);
    }

    #[test]
    fn too_many_become_one_change_of_the_namespace() {
        let journal = Journal::new(2);
        for name in ["a", "b", "a", "c"] {
            journal.keep(target(name));
        }
        let left: Vec<_> = journal.batch().unwrap().targets().cloned().collect();
        assert_eq!(left, [Target::Namespace]);
        assert_eq!(journal.depth(), 1);
    }
}
