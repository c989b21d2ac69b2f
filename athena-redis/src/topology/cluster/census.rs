//! What is known of each node of a cluster, by its own word and that of others. Decides, and does nothing
//! else.
//!
//! Few nodes are asked at a time, and each tells of all. So of each node one word is kept, and what a view
//! costs grows with the nodes that it lists, not with the views that there were.
//!
//! Invariant: a word with a higher configuration epoch outweighs all others, and of the same epoch a node's
//! own does. A lower epoch counts only if the node says it itself in a later round. Where somebody says
//! something else of a node than what stands, the node is to be asked itself.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::nodes::{ClusterView, Member};
use crate::url::Endpoint;

/// After so many rounds in which all spoke against a word it gives way to any other.
const PATIENCE: u32 = 3;
/// After so many rounds in which nobody listed a node it is forgotten: some hear of it late.
const MISSED: u32 = 2;

/// One word for each node.
#[derive(Debug, Default)]
pub(super) struct Census {
    known: BTreeMap<String, Known>,
    /// Who spoke when an endpoint was asked.
    speakers: HashMap<Endpoint, String>,
    /// The round that was closed last, and whether anybody spoke since who knows its cluster.
    closed: u32,
    is_informed: bool,
}

/// What is known of a node.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) member: Member,
    /// Whether it said so itself.
    pub(super) own: bool,
    /// The round of the word, and the last one in which the node was listed at all.
    round: u32,
    seen: u32,
    /// The last rounds in which somebody said the same, and something else that does not count.
    upheld: u32,
    disputed: u32,
    /// How many rounds in a row nobody upheld it and somebody disputed it.
    against: u32,
    /// In how many rounds in a row nobody listed the node who knows its cluster.
    missed: u32,
}

impl Census {
    /// Takes note of what a node said that was asked in a round; tells whether anything is new.
    pub(super) fn note(&mut self, asked: &Endpoint, view: ClusterView, round: u32) -> bool {
        let mut is_new = false;
        let own = view.own();
        self.is_informed |= own.is_some_and(|own| !own.is_primary() || !own.slots.is_empty());
        for member in view.members {
            let own = member.id == view.speaker;
            is_new |= if let Some(known) = self.known.get_mut(&member.id) {
                known.hear(member, own, round)
            } else {
                self.known.insert(member.id.clone(), Known::new(member, own, round));
                true
            };
        }
        self.speakers.insert(asked.clone(), view.speaker);
        is_new
    }

    /// Takes the last words of nodes for what any other might have said: they may have ended since.
    pub(super) fn outdate(&mut self, nodes: &[Endpoint]) {
        for id in nodes.iter().filter_map(|node| self.speakers.remove(node)) {
            if let Some(known) = self.known.get_mut(&id) {
                (known.own, known.round) = (false, 0);
            }
        }
    }

    /// Ends a round: forgets nodes that nobody lists any more; tells whether there were any.
    pub(super) fn close(&mut self, round: u32) -> bool {
        let (closed, before) = (self.closed, self.known.len());
        if std::mem::take(&mut self.is_informed) {
            self.known.retain(|_, known| {
                known.missed = if known.seen > closed { 0 } else { known.missed + 1 };
                known.missed < MISSED
            });
        }
        for known in self.known.values_mut() {
            let is_against = known.disputed > closed && known.upheld <= closed;
            known.against = if is_against { known.against + 1 } else { 0 };
        }
        self.closed = round;
        self.known.len() != before
    }

    /// Those of whom something else is said, and who have to be asked themselves.
    pub(super) fn disputed(&self) -> impl Iterator<Item = &Endpoint> {
        let disputed = self.known.values().filter(|known| known.disputed > known.upheld);
        disputed.map(|known| &known.member.endpoint)
    }

    /// Everybody, in the order of their ids.
    pub(super) fn all(&self) -> impl Iterator<Item = &Known> {
        self.known.values()
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// Those that have spoken for themselves, by where they are.
    pub(super) fn spoken(&self) -> HashMap<&Endpoint, HashSet<&str>> {
        let mut spoken: HashMap<_, HashSet<_>> = HashMap::new();
        for known in self.known.values().filter(|known| known.own) {
            spoken.entry(&known.member.endpoint).or_default().insert(known.member.id.as_str());
        }
        spoken
    }
}

impl Known {
    fn new(member: Member, own: bool, round: u32) -> Self {
        let (seen, upheld) = (round, round);
        Self { member, own, round, seen, upheld, disputed: 0, against: 0, missed: 0 }
    }

    /// Takes another word in place of this one, if it counts more; tells whether that is new.
    fn hear(&mut self, member: Member, own: bool, round: u32) -> bool {
        self.seen = self.seen.max(round);
        let (is_later, gives_way) = (round > self.round, self.against >= PATIENCE);
        let counts = match member.epoch.cmp(&self.member.epoch) {
            Ordering::Greater => true,
            Ordering::Equal => own || (is_later && (!self.own || gives_way)),
            Ordering::Less => (own && is_later) || gives_way,
        };
        if !counts {
            let says_else = !member.says_the_same(&self.member);
            let of = if says_else { &mut self.disputed } else { &mut self.upheld };
            *of = round.max(*of);
            return false;
        }
        let is_new = member != self.member;
        let (seen, disputed) = (self.seen, 0);
        *self = Self { seen, disputed, ..Self::new(member, own, round) };
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Addresses;
    use crate::topology::cluster::nodes::{Preferred, Reading};

    fn at(port: u16) -> Endpoint {
        Endpoint { host: "h".into(), port }
    }

    /// What the node at `port` says.
    fn view(port: u16, lines: &[&str]) -> ClusterView {
        let own = format!("h:{port}@1 ");
        let lines: Vec<_> =
            lines.iter().map(|line| line.replace(&own, &format!("{own}myself,"))).collect();
        let (asked, addresses) = (at(port), Addresses::default());
        let reading = Reading { asked: &asked, preferred: Preferred::Ip, addresses: &addresses };
        ClusterView::parse(&lines.join("\n"), reading).unwrap()
    }

    fn note(census: &mut Census, port: u16, lines: &[&str], round: u32) -> bool {
        census.note(&at(port), view(port, lines), round)
    }

    fn epochs(census: &Census) -> Vec<(&str, u64, bool)> {
        let all = census.all();
        all.map(|it| (&*it.member.id, it.member.epoch, it.member.is_primary())).collect()
    }

    const A: &str = "a h:1@1 master - 0 0 1 connected 0-9";
    const B: &str = "b h:2@1 master - 0 0 2 connected 10-19";
    const HEIR: &str = "c h:3@1 slave a 0 0 1 connected";
    const HEIR_PROMOTED: &str = "c h:3@1 master - 0 0 3 connected 0-9";

    #[test]
    fn a_promotion_that_others_have_not_heard_of_stands_and_its_node_is_asked() {
        let mut census = Census::default();
        assert!(note(&mut census, 2, &[A, B, HEIR], 1));
        assert!(note(&mut census, 3, &[A, B, HEIR_PROMOTED], 2));
        for round in 3..5 {
            note(&mut census, 2, &[A, B, HEIR], round);
            assert_eq!(epochs(&census), [("a", 1, true), ("b", 2, true), ("c", 3, true)]);
            assert_eq!(census.disputed().collect::<Vec<_>>(), [&at(3)]);
            census.close(round);
        }
        assert!(!note(&mut census, 3, &[A, B, HEIR_PROMOTED], 5));
        assert_eq!(census.disputed().count(), 0);
    }

    #[test]
    fn who_says_itself_that_it_is_less_than_it_was_is_believed() {
        let demoted = "c h:3@1 slave b 0 0 2 connected";
        let mut census = Census::default();
        note(&mut census, 3, &[A, B, HEIR_PROMOTED], 1);
        // An answer of the same round may be older than the word of others.
        note(&mut census, 3, &[A, B, demoted], 1);
        assert_eq!(epochs(&census)[2], ("c", 3, true));
        assert!(note(&mut census, 3, &[A, B, demoted], 2));
        assert_eq!(epochs(&census)[2], ("c", 2, false));
    }

    #[test]
    fn where_nobody_upholds_a_word_for_long_it_gives_way() {
        let demoted = "c h:3@1 slave,fail b 0 0 2 connected";
        let mut census = Census::default();
        note(&mut census, 3, &[A, B, HEIR_PROMOTED], 1);
        census.close(1);
        for round in 2..=PATIENCE + 2 {
            assert_eq!(epochs(&census)[2], ("c", 3, true), "{round}");
            note(&mut census, 2, &[A, B, demoted], round);
            census.close(round);
        }
        assert_eq!(epochs(&census)[2], ("c", 2, false));
    }

    #[test]
    fn a_node_that_nobody_lists_any_more_is_forgotten_by_those_who_know_their_cluster() {
        let mut census = Census::default();
        note(&mut census, 2, &[A, B, HEIR], 1);
        assert!(!census.close(1));
        // It came back as another node, and knows nobody.
        note(&mut census, 1, &["n h:1@1 master - 0 0 0 connected"], 2);
        assert!(!census.close(2));
        note(&mut census, 2, &[A, B], 3);
        assert!(!census.close(3));
        // One that heard of it late; the one that nobody knows is forgotten.
        note(&mut census, 2, &[A, B, HEIR], 4);
        assert!(census.close(4));
        assert_eq!(epochs(&census).len(), 3);
        for round in [5, 6] {
            note(&mut census, 2, &[A, B], round);
            assert_eq!(census.close(round), round == 6);
        }
        assert_eq!(epochs(&census), [("a", 1, true), ("b", 2, true)]);
        assert!(!census.close(7));
    }

    #[test]
    fn what_a_node_says_itself_stands_until_it_says_something_else() {
        let half = "a h:1@1 master - 0 0 9 connected 0-4";
        let whole = "a h:1@1 master - 0 0 9 connected 0-9";
        let mut census = Census::default();
        note(&mut census, 1, &[half, B], 1);
        // It heard of the epoch, and not of the slots that have gone.
        assert!(!note(&mut census, 2, &[whole, B], 2));
        assert_eq!(census.disputed().collect::<Vec<_>>(), [&at(1)]);
        census.close(2);
        assert!(!note(&mut census, 1, &[half, B], 3));
        assert_eq!(census.disputed().count(), 0);
        assert!(note(&mut census, 1, &[whole, B], 4));
    }

    #[test]
    fn the_last_word_of_a_node_that_has_ended_counts_no_more_than_that_of_others() {
        let failed = "a h:1@1 master,fail - 0 0 1 disconnected 0-9";
        let sound = |census: &Census| census.all().next().unwrap().member.sound;
        let mut census = Census::default();
        note(&mut census, 1, &[A, B], 1);
        note(&mut census, 2, &[failed, B], 1);
        assert!(sound(&census));
        census.outdate(&[at(1)]);
        assert!(note(&mut census, 2, &[failed, B], 1));
        assert!(!sound(&census));
    }
}
