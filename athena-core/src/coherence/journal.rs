//! Invalidations that have not reached the backend.
//!
//! Invariant: nothing that is kept here is read from the backend before it was replayed; and only the
//! backend's acknowledgement removes it.

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
    /// The generation that changes with every tag.
    AnyTag,
    /// The generation of the namespace, in one place of a store that has several.
    Namespace(Option<Box<str>>),
}

/// Keeps what waits, newest per target, bounded.
#[derive(Debug)]
pub(crate) struct Journal {
    pending: Mutex<Pending>,
    depth: AtomicUsize,
    limit: usize,
    /// What stands for everything; exempt from the limit.
    everything: Vec<Target>,
}

#[derive(Debug, Default)]
struct Pending {
    targets: HashMap<Target, u64, foldhash::fast::RandomState>,
    counter: u64,
}

/// What was pending at one moment.
#[derive(Debug, Default)]
pub(crate) struct Batch(Vec<(Target, u64)>);

impl Batch {
    pub(crate) fn targets(&self) -> impl Iterator<Item = &Target> {
        self.0.iter().map(|(target, _)| target)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The part of it that a test holds for.
    pub(crate) fn only(mut self, holds: impl Fn(&Target) -> bool) -> Self {
        self.0.retain(|(target, _)| holds(target));
        self
    }

    /// The batch in parts of at most `most` targets.
    pub(crate) fn parts(mut self, most: usize) -> impl Iterator<Item = Self> {
        std::iter::from_fn(move || {
            let rest = self.0.split_off(self.0.len().min(most));
            let part = Self(std::mem::replace(&mut self.0, rest));
            (part.len() > 0).then_some(part)
        })
    }
}

impl Journal {
    /// Keeps up to `limit` targets, and `everything` in their place when there are more.
    pub(crate) fn new(limit: usize, everything: Vec<Target>) -> Self {
        let depth = AtomicUsize::new(0);
        Self { pending: Mutex::default(), depth, limit: limit.max(1), everything }
    }

    /// Keeps a target; at the limit, a change of the namespace stands for all of them.
    pub(crate) fn keep(&self, target: Target) {
        let mut pending = self.lock();
        pending.counter += 1;
        let number = pending.counter;
        let has_place = pending.targets.len() < self.limit
            || pending.targets.contains_key(&target)
            || target == Target::AnyTag
            || self.everything.contains(&target);
        if has_place {
            pending.targets.insert(target, number);
        } else {
            pending.targets.clear();
            pending.targets.extend(self.everything.iter().map(|it| (it.clone(), number)));
        }
        self.note_depth(&pending);
    }

    /// How many invalidations wait.
    pub(crate) fn depth(&self) -> usize {
        self.depth.load(Ordering::SeqCst)
    }

    /// Whether a target waits.
    pub(crate) fn holds(&self, target: &Target) -> bool {
        self.depth() > 0 && self.lock().targets.contains_key(target)
    }

    /// What is pending now and concerns a node.
    pub(crate) fn batch(&self, concerns: impl Fn(&Target) -> bool) -> Batch {
        if self.depth() == 0 {
            return Batch::default();
        }
        let pending = self.lock();
        let chosen = pending.targets.iter().filter(|(target, _)| concerns(target));
        Batch(chosen.map(|(target, number)| (target.clone(), *number)).collect())
    }

    /// Forgets a batch that the backend acknowledged, but not what was kept again since.
    pub(crate) fn acknowledge(&self, batch: &Batch) {
        let mut pending = self.lock();
        for (target, number) in &batch.0 {
            if pending.targets.get(target) == Some(number) {
                pending.targets.remove(target);
            }
        }
        self.note_depth(&pending);
    }

    /// The change of all tags goes with a tag, and is none of its own unless it is left over.
    fn note_depth(&self, pending: &Pending) {
        let beside = usize::from(pending.targets.contains_key(&Target::AnyTag));
        let all = pending.targets.len();
        self.depth.store((all - beside).max(beside), Ordering::SeqCst);
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
        let journal = Journal::new(10, vec![Target::Namespace(None)]);
        journal.keep(target("a"));
        journal.keep(target("b"));
        let batch = journal.batch(|_| true);
        journal.keep(target("b"));
        journal.acknowledge(&batch);
        let left: Vec<_> = journal.batch(|_| true).targets().cloned().collect();
        assert_eq!(left, [target("b")]);
    }

    #[test]
    fn a_batch_is_taken_in_parts() {
        let journal = Journal::new(10, vec![Target::Namespace(None)]);
        for name in ["a", "b", "c", "d", "e"] {
            journal.keep(target(name));
        }
        let parts: Vec<_> = journal.batch(|_| true).parts(2).collect();
        assert_eq!(parts.iter().map(super::Batch::len).collect::<Vec<_>>(), [2, 2, 1]);
        journal.acknowledge(&parts[1]);
        assert_eq!(journal.depth(), 3);
    }

    #[test]
    fn the_change_of_all_tags_counts_only_when_it_is_left_over() {
        let journal = Journal::new(10, vec![Target::Namespace(None)]);
        journal.keep(Target::AnyTag);
        journal.keep(target("a"));
        assert_eq!(journal.depth(), 1);
        journal.acknowledge(&journal.batch(|it| *it == target("a")));
        assert_eq!(journal.depth(), 1);
        journal.acknowledge(&journal.batch(|_| true));
        assert_eq!(journal.depth(), 0);
    }

    #[test]
    fn too_many_become_one_change_of_the_namespace() {
        let journal = Journal::new(2, vec![Target::Namespace(None)]);
        for name in ["a", "b", "a", "c"] {
            journal.keep(target(name));
        }
        let left: Vec<_> = journal.batch(|_| true).targets().cloned().collect();
        assert_eq!(left, [Target::Namespace(None)]);
        assert_eq!(journal.depth(), 1);
    }
}
