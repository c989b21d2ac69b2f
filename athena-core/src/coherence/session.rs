//! How long a connection's silence means that nothing has changed (coherence 4).
//!
//! A connection that tracks announces changes in the order of its answers. So a sign of life proves that
//! everything before the question has been announced: trust lasts until the question's *sending* plus
//! the window, never counted from the answer, which may have been under way for long while later
//! announcements are still behind it. Other answers prove less: a store may say only when it is asked
//! that it does not announce everything any more. Where others decide which node serves (sentinels), the
//! proof reaches no further than their last word (coherence 5).
//!
//! Invariant: a session that has ended is never trusted again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use super::guards::{Guard, Guards};
use super::heard::{HeardMark, HeardUntil};
use crate::backend::{Node, Proof};
use crate::clock::Tick;
use crate::lock::RwLock;

/// One connection to a node, for as long as every change was announced over it.
#[derive(Debug)]
pub(crate) struct Session {
    epoch: u64,
    history: u64,
    /// Whether changes are announced over it at all.
    announces: bool,
    /// Whether others decide that the node serves.
    is_ruled: bool,
    /// In milliseconds of the clock; 0 once it has ended.
    until: AtomicU64,
}

impl Session {
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

    /// Whether the node may have been replaced without its own knowledge and ours (coherence 5).
    pub(crate) fn is_in_doubt(&self, now: Tick) -> bool {
        self.is_ruled && !self.is_trusted(now)
    }

    fn is_of(&self, proof: &Proof) -> bool {
        self.epoch == proof.epoch && self.history == proof.history
    }

    /// Lets trust last longer; a session that has ended never comes back (coherence 4).
    fn renew(&self, until: Tick) {
        let longer = |now| (now != 0).then_some(until.as_millis().max(now));
        // Nothing to do for a session that has ended meanwhile.
        let _ = self.until.fetch_update(Ordering::SeqCst, Ordering::SeqCst, longer);
    }

    fn end(&self) {
        self.until.store(0, Ordering::SeqCst);
    }

    fn has_ended(&self) -> bool {
        self.until.load(Ordering::SeqCst) == 0
    }
}

/// The present session with each node.
#[derive(Debug)]
pub(crate) struct Sessions {
    window: Duration,
    guards: Guards,
    /// What bounds the trust in all of them, if something does.
    heard: Option<Arc<HeardUntil>>,
    nodes: RwLock<NodeSessions>,
}

/// They are looked up by every look, and nobody outside chooses their numbers.
type NodeSessions = HashMap<Node, NodeSession, foldhash::fast::RandomState>;

/// How things stand with one node.
#[derive(Debug, Default)]
struct NodeSession {
    session: Option<Arc<Session>>,
    /// Counts how often what was read from it has ceased to be announced.
    incarnation: u32,
    /// As it was last told.
    history: u64,
}

/// What is noted before a request is sent to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Incarnation {
    /// Counts how often what was read from the node has ceased to be announced.
    number: u32,
    /// What is answered is trusted no longer than follows from this, whatever it says (regions 11).
    pub(crate) heard: HeardMark,
}

impl Sessions {
    pub(crate) fn new(window: Duration, guards: Guards) -> Self {
        Self { window, guards, heard: None, nodes: RwLock::default() }
    }

    /// The same of a store whose word counts for as long as it is heard (regions 11).
    pub(crate) fn while_heard(self, heard: Option<Arc<HeardUntil>>) -> Self {
        Self { heard, ..self }
    }

    /// How long a proof counts.
    pub(crate) fn window(&self) -> Duration {
        self.window
    }

    /// Whether the node that answered was, not long ago, confirmed to be the one that serves.
    pub(crate) fn is_confirmed(&self, proof: &Proof) -> bool {
        proof.lag <= self.window
    }

    /// The session with a node, if anything is known of it.
    pub(crate) fn present(&self, node: Node) -> Option<Arc<Session>> {
        self.read().get(&node)?.session.clone()
    }

    /// The history of a node, as far as it is known; 0 if it is not.
    pub(crate) fn history(&self, node: Node) -> u64 {
        self.read().get(&node).map_or(0, |present| present.history)
    }

    /// To be noted before a request is sent to a node.
    pub(crate) fn incarnation(&self, node: Node) -> Incarnation {
        let number = self.read().get(&node).map(|present| present.incarnation).unwrap_or_default();
        Incarnation { number, heard: self.heard_now() }
    }

    /// What has been heard by now of the store; to be noted before a request is sent to it (regions 11).
    #[inline]
    pub(crate) fn heard_now(&self) -> HeardMark {
        self.heard.as_ref().map_or_else(HeardMark::default, |heard| heard.mark())
    }

    /// Until when an answer counts as heard to a question that was sent after this; for ever where nobody has to be.
    pub(crate) fn heard_until(&self, heard: HeardMark) -> Tick {
        self.heard.as_ref().map_or(Tick::FAR, |store| store.at(heard))
    }

    /// What was read from a node is no longer announced, nor what is being read (coherence 4).
    pub(crate) fn end(&self, node: Node) {
        let mut sessions = self.write();
        let present = sessions.entry(node).or_default();
        present.incarnation = present.incarnation.wrapping_add(1);
        if let Some(session) = present.session.take() {
            session.end();
        }
    }

    /// A node begins to serve over a new connection.
    pub(crate) fn begin(&self, node: Node, history: u64) {
        self.end(node);
        self.write().entry(node).or_default().history = history;
    }

    /// The session of an answer to a request that was sent at `sent`, in the incarnation of then
    /// (coherence 4 and 4b).
    ///
    /// On a connection that does not track, an answer is trusted for the window alone; if the incarnation
    /// has ended meanwhile, not at all.
    pub(crate) fn of(
        &self,
        node: Node,
        incarnation: Incarnation,
        proof: &Proof,
        sent: Tick,
    ) -> Arc<Session> {
        let until = self.until(incarnation, proof, sent);
        if !proof.tracks {
            self.note_history(node, incarnation, proof.history);
            return Session::new(proof, until);
        }
        let is_of = |session: &&Arc<Session>| session.is_of(proof) && !session.has_ended();
        if let Some(present) = self.read().get(&node)
            && let Some(session) = present.session.as_ref().filter(is_of)
            && present.incarnation == incarnation.number
        {
            return Arc::clone(session);
        }
        let mut sessions = self.write();
        let present = sessions.entry(node).or_default();
        if present.incarnation != incarnation.number {
            return Session::new(proof, Tick::default());
        }
        if let Some(session) = present.session.as_ref().filter(is_of) {
            return Arc::clone(session);
        }
        present.history = proof.history;
        let session = Session::new(proof, until);
        if let Some(former) = present.session.replace(Arc::clone(&session)) {
            former.end();
        }
        session
    }

    /// Takes in a sign of life that was asked for at `sent`; it alone makes trust last longer
    /// (coherence 4).
    pub(crate) fn prove(&self, node: Node, incarnation: Incarnation, proof: &Proof, sent: Tick) {
        let session = self.of(node, incarnation, proof, sent);
        if session.announces() {
            session.renew(self.until(incarnation, proof, sent));
        }
    }

    fn note_history(&self, node: Node, incarnation: Incarnation, history: u64) {
        if self.history(node) == history {
            return;
        }
        let mut sessions = self.write();
        let present = sessions.entry(node).or_default();
        if present.incarnation == incarnation.number {
            present.history = history;
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, NodeSessions> {
        self.nodes.read()
    }

    fn write(&self) -> RwLockWriteGuard<'_, NodeSessions> {
        self.nodes.write()
    }

    /// Until when something counts that was proven by an answer to a question of `sent`
    /// (coherence 4 and 5).
    ///
    /// Nobody's word reaches beyond the last moment at which the node was confirmed.
    fn until(&self, incarnation: Incarnation, proof: &Proof, sent: Tick) -> Tick {
        if self.guards.lacks(Guard::Window) {
            return Tick::FAR;
        }
        let until = sent.after(self.window).before(proof.lag);
        let until = until.min(self.heard_until(incarnation.heard));
        // That nobody trusts it now does not mean that it has ended.
        until.max(Tick::from_millis(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coherence::trust::Backing;

    const WINDOW: Duration = Duration::from_secs(2);
    const NODE: Node = Node::ONLY;

    fn proof(epoch: u64) -> Proof {
        Proof { epoch, history: 7, tracks: true, lag: Duration::ZERO }
    }

    fn at(millis: u64) -> Tick {
        Tick::from_millis(10_000 + millis)
    }

    /// What relies on an answer to a question of `sent`.
    fn backing(sessions: &Sessions, proof: &Proof, sent: Tick) -> Backing {
        Backing::of([sessions.of(NODE, sessions.incarnation(NODE), proof, sent)])
    }

    #[test]
    fn trust_is_counted_from_the_question() {
        let sessions = Sessions::new(WINDOW, Guards::default());
        let backing = backing(&sessions, &proof(1), at(0));
        assert!(backing.is_trusted(at(1_999)));
        assert!(!backing.is_trusted(at(2_000)));
        for sent in [1_000, 700] {
            self::backing(&sessions, &proof(1), at(sent + 500));
            sessions.prove(NODE, sessions.incarnation(NODE), &proof(1), at(sent));
            assert!(backing.is_trusted(at(2_999)), "one session for all of a connection");
            assert!(!backing.is_trusted(at(3_000)));
        }
    }

    #[test]
    fn a_word_of_others_bounds_it() {
        let sessions = Sessions::new(WINDOW, Guards::default());
        let late = Proof { lag: Duration::from_millis(1_500), ..proof(1) };
        let backing = backing(&sessions, &late, at(1_000));
        assert!(backing.is_trusted(at(1_499)));
        assert!(!backing.is_trusted(at(1_500)));
        let never = Proof { lag: Duration::MAX, ..proof(1) };
        sessions.prove(NODE, sessions.incarnation(NODE), &never, at(2_000));
        assert!(!backing.is_trusted(at(2_000)));
    }

    #[test]
    fn the_longest_window_has_no_end_but_that_of_the_session() {
        let sessions = Sessions::new(Duration::MAX, Guards::default());
        let backing = backing(&sessions, &proof(1), at(0));
        assert!(backing.is_trusted(at(1 << 50)));
        sessions.end(NODE);
        assert!(!backing.is_trusted(at(0)));
        let never = Proof { lag: Duration::MAX, ..proof(2) };
        assert!(!self::backing(&sessions, &never, at(1_000)).is_trusted(at(1_000)));
    }

    #[test]
    fn another_connection_another_past_or_a_loss_ends_it() {
        let endings: [fn(&Sessions); 3] = [
            |sessions| drop(backing(sessions, &proof(2), at(10))),
            |sessions| drop(backing(sessions, &Proof { history: 8, ..proof(1) }, at(10))),
            |sessions| sessions.end(NODE),
        ];
        for end in endings {
            let sessions = Sessions::new(WINDOW, Guards::default());
            let backing = backing(&sessions, &proof(1), at(5));
            assert!(backing.is_trusted(at(10)));
            end(&sessions);
            assert!(!backing.is_trusted(at(10)));
            self::backing(&sessions, &proof(1), at(20));
            assert!(!backing.is_trusted(at(20)), "an ended session came back");
        }
    }

    #[test]
    fn an_answer_that_arrives_after_the_end_of_its_incarnation_is_not_trusted() {
        let sessions = Sessions::new(WINDOW, Guards::default());
        let before = sessions.incarnation(NODE);
        sessions.end(NODE);
        let late = Backing::of([sessions.of(NODE, before, &proof(1), at(100))]);
        assert!(!late.is_trusted(at(100)));
        assert!(backing(&sessions, &proof(1), at(200)).is_trusted(at(200)));
        assert!(!late.is_trusted(at(200)));
    }

    #[test]
    fn where_nothing_is_announced_an_answer_counts_for_the_window_alone() {
        let sessions = Sessions::new(WINDOW, Guards::default());
        let untracked = Proof { tracks: false, ..proof(1) };
        let backing = backing(&sessions, &untracked, at(100));
        self::backing(&sessions, &untracked, at(1_000));
        assert!(backing.is_trusted(at(2_099)));
        assert!(!backing.is_trusted(at(2_100)));
    }

    #[test]
    fn the_history_of_a_node_is_what_it_told_last() {
        for tracks in [true, false] {
            let sessions = Sessions::new(WINDOW, Guards::default());
            let told = |history| Proof { history, tracks, ..proof(1) };
            let before = sessions.incarnation(NODE);
            assert_eq!(sessions.history(NODE), 0);
            sessions.begin(NODE, 0);
            backing(&sessions, &told(7), at(10));
            assert_eq!(sessions.history(NODE), 7);
            sessions.end(NODE);
            assert_eq!(sessions.history(NODE), 7);
            sessions.begin(NODE, 8);
            sessions.of(NODE, before, &told(7), at(20));
            assert_eq!(sessions.history(NODE), 8, "an answer that came late");
        }
    }

    #[test]
    fn every_session_counts() {
        let sessions = Sessions::new(WINDOW, Guards::default());
        let other = Node::new(1);
        let one = backing(&sessions, &proof(1), at(0));
        let two = Backing::of([sessions.of(other, sessions.incarnation(other), &proof(2), at(0))]);
        let both = Backing::of(one.sessions().iter().chain(two.sessions()).cloned());
        assert!(both.is_trusted(at(10)));
        sessions.end(other);
        assert!(!both.is_trusted(at(10)));
        assert!(one.is_trusted(at(10)));
        assert!(Backing::default().is_trusted(at(u64::MAX / 2)));
    }
}
