//! Invalidations that the backend acknowledged lately.
//!
//! A store may forget what it acknowledged: the node that takes over from it has not received the last
//! writes, and a node that was replaced without our knowledge acknowledges in vain. So what was
//! acknowledged over one history is sent again to the next one.
//!
//! Invariant: what is asked for again was acknowledged over another history than the one that answers
//! now, or over one whose name is not known.

use std::collections::{HashMap, VecDeque};
use std::sync::MutexGuard;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::journal::Target;
use crate::backend::Node;
use crate::clock::Tick;
use crate::lock::Mutex;

/// How long after its acknowledgement an invalidation may be asked for again.
pub(crate) const MEMORY: Duration = Duration::from_secs(30);

/// Remembers acknowledged invalidations, newest per target, bounded.
#[derive(Debug)]
pub(crate) struct AcknowledgedLately {
    kept: Mutex<Remembered>,
    is_due: AtomicBool,
    /// Spares readers the lock where nobody invalidates.
    is_any: AtomicBool,
    limit: usize,
}

#[derive(Debug, Default)]
struct Remembered {
    targets: HashMap<Target, Acknowledged, foldhash::fast::RandomState>,
    /// In the order of acknowledgement; the newest of a target is the one that counts.
    order: VecDeque<(Tick, Target)>,
    /// When there were too many, last, and who had acknowledged them over which history; 0 if over
    /// several.
    overflowed: Option<(Tick, HashMap<Node, u64>)>,
    /// Nodes that have begun to serve, and their histories.
    due: Vec<(Node, u64)>,
}

#[derive(Debug, Clone, Copy)]
struct Acknowledged {
    at: Tick,
    node: Node,
    history: u64,
}

/// What is to be sent again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Resend {
    These(Vec<Target>),
    /// There were too many to remember.
    Everything,
}

impl AcknowledgedLately {
    pub(crate) fn new(limit: usize) -> Self {
        let [is_due, is_any] = [(); 2].map(|()| AtomicBool::new(false));
        Self { kept: Mutex::default(), is_due, is_any, limit: limit.max(1) }
    }

    /// Remembers targets that a node of this history acknowledged (coherence 9b).
    ///
    /// `confirmed` is when the node was last known for certain to be the one that serves: what was
    /// acknowledged since may have gone to a node that had been replaced, and is kept for longer.
    pub(crate) fn note(
        &self,
        node: Node,
        targets: &[Target],
        history: u64,
        at: Tick,
        confirmed: Tick,
    ) {
        self.is_any.store(true, Ordering::SeqCst);
        let mut kept = self.lock();
        kept.forget_before(confirmed.min(at).before(MEMORY));
        for target in targets {
            kept.targets.insert(target.clone(), Acknowledged { at, node, history });
            kept.order.push_back((at, target.clone()));
        }
        if kept.targets.len() > self.limit {
            kept.overflow(at);
        } else if kept.order.len() > self.limit.saturating_mul(2) {
            kept.compact();
        }
    }

    /// A node has begun to serve over a new connection.
    pub(crate) fn serves(&self, node: Node, history: u64) {
        self.lock().due.push((node, history));
        self.is_due.store(true, Ordering::SeqCst);
    }

    /// Whether some node has begun to serve since the last time.
    pub(crate) fn is_due(&self) -> bool {
        self.is_due.load(Ordering::SeqCst)
    }

    /// Whether a target was acknowledged over another history than the one that answers now (coherence 9b).
    pub(crate) fn contradicts(&self, target: &Target, history: u64) -> bool {
        self.lock().targets.get(target).is_some_and(|kept| kept.history != history)
    }

    /// Whether anything was ever acknowledged.
    pub(crate) fn is_any(&self) -> bool {
        self.is_any.load(Ordering::SeqCst)
    }

    /// What has to be sent again to the nodes that have begun to serve, for each of them (coherence 9b).
    pub(crate) fn take(&self, node_of: impl Fn(&Target) -> Node) -> Vec<(Node, Resend)> {
        let mut kept = self.lock();
        self.is_due.store(false, Ordering::SeqCst);
        let due = std::mem::take(&mut kept.due);
        due.into_iter().map(|(node, history)| (node, kept.again(node, history, &node_of))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.kept.lock()
    }
}

impl Remembered {
    fn forget_before(&mut self, oldest: Tick) {
        while let Some((at, _)) = self.order.front()
            && *at < oldest
            && let Some((at, target)) = self.order.pop_front()
        {
            if self.targets.get(&target).is_some_and(|kept| kept.at == at) {
                self.targets.remove(&target);
            }
        }
        self.overflowed.take_if(|(at, _)| *at < oldest);
    }

    /// Remembers no more than who acknowledged, and over which history.
    fn overflow(&mut self, at: Tick) {
        let (_, mut histories) = self.overflowed.take().unwrap_or_default();
        for (_, Acknowledged { node, history, .. }) in self.targets.drain() {
            let known = histories.entry(node).or_insert(history);
            if *known != history {
                *known = 0;
            }
        }
        self.order.clear();
        self.overflowed = Some((at, histories));
    }

    /// Drops what is in the order for the sake of targets that were acknowledged again since.
    fn compact(&mut self) {
        let Self { targets, order, .. } = self;
        order.retain(|(at, target)| targets.get(target).is_some_and(|kept| kept.at == *at));
    }

    fn again(&self, node: Node, history: u64, node_of: impl Fn(&Target) -> Node) -> Resend {
        if let Some((_, histories)) = &self.overflowed
            && (history == 0 || histories.get(&node) != Some(&history))
        {
            return Resend::Everything;
        }
        let is_elsewhere = |kept: &Acknowledged| kept.history == 0 || kept.history != history;
        let targets = self
            .targets
            .iter()
            .filter(|(target, kept)| is_elsewhere(kept) && node_of(target) == node);
        Resend::These(targets.map(|(target, _)| target.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag::Tag;

    fn target(name: &str) -> Target {
        Target::Tag(Tag::new(name))
    }

    fn at(seconds: u64) -> Tick {
        Tick::from_millis(1_000_000 + 1_000 * seconds)
    }

    fn again(acknowledged: &AcknowledgedLately, history: u64) -> Resend {
        acknowledged.serves(Node::ONLY, history);
        assert!(acknowledged.is_due());
        let mut all = acknowledged.take(|_| Node::ONLY);
        assert!(!acknowledged.is_due());
        assert_eq!(all.len(), 1);
        let (_, mut again) = all.remove(0);
        if let Resend::These(targets) = &mut again {
            targets.sort_by_key(|target| match target {
                Target::Tag(tag) => Some(tag.clone()),
                _ => None,
            });
        }
        again
    }

    #[test]
    fn what_another_history_acknowledged_is_sent_again() {
        let acknowledged = AcknowledgedLately::new(10);
        acknowledged.note(Node::ONLY, &[target("a")], 1, at(0), at(0));
        acknowledged.note(Node::ONLY, &[target("b")], 2, at(1), at(1));
        acknowledged.note(Node::ONLY, &[target("c")], 0, at(1), at(1));
        assert_eq!(again(&acknowledged, 2), Resend::These(vec![target("a"), target("c")]));
        assert_eq!(again(&acknowledged, 1), Resend::These(vec![target("b"), target("c")]));
        let contradicts = |name, history| acknowledged.contradicts(&target(name), history);
        assert!(contradicts("a", 2) && contradicts("a", 0) && contradicts("c", 2));
        assert!(!contradicts("a", 1) && !contradicts("b", 2) && !contradicts("d", 2));
        acknowledged.serves(Node::new(5), 3);
        assert_eq!(acknowledged.take(|_| Node::ONLY), [(Node::new(5), Resend::These(vec![]))]);
    }

    #[test]
    fn what_is_old_is_forgotten_unless_nobody_has_confirmed_the_node_since() {
        let acknowledged = AcknowledgedLately::new(10);
        acknowledged.note(Node::ONLY, &[target("a")], 1, at(0), at(0));
        acknowledged.note(Node::ONLY, &[target("a"), target("b")], 1, at(20), at(0));
        acknowledged.note(Node::ONLY, &[target("c")], 1, at(49), at(0));
        assert_eq!(
            again(&acknowledged, 2),
            Resend::These(vec![target("a"), target("b"), target("c")])
        );
        acknowledged.note(Node::ONLY, &[], 1, at(51), at(51));
        assert_eq!(again(&acknowledged, 2), Resend::These(vec![target("c")]));
    }

    #[test]
    fn too_many_become_everything_for_as_long_as_they_would_have_been_remembered() {
        let acknowledged = AcknowledgedLately::new(2);
        acknowledged.note(Node::ONLY, &[target("a"), target("b"), target("c")], 1, at(0), at(0));
        assert_eq!(again(&acknowledged, 2), Resend::Everything);
        acknowledged.note(Node::ONLY, &[target("d")], 1, at(31), at(31));
        assert_eq!(again(&acknowledged, 2), Resend::These(vec![target("d")]));
    }

    #[test]
    fn a_node_that_acknowledged_all_of_too_many_need_not_be_told_again() {
        let acknowledged = AcknowledgedLately::new(2);
        let (one, other, heir) = (Node::new(1), Node::new(2), Node::new(3));
        acknowledged.note(one, &[target("a"), target("b")], 1, at(0), at(0));
        acknowledged.note(other, &[target("c")], 2, at(0), at(0));
        let again = |node, history| {
            acknowledged.serves(node, history);
            acknowledged.take(|_| node).remove(0).1
        };
        assert_eq!(again(one, 1), Resend::These(vec![]));
        assert_eq!(again(other, 2), Resend::These(vec![]));
        for (node, history) in [(one, 3), (one, 0), (other, 1), (heir, 4)] {
            assert_eq!(again(node, history), Resend::Everything, "{node:?} {history}");
        }
        acknowledged.note(one, &[target("d"), target("e"), target("f")], 5, at(1), at(1));
        assert_eq!(again(one, 1), Resend::Everything);
        assert_eq!(again(one, 5), Resend::Everything, "what another one has is not known");
        assert_eq!(again(other, 2), Resend::These(vec![]));
    }

    #[test]
    fn the_same_target_again_and_again_takes_no_more_room() {
        let acknowledged = AcknowledgedLately::new(10);
        for second in 0..1_000 {
            acknowledged.note(Node::ONLY, &[target("a"), target("b")], 1, at(second), at(0));
        }
        assert!(acknowledged.lock().order.len() <= 20);
        acknowledged.note(Node::ONLY, &[target("c")], 1, at(1_031), at(1_031));
        assert_eq!(again(&acknowledged, 2), Resend::These(vec![target("c")]));
    }
}
