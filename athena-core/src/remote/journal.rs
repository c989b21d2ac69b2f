//! Invalidations that have not reached the backend.
//!
//! Invariant: nothing is read from a node before what is kept here for it was replayed; and only the
//! backend's acknowledgement removes it.

use std::collections::HashMap;
use std::sync::MutexGuard;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::backend::Node;
use crate::clock::Tick;
use crate::key::name::EntryName;
use crate::lock::Mutex;
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
    /// The generation of the namespace, in one partition of a store that has several.
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
    targets: HashMap<Target, Kept, foldhash::fast::RandomState>,
    /// Whom something waits for, and how much of it.
    nodes: HashMap<Node, usize, foldhash::fast::RandomState>,
    /// Tags that are to be changed once more after [`Target::AnyTag`], which waits.
    repeated: HashMap<Target, Kept, foldhash::fast::RandomState>,
    counter: u64,
}

/// Which of several equal targets, whom it waits for, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kept {
    number: u64,
    node: Node,
    since: Tick,
}

impl Pending {
    /// Numbers a target that waits for a node from now on.
    fn number(&mut self, node: Node, since: Tick) -> Kept {
        self.counter += 1;
        Kept { number: self.counter, node, since }
    }

    /// How many targets there are, of those that are bounded.
    fn count(&self) -> usize {
        self.targets.len() + self.repeated.len()
    }

    fn put(&mut self, target: Target, mut kept: Kept) {
        if let Some(former) = self.targets.get(&target) {
            kept.since = former.since;
        }
        self.take(&target);
        *self.nodes.entry(kept.node).or_default() += 1;
        self.targets.insert(target, kept);
    }

    fn take(&mut self, target: &Target) {
        if let Some(kept) = self.targets.remove(target)
            && let Some(count) = self.nodes.get_mut(&kept.node)
        {
            *count -= 1;
            if *count == 0 {
                self.nodes.remove(&kept.node);
            }
        }
    }

    /// Lets everything go, but not the numbers that were given out.
    fn clear(&mut self) {
        *self = Self { counter: self.counter, ..Self::default() };
    }
}

/// What was pending at one moment.
#[derive(Debug, Default)]
pub(crate) struct Replay(Vec<(Target, Kept)>);

impl Replay {
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

    /// Keeps a target for its node; at the limit, a change of the namespace stands for all of them
    /// (coherence 9).
    pub(crate) fn keep(&self, target: Target, now: Tick, node_of: impl Fn(&Target) -> Node) {
        let mut pending = self.lock();
        let has_room = pending.count() < self.limit
            || pending.targets.contains_key(&target)
            || target == Target::AnyTag
            || self.everything.contains(&target);
        let kept = if has_room { vec![target] } else { self.everything.clone() };
        if !has_room {
            pending.clear();
        }
        for target in kept {
            let kept = pending.number(node_of(&target), now);
            pending.put(target, kept);
        }
        self.note_depth(&pending);
    }

    /// Has tags that arrived before [`Target::AnyTag`] changed once more when that has arrived
    /// (coherence 10b).
    ///
    /// A load that learns its tags only from its value may have stored it in between: it saw the new
    /// generation of the tag, and that no tag had changed since it began.
    pub(crate) fn repeat<'t>(
        &self,
        tags: impl Iterator<Item = &'t Target>,
        now: Tick,
        node_of: impl Fn(&Target) -> Node,
    ) {
        for tag in tags {
            // Otherwise it has arrived meanwhile, or there are too many.
            if !self.repeat_later(tag, now, node_of(tag)) {
                self.keep(tag.clone(), now, &node_of);
            }
        }
    }

    /// Keeps a tag until [`Target::AnyTag`] has arrived, if that waits and there is room.
    fn repeat_later(&self, tag: &Target, now: Tick, node: Node) -> bool {
        let mut pending = self.lock();
        let waits = pending.targets.contains_key(&Target::AnyTag);
        if !waits || pending.count() >= self.limit {
            return false;
        }
        let kept = pending.number(node, now);
        pending.repeated.insert(tag.clone(), kept);
        true
    }

    /// How many invalidations wait.
    pub(crate) fn depth(&self) -> usize {
        self.depth.load(Ordering::SeqCst)
    }

    /// When the one that has waited longest was issued.
    pub(crate) fn oldest(&self) -> Option<Tick> {
        if self.depth() == 0 {
            return None;
        }
        self.lock().targets.values().map(|kept| kept.since).min()
    }

    /// Whether a target waits.
    pub(crate) fn holds(&self, target: &Target) -> bool {
        self.depth() > 0 && self.lock().targets.contains_key(target)
    }

    /// Whether a target waits, or everything does.
    pub(crate) fn awaits(&self, target: &Target) -> bool {
        self.depth() > 0 && {
            let pending = self.lock();
            let waits = |target| pending.targets.contains_key(target);
            waits(target) || self.everything.iter().any(waits)
        }
    }

    /// Whether anything waits for a node.
    pub(crate) fn waits_for(&self, node: Node) -> bool {
        self.depth() > 0 && self.lock().nodes.contains_key(&node)
    }

    /// What is pending now for a node, whom its names belong to by now.
    pub(crate) fn batch(&self, node: Node, node_of: impl Fn(&Target) -> Node) -> Replay {
        let mut batch = Replay::default();
        if self.depth() == 0 {
            return batch;
        }
        let mut pending = self.lock();
        let Pending { targets, nodes, .. } = &mut *pending;
        nodes.clear();
        for (target, kept) in targets {
            kept.node = node_of(target);
            *nodes.entry(kept.node).or_default() += 1;
            if kept.node == node {
                batch.0.push((target.clone(), *kept));
            }
        }
        batch
    }

    /// Forgets a batch that the backend acknowledged, but not what was kept again since (coherence 9).
    pub(crate) fn acknowledge(&self, batch: &Replay) {
        let mut pending = self.lock();
        for (target, kept) in &batch.0 {
            if pending.targets.get(target).is_some_and(|it| it.number == kept.number) {
                pending.take(target);
                if *target == Target::AnyTag {
                    for (tag, kept) in std::mem::take(&mut pending.repeated) {
                        pending.put(tag, kept);
                    }
                }
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
        self.pending.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::{Journal, Replay, Target};
    use crate::backend::Node;
    use crate::clock::Tick;
    use crate::tag::Tag;

    fn target(name: &str) -> Target {
        Target::Tag(Tag::new(name))
    }

    fn keep(journal: &Journal, target: Target) {
        journal.keep(target, Tick::default(), |_| Node::ONLY);
    }

    fn all(journal: &Journal) -> Replay {
        journal.batch(Node::ONLY, |_| Node::ONLY)
    }

    #[test]
    fn what_waits_is_known_by_its_node_and_moves_with_its_name() {
        let journal = Journal::new(10, vec![Target::Namespace(None)]);
        let (one, two) = (Node::new(1), Node::new(2));
        journal.keep(target("a"), Tick::default(), |_| one);
        journal.keep(target("a"), Tick::default(), |_| one);
        assert!(journal.waits_for(one) && !journal.waits_for(two));
        assert!(journal.holds(&target("a")) && !journal.holds(&target("b")));
        assert_eq!(journal.batch(one, |_| two).len(), 0);
        assert!(journal.waits_for(two) && !journal.waits_for(one));
        journal.acknowledge(&journal.batch(two, |_| two));
        assert!(!journal.waits_for(two));
    }

    #[test]
    fn only_what_was_acknowledged_is_forgotten() {
        let journal = Journal::new(10, vec![Target::Namespace(None)]);
        keep(&journal, target("a"));
        keep(&journal, target("b"));
        let batch = all(&journal);
        keep(&journal, target("b"));
        journal.acknowledge(&batch);
        let left: Vec<_> = all(&journal).targets().cloned().collect();
        assert_eq!(left, [target("b")]);
    }

    #[test]
    fn the_oldest_is_the_one_that_was_kept_first_and_not_acknowledged() {
        let journal = Journal::new(10, vec![Target::Namespace(None)]);
        assert_eq!(journal.oldest(), None);
        for (name, at) in [("a", 5), ("b", 7), ("a", 9)] {
            journal.keep(target(name), Tick::from_millis(at), |_| Node::ONLY);
        }
        assert_eq!(journal.oldest(), Some(Tick::from_millis(5)));
        journal.acknowledge(&all(&journal).only(|it| *it == target("a")));
        assert_eq!(journal.oldest(), Some(Tick::from_millis(7)));
    }

    #[test]
    fn a_batch_is_taken_in_parts() {
        let journal = Journal::new(10, vec![Target::Namespace(None)]);
        for name in ["a", "b", "c", "d", "e"] {
            keep(&journal, target(name));
        }
        let parts: Vec<_> = all(&journal).parts(2).collect();
        assert_eq!(parts.iter().map(Replay::len).collect::<Vec<_>>(), [2, 2, 1]);
        journal.acknowledge(&parts[1]);
        assert_eq!(journal.depth(), 3);
    }

    #[test]
    fn the_change_of_all_tags_counts_only_when_it_is_left_over() {
        let journal = Journal::new(10, vec![Target::Namespace(None)]);
        keep(&journal, Target::AnyTag);
        keep(&journal, target("a"));
        assert_eq!(journal.depth(), 1);
        journal.acknowledge(&all(&journal).only(|it| *it == target("a")));
        assert_eq!(journal.depth(), 1);
        journal.acknowledge(&all(&journal));
        assert_eq!(journal.depth(), 0);
    }

    #[test]
    fn tags_that_arrived_before_the_change_of_all_tags_follow_it_once_more() {
        let journal = Journal::new(3, vec![Target::Namespace(None)]);
        let repeat = |name: &str| {
            journal.repeat([&target(name)].into_iter(), Tick::default(), |_| Node::ONLY);
        };
        keep(&journal, Target::AnyTag);
        repeat("a");
        assert_eq!((journal.depth(), journal.holds(&target("a"))), (1, false));
        journal.acknowledge(&all(&journal));
        assert!(journal.holds(&target("a")));
        repeat("b");
        assert!(journal.holds(&target("b")), "there is nothing to wait for");
        journal.acknowledge(&all(&journal));
        assert_eq!(journal.depth(), 0);

        keep(&journal, Target::AnyTag);
        ["a", "b", "c"].into_iter().for_each(repeat);
        let left: Vec<_> = all(&journal).targets().cloned().collect();
        assert_eq!(left, [Target::Namespace(None)], "they are bounded, too");
    }

    #[test]
    fn too_many_become_one_change_of_the_namespace() {
        let journal = Journal::new(2, vec![Target::Namespace(None)]);
        for name in ["a", "b", "a", "c"] {
            keep(&journal, target(name));
        }
        let left: Vec<_> = all(&journal).targets().cloned().collect();
        assert_eq!(left, [Target::Namespace(None)]);
        assert_eq!(journal.depth(), 1);
    }
}
