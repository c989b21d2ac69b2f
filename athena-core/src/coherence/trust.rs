//! How long the backend's silence means that nothing has changed.
//!
//! A connection that tracks announces changes in the order of its answers. So a sign of life proves that
//! everything before the question has been announced: trust lasts until the question's *sending* plus
//! the window, never counted from the answer, which may have been under way for long while later
//! announcements are still behind it. Other answers prove less: a store may say only when it is asked
//! that it does not announce everything any more. Where others decide which node serves (sentinels), the
//! proof reaches no further than their last word.
//!
//! Invariant: a line that has ended is never trusted again, and what was read over one line is judged by
//! that line alone.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use super::guards::{Damage, Guard};
use crate::backend::{Node, Proof};
use crate::clock::{Tick, millis};

/// A stretch of one connection on which every change was announced.
#[derive(Debug)]
pub(crate) struct Line {
    epoch: u64,
    history: u64,
    /// Whether changes are announced over it at all.
    announces: bool,
    /// Whether others decide that the node serves.
    is_ruled: bool,
    /// In milliseconds of the clock; 0 once it has ended.
    until: AtomicU64,
}

impl Line {
    fn new(proof: &Proof, until: Tick) -> Arc<Self> {
        let until = AtomicU64::new(until.as_millis());
        let Proof { epoch, history, tracks, lag } = *proof;
        Arc::new(Self { epoch, history, announces: tracks, is_ruled: !lag.is_zero(), until })
    }

    #[inline]
    pub(crate) fn is_trusted(&self, now: Tick) -> bool {
        now.as_millis() < self.until.load(Ordering::SeqCst)
    }

    /// Whether whoever holds something that was read over it will hear of changes.
    pub(crate) fn announces(&self) -> bool {
        self.announces
    }

    /// Whether the node may have been replaced without its own knowledge and ours.
    pub(crate) fn is_in_doubt(&self, now: Tick) -> bool {
        self.is_ruled && !self.is_trusted(now)
    }

    fn is_of(&self, proof: &Proof) -> bool {
        self.epoch == proof.epoch && self.history == proof.history
    }

    fn renew(&self, until: Tick) {
        let longer = |now| (now != 0).then_some(until.as_millis().max(now));
        // Nothing to do for a line that has ended meanwhile.
        let _ = self.until.fetch_update(Ordering::SeqCst, Ordering::SeqCst, longer);
    }

    fn end(&self) {
        self.until.store(0, Ordering::SeqCst);
    }

    fn has_ended(&self) -> bool {
        self.until.load(Ordering::SeqCst) == 0
    }
}

/// The present line to each node.
#[derive(Debug)]
pub(crate) struct Lines {
    window: Duration,
    damage: Damage,
    nodes: RwLock<HashMap<Node, Present>>,
}

/// How things stand with one node.
#[derive(Debug, Default)]
struct Present {
    line: Option<Arc<Line>>,
    stretch: Stretch,
    /// As it was last told.
    history: u64,
}

/// Counts how often what was read from a node has ceased to be announced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stretch(u64);

impl Lines {
    pub(crate) fn new(window: Duration, damage: Damage) -> Self {
        Self { window, damage, nodes: RwLock::default() }
    }

    /// How long a proof counts.
    pub(crate) fn window(&self) -> Duration {
        self.window
    }

    /// Whether the node that answered was, not long ago, confirmed to be the one that serves.
    pub(crate) fn is_confirmed(&self, proof: &Proof) -> bool {
        proof.lag <= self.window
    }

    /// The line to a node, if anything is known of it.
    pub(crate) fn present(&self, node: Node) -> Option<Arc<Line>> {
        self.read().get(&node)?.line.clone()
    }

    /// The history of a node, as far as it is known; 0 if it is not.
    pub(crate) fn history(&self, node: Node) -> u64 {
        self.read().get(&node).map_or(0, |present| present.history)
    }

    /// To be noted before a request is sent to a node.
    pub(crate) fn stretch(&self, node: Node) -> Stretch {
        self.read().get(&node).map(|present| present.stretch).unwrap_or_default()
    }

    /// What was read from a node is no longer announced, nor what is being read.
    pub(crate) fn end(&self, node: Node) {
        let mut lines = self.write();
        let present = lines.entry(node).or_default();
        present.stretch.0 += 1;
        if let Some(line) = present.line.take() {
            line.end();
        }
    }

    /// A node begins to serve over a new connection.
    pub(crate) fn begin(&self, node: Node, history: u64) {
        self.end(node);
        self.write().entry(node).or_default().history = history;
    }

    /// The line of an answer to a request that was sent at `sent`, in the stretch of then.
    ///
    /// On a connection that does not track, an answer is trusted for the window alone; if the stretch
    /// has ended meanwhile, not at all.
    pub(crate) fn of(&self, node: Node, stretch: Stretch, proof: &Proof, sent: Tick) -> Arc<Line> {
        let until = self.until(proof, sent);
        if !proof.tracks {
            self.note_history(node, stretch, proof.history);
            return Line::new(proof, until);
        }
        let is_of = |line: &&Arc<Line>| line.is_of(proof) && !line.has_ended();
        if let Some(present) = self.read().get(&node)
            && let Some(line) = present.line.as_ref().filter(is_of)
            && present.stretch == stretch
        {
            return Arc::clone(line);
        }
        let mut lines = self.write();
        let present = lines.entry(node).or_default();
        if present.stretch != stretch {
            return Line::new(proof, Tick::default());
        }
        if let Some(line) = present.line.as_ref().filter(is_of) {
            return Arc::clone(line);
        }
        present.history = proof.history;
        let line = Line::new(proof, until);
        if let Some(former) = present.line.replace(Arc::clone(&line)) {
            former.end();
        }
        line
    }

    /// Takes in a sign of life that was asked for at `sent`; it alone makes trust last longer.
    pub(crate) fn prove(&self, node: Node, stretch: Stretch, proof: &Proof, sent: Tick) {
        let line = self.of(node, stretch, proof, sent);
        if line.announces() {
            line.renew(self.until(proof, sent));
        }
    }

    fn note_history(&self, node: Node, stretch: Stretch, history: u64) {
        if self.history(node) == history {
            return;
        }
        let mut lines = self.write();
        let present = lines.entry(node).or_default();
        if present.stretch == stretch {
            present.history = history;
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<Node, Present>> {
        self.nodes.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Node, Present>> {
        self.nodes.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until when something counts that was proven by an answer to a question of `sent`.
    ///
    /// Nobody's word reaches beyond the last moment at which the node was confirmed.
    fn until(&self, proof: &Proof, sent: Tick) -> Tick {
        if self.damage.lacks(Guard::Window) {
            return Tick::FAR;
        }
        Tick::from_millis(
            (sent.as_millis() + millis(self.window)).saturating_sub(millis(proof.lag)),
        )
    }
}

/// How far an entry or a flight is trusted to be what the backend would answer.
#[derive(Debug, Clone)]
pub(crate) struct Trust {
    bond: Bond,
    /// Not beyond this, whatever the lines.
    pub(crate) until: Tick,
}

impl Trust {
    /// Nobody else can change it.
    pub(crate) fn own() -> Self {
        Self { bond: Bond::default(), until: Tick::FAR }
    }

    /// It may have been changed already.
    pub(crate) fn none() -> Self {
        Self { bond: Bond::default(), until: Tick::default() }
    }

    /// Every change is announced over these lines.
    pub(crate) fn over(bond: Bond) -> Self {
        Self { bond, until: Tick::FAR }
    }

    /// The same, but no longer than this.
    pub(crate) fn ending(self, until: Tick) -> Self {
        Self { until: self.until.min(until), ..self }
    }

    #[inline]
    pub(crate) fn holds(&self, now: Tick) -> bool {
        now < self.until && self.bond.is_trusted(now)
    }

    #[inline]
    pub(crate) fn bond(&self) -> &Bond {
        &self.bond
    }
}

/// What an entry or a flight relies on to hear of changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bond {
    /// One for each node that it depends on; none where nobody else can change anything.
    lines: Box<[Arc<Line>]>,
}

impl Bond {
    pub(crate) fn of(lines: impl IntoIterator<Item = Arc<Line>>) -> Self {
        let mut all: Vec<Arc<Line>> = Vec::with_capacity(1);
        for line in lines {
            if !all.iter().any(|known| Arc::ptr_eq(known, &line)) {
                all.push(line);
            }
        }
        Self { lines: all.into() }
    }

    /// Whether every change until shortly before `now` has been heard of.
    #[inline]
    pub(crate) fn is_trusted(&self, now: Tick) -> bool {
        self.lines.iter().all(|line| line.is_trusted(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(2);
    const NODE: Node = Node::ONLY;

    fn proof(epoch: u64) -> Proof {
        Proof { epoch, history: 7, tracks: true, lag: Duration::ZERO }
    }

    fn at(millis: u64) -> Tick {
        Tick::from_millis(10_000 + millis)
    }

    /// What relies on an answer to a question of `sent`.
    fn bond(lines: &Lines, proof: &Proof, sent: Tick) -> Bond {
        Bond::of([lines.of(NODE, lines.stretch(NODE), proof, sent)])
    }

    #[test]
    fn trust_is_counted_from_the_question() {
        let lines = Lines::new(WINDOW, Damage::default());
        let bond = bond(&lines, &proof(1), at(0));
        assert!(bond.is_trusted(at(1_999)));
        assert!(!bond.is_trusted(at(2_000)));
        for sent in [1_000, 700] {
            self::bond(&lines, &proof(1), at(sent + 500));
            lines.prove(NODE, lines.stretch(NODE), &proof(1), at(sent));
            assert!(bond.is_trusted(at(2_999)), "one line for all of a connection");
            assert!(!bond.is_trusted(at(3_000)));
        }
    }

    #[test]
    fn a_word_of_others_bounds_it() {
        let lines = Lines::new(WINDOW, Damage::default());
        let late = Proof { lag: Duration::from_millis(1_500), ..proof(1) };
        let bond = bond(&lines, &late, at(1_000));
        assert!(bond.is_trusted(at(1_499)));
        assert!(!bond.is_trusted(at(1_500)));
        let never = Proof { lag: Duration::MAX, ..proof(1) };
        lines.prove(NODE, lines.stretch(NODE), &never, at(2_000));
        assert!(!bond.is_trusted(at(2_000)));
    }

    #[test]
    fn another_connection_another_past_or_a_loss_ends_it() {
        let endings: [fn(&Lines); 3] = [
            |lines| drop(bond(lines, &proof(2), at(10))),
            |lines| drop(bond(lines, &Proof { history: 8, ..proof(1) }, at(10))),
            |lines| lines.end(NODE),
        ];
        for end in endings {
            let lines = Lines::new(WINDOW, Damage::default());
            let bond = bond(&lines, &proof(1), at(5));
            assert!(bond.is_trusted(at(10)));
            end(&lines);
            assert!(!bond.is_trusted(at(10)));
            self::bond(&lines, &proof(1), at(20));
            assert!(!bond.is_trusted(at(20)), "an ended line came back");
        }
    }

    #[test]
    fn an_answer_that_arrives_after_the_end_of_its_stretch_is_not_trusted() {
        let lines = Lines::new(WINDOW, Damage::default());
        let before = lines.stretch(NODE);
        lines.end(NODE);
        let late = Bond::of([lines.of(NODE, before, &proof(1), at(100))]);
        assert!(!late.is_trusted(at(100)));
        assert!(bond(&lines, &proof(1), at(200)).is_trusted(at(200)));
        assert!(!late.is_trusted(at(200)));
    }

    #[test]
    fn where_nothing_is_announced_an_answer_counts_for_the_window_alone() {
        let lines = Lines::new(WINDOW, Damage::default());
        let untracked = Proof { tracks: false, ..proof(1) };
        let bond = bond(&lines, &untracked, at(100));
        self::bond(&lines, &untracked, at(1_000));
        assert!(bond.is_trusted(at(2_099)));
        assert!(!bond.is_trusted(at(2_100)));
    }

    #[test]
    fn the_history_of_a_node_is_what_it_told_last() {
        for tracks in [true, false] {
            let lines = Lines::new(WINDOW, Damage::default());
            let told = |history| Proof { history, tracks, ..proof(1) };
            let before = lines.stretch(NODE);
            assert_eq!(lines.history(NODE), 0);
            lines.begin(NODE, 0);
            bond(&lines, &told(7), at(10));
            assert_eq!(lines.history(NODE), 7);
            lines.end(NODE);
            assert_eq!(lines.history(NODE), 7);
            lines.begin(NODE, 8);
            lines.of(NODE, before, &told(7), at(20));
            assert_eq!(lines.history(NODE), 8, "an answer that came late");
        }
    }

    #[test]
    fn every_line_counts() {
        let lines = Lines::new(WINDOW, Damage::default());
        let other = Node::new(1);
        let one = bond(&lines, &proof(1), at(0));
        let two = Bond::of([lines.of(other, lines.stretch(other), &proof(2), at(0))]);
        let both = Bond::of(one.lines.iter().chain(&two.lines).cloned());
        assert!(both.is_trusted(at(10)));
        lines.end(other);
        assert!(!both.is_trusted(at(10)));
        assert!(one.is_trusted(at(10)));
        assert!(Bond::default().is_trusted(at(u64::MAX / 2)));
    }
}
