//! What is known of each node of a cluster, by its own word and that of others. Decides, and does nothing
//! else.
//!
//! Few nodes are asked at a time, and each tells of all. So of each node one word is kept, and what a view
//! costs grows with the nodes that it lists, not with the views that there were.
//!
//! Invariant: a node's own word stands until it says something else, or its connection has ended. Of nodes
//! that have not spoken the word of the highest configuration epoch counts. Where somebody says something
//! else of a node than what stands, the node is to be asked itself; where several do, in some rounds, and
//! nobody but itself says what it says, it is overruled until somebody else does. One that several do not
//! know, and hardly anybody lists, is unknown; so is one that nobody else lists, where any spoke before it was
//! heard of: in which order nodes answer, and whether one was forgotten meanwhile, makes no lie better.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::nodes::{self, ClusterView, Member};
use crate::url::Endpoint;

/// After so many rounds in which all spoke against a word it gives way to any other.
pub(super) const PATIENCE: u32 = 3;
/// So many others must speak against what a node goes on saying of itself.
const CRITICS: usize = 2;
/// Of how many nodes a word is kept, of more than one view.
const MOST_KNOWN: usize = 4 * nodes::MOST;
/// After so many rounds in which nobody listed a node it is forgotten: some hear of it late.
const MISSED: u32 = 2;

/// How many of those that spoke last are remembered.
const WITNESSES: usize = 4;

/// One word for each node.
#[derive(Debug, Default)]
pub(super) struct Census {
    known: BTreeMap<String, Known>,
    /// Who spoke when an endpoint was asked.
    speakers: HashMap<Endpoint, String>,
    /// Who spoke last of those who know their cluster, the latest at the end.
    witnesses: Vec<Speaker>,
    /// How many views there were.
    views: u64,
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
    /// What another one says of it with a higher epoch than its own word.
    pub(super) rumour: Option<Member>,
    /// The round of the word, and the last one in which the node was listed at all.
    round: u32,
    seen: u32,
    /// The last rounds in which somebody said the same, and something else that does not count.
    upheld: u32,
    disputed: u32,
    /// The last round in which another one said the same, and some of those who have said something else since.
    vouched: u32,
    critics: Vec<String>,
    /// How many rounds in a row somebody disputed it, and nobody upheld it: but itself, where several did.
    against: u32,
    /// Whether its own word has given way to that of others, and no other says the same.
    overruled: bool,
    /// In how many rounds in a row nobody listed the node who knows its cluster.
    missed: u32,
    renown: Renown,
}

/// Which others know a node: as many as matter of each kind.
#[derive(Debug, Default)]
struct Renown {
    listed_by: Vec<Speaker>,
    unknown_to: Vec<Speaker>,
    /// Whether others had spoken before anybody listed it.
    is_newcomer: bool,
    /// The last view that listed it.
    view: u64,
}

/// A node that spoke, and in which round. One that gives itself ever other names is the same one.
#[derive(Debug, Clone)]
struct Speaker {
    asked: Endpoint,
    id: String,
    round: u32,
}

impl Census {
    /// Takes note of what a node said that was asked in a round; tells whether anything is new.
    pub(super) fn note(&mut self, asked: &Endpoint, view: ClusterView, round: u32) -> bool {
        let mut is_new = false;
        let own = view.own();
        let is_informed = own.is_some_and(|own| !own.is_primary() || !own.slots.is_empty());
        let witness = Speaker { asked: asked.clone(), id: view.speaker, round };
        self.views += 1;
        for member in view.members {
            let own = member.id == witness.id;
            if let Some(known) = self.known.get_mut(&member.id) {
                let was_unknown = known.is_unknown();
                known.renown.note_listed(&witness, own, self.views);
                is_new |= known.is_unknown() != was_unknown;
                is_new |= known.hear(member, &witness.id, round);
            } else if self.known.len() < MOST_KNOWN {
                let id = member.id.clone();
                let mut known = Known::new(member, own, round);
                known.renown = Renown::new(&self.witnesses, &witness);
                known.renown.note_listed(&witness, own, self.views);
                self.known.insert(id, known);
                is_new = true;
            }
        }
        if is_informed {
            is_new |= self.note_unlisted(&witness);
            // One that the others do not know has nobody forgotten.
            self.is_informed |= !self.known.get(&witness.id).is_none_or(Known::is_unknown);
            self.witnesses.retain(|it| !it.is_same(&witness));
            self.witnesses.push(witness.clone());
            let surplus = self.witnesses.len().saturating_sub(WITNESSES);
            self.witnesses.drain(..surplus);
        }
        self.speakers.insert(witness.asked, witness.id);
        is_new
    }

    /// Notes whom the node that spoke last does not know; tells whether that makes anybody unknown.
    fn note_unlisted(&mut self, witness: &Speaker) -> bool {
        let mut is_new = false;
        for known in self.known.values_mut().filter(|it| it.renown.view < self.views) {
            let before = known.is_unknown();
            witness.join(&mut known.renown.unknown_to);
            is_new |= known.is_unknown() != before;
        }
        is_new
    }

    /// Whether several that know their cluster have spoken.
    pub(super) fn is_attested(&self) -> bool {
        self.witnesses.len() >= CRITICS
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
            let mut last_seen = None;
            self.known.retain(|_, known| {
                known.missed = if known.seen > closed { 0 } else { known.missed + 1 };
                let stays = known.missed < MISSED;
                last_seen = last_seen.max((!stays).then_some(known.seen));
                stays
            });
            // Those who spoke before may have listed one that is forgotten now.
            self.witnesses.retain(|it| last_seen.is_none_or(|seen| it.round > seen));
        }
        for known in self.known.values_mut() {
            let is_alone = known.vouched <= closed && known.critics.len() >= CRITICS;
            let is_against = known.disputed > closed && (known.upheld <= closed || is_alone);
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
        Self {
            member,
            own,
            rumour: None,
            round,
            seen: round,
            upheld: round,
            disputed: 0,
            vouched: 0,
            critics: Vec::new(),
            against: 0,
            overruled: false,
            missed: 0,
            renown: Renown::default(),
        }
    }

    /// Whether several do not know it, and hardly anybody else does.
    pub(super) fn is_unknown(&self) -> bool {
        let Renown { listed_by, unknown_to, is_newcomer, .. } = &self.renown;
        let is_stranger = *is_newcomer && listed_by.is_empty();
        is_stranger || (unknown_to.len() >= CRITICS && listed_by.len() < CRITICS)
    }

    /// Takes another word in place of this one, if it counts more; tells whether that is new.
    fn hear(&mut self, member: Member, speaker: &str, round: u32) -> bool {
        self.seen = self.seen.max(round);
        let own = member.id == speaker;
        let says_else = !member.says_the_same(&self.member);
        self.note_others(speaker, own, says_else, round);
        let (is_later, gives_way) = (round > self.round, self.against >= PATIENCE);
        let is_silent = own && self.overruled && says_else;
        let counts = match member.epoch.cmp(&self.member.epoch) {
            _ if is_silent => false,
            Ordering::Greater => own || !self.own || gives_way,
            Ordering::Equal => own || (is_later && (!self.own || gives_way)),
            Ordering::Less => (own && is_later) || gives_way,
        };
        if !counts {
            let of = if says_else { &mut self.disputed } else { &mut self.upheld };
            *of = round.max(*of);
            let is_rumour = !own && says_else && member.epoch > self.member.epoch;
            return is_rumour && self.rumour.replace(member.clone()) != Some(member);
        }
        let is_new = member != self.member;
        let overruled = !own && (self.overruled || (self.own && self.is_outvoted()));
        let former = std::mem::replace(self, Self::new(member, own, round));
        (self.seen, self.overruled, self.renown) = (former.seen, overruled, former.renown);
        if !says_else {
            // Saying it again does not answer those who deny it.
            (self.vouched, self.critics) = (former.vouched, former.critics);
            (self.disputed, self.against) = (former.disputed, former.against);
            // Nor those who tell of a later configuration.
            self.rumour = former.rumour.filter(|rumour| rumour.epoch > self.member.epoch);
        }
        is_new
    }

    /// Notes what another one than the node itself says of it.
    fn note_others(&mut self, speaker: &str, own: bool, says_else: bool, round: u32) {
        if own {
            return;
        }
        if says_else {
            add(&mut self.critics, speaker);
        } else {
            self.vouched = self.vouched.max(round);
            self.critics.clear();
        }
    }

    /// Whether several others say something else, and nobody but itself the same.
    fn is_outvoted(&self) -> bool {
        self.critics.len() >= CRITICS
    }
}

impl Renown {
    /// Of a node that is heard of for the first time, from a node that may have spoken before.
    fn new(witnesses: &[Speaker], speaker: &Speaker) -> Self {
        let mut unknown_to = Vec::new();
        // Whoever they had listed would be known.
        for witness in witnesses.iter().rev().filter(|it| !it.is_same(speaker)) {
            witness.join(&mut unknown_to);
        }
        let is_newcomer = !unknown_to.is_empty();
        Self { unknown_to, is_newcomer, ..Self::default() }
    }

    fn note_listed(&mut self, witness: &Speaker, own: bool, view: u64) {
        self.view = view;
        if !own {
            self.unknown_to.retain(|it| !it.is_same(witness));
            witness.join(&mut self.listed_by);
        }
    }
}

impl Speaker {
    fn is_same(&self, other: &Self) -> bool {
        self.id == other.id || self.asked == other.asked
    }

    /// Adds it to those who say something, unless those are enough.
    fn join(&self, to: &mut Vec<Self>) {
        if to.len() < CRITICS && !to.iter().any(|it| it.is_same(self)) {
            to.push(self.clone());
        }
    }
}

/// Adds one to those who say something, unless those are enough.
fn add(to: &mut Vec<String>, speaker: &str) {
    if to.len() < CRITICS && !to.iter().any(|it| it == speaker) {
        to.push(speaker.to_owned());
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

    const D: &str = "d h:4@1 master - 0 0 4 connected 20-29";
    /// All slots, with an epoch that nobody will reach.
    const HOARDER: &str = "d h:4@1 master - 0 0 18446744073709551615 connected 0-29";

    #[test]
    fn what_several_deny_and_nobody_else_says_is_overruled_until_somebody_does() {
        let mut census = Census::default();
        let slots = |census: &Census| census.all().last().unwrap().member.slots.clone();
        let round = |census: &mut Census, round: u32, of_d: &str| {
            note(census, 4, &[A, B, of_d], round);
            note(census, 1, &[A, B, D], round);
            note(census, 2, &[A, B, D], round);
            census.close(round);
        };
        round(&mut census, 1, D);
        for number in 2..=PATIENCE + 1 {
            round(&mut census, number, HOARDER);
            assert_eq!(slots(&census), [0..=29], "{number}");
        }
        for number in PATIENCE + 2..20 {
            round(&mut census, number, HOARDER);
            assert_eq!(slots(&census), [20..=29], "{number}");
        }
        // It gained some slots, and another one has heard of it.
        let more = "d h:4@1 master - 0 0 5 connected 15 20-29";
        note(&mut census, 4, &[A, B, more], 20);
        assert_eq!(slots(&census), [20..=29]);
        note(&mut census, 1, &[A, B, more], 20);
        assert_eq!(slots(&census), [15..=15, 20..=29]);
    }

    #[test]
    fn one_alone_overrules_nobody() {
        let mut census = Census::default();
        for round in 1..20 {
            note(&mut census, 1, &[A, B], round);
            note(&mut census, 2, &["a h:1@1 slave b 0 0 99 connected", B], round);
            census.close(round);
            assert_eq!(epochs(&census), [("a", 1, true), ("b", 2, true)], "{round}");
        }
    }

    #[test]
    fn others_do_not_say_where_a_node_is_that_answers() {
        let mut census = Census::default();
        let ports = |census: &Census| -> Vec<u16> {
            census.all().map(|it| it.member.endpoint.port).collect()
        };
        note(&mut census, 1, &[A, B], 1);
        note(&mut census, 2, &["a h:99@1 master - 0 0 99 connected 0-9", B], 2);
        assert_eq!(ports(&census), [1, 2]);
        census.outdate(&[at(1)]);
        note(&mut census, 2, &["a h:99@1 master - 0 0 99 connected 0-9", B], 3);
        assert_eq!(ports(&census), [99, 2]);
    }

    #[test]
    fn one_that_several_do_not_know_is_unknown_until_they_do() {
        let other = "x h:9@1 master - 0 0 99 connected 0-29";
        let mut census = Census::default();
        let is_unknown = |census: &Census| census.all().last().unwrap().is_unknown();
        note(&mut census, 2, &[A, B, other], 1);
        note(&mut census, 1, &[A, B], 1);
        assert!(!is_unknown(&census));
        assert!(note(&mut census, 4, &[A, B, D], 1));
        assert!(is_unknown(&census));
        note(&mut census, 9, &[A, B, other], 2);
        assert!(is_unknown(&census), "its own word is that of one");
        note(&mut census, 1, &[A, B, other], 2);
        assert!(!is_unknown(&census));
    }

    const LIAR: &str = "l h:9@1 master - 0 0 18446744073709551615 connected 0-29";

    #[test]
    fn one_that_nobody_else_lists_is_unknown_in_whatever_order_they_answer() {
        for order in [[1, 2, 9], [1, 9, 2], [9, 1, 2], [9, 2, 1], [2, 9, 1], [2, 1, 9]] {
            let mut census = Census::default();
            let mut heard = Vec::new();
            for port in order {
                let lines: &[&str] = if port == 9 { &[LIAR] } else { &[A, B] };
                note(&mut census, port, lines, 1);
                heard.push(port);
                let is_first = heard[0] == 9 && heard.len() < 3;
                if heard.contains(&9) && !is_first {
                    let unknown: Vec<_> = census.all().map(Known::is_unknown).collect();
                    assert_eq!(unknown, [false, false, true], "{order:?} {heard:?}");
                }
            }
        }
    }

    #[test]
    fn one_that_was_forgotten_is_unknown_when_it_answers_late() {
        let mut census = Census::default();
        note(&mut census, 9, &[LIAR], 1);
        for round in 1..5 {
            note(&mut census, 1, &[A, B], round);
            note(&mut census, 2, &[A, B], round);
            census.close(round);
        }
        assert_eq!(census.len(), 2);
        note(&mut census, 9, &[LIAR, "m h:8@1 master - 0 0 99 connected 0-29"], 5);
        let unknown: Vec<_> = census.all().map(Known::is_unknown).collect();
        assert_eq!(unknown, [false, false, true, true]);
    }

    #[test]
    fn one_that_the_others_do_not_know_has_nobody_forgotten() {
        let mut census = Census::default();
        for (port, lines) in [(1, &[A, B][..]), (2, &[A, B]), (9, &[LIAR])] {
            note(&mut census, port, lines, 1);
        }
        for round in 2..20 {
            note(&mut census, 9, &[LIAR], round);
            census.close(round);
        }
        assert_eq!(census.len(), 3);
    }

    #[test]
    fn one_that_gives_itself_other_names_is_one() {
        let mut census = Census::default();
        note(&mut census, 1, &[A, B], 1);
        for name in ["l", "k", "j"] {
            note(&mut census, 9, &[&LIAR.replacen('l', name, 1)], 1);
        }
        assert!(!census.all().any(|it| it.is_unknown() && it.member.endpoint.port < 9));
    }

    #[test]
    fn one_that_joins_is_known_once_two_list_it() {
        let mut census = Census::default();
        let all = [A, B, D];
        note(&mut census, 1, &[A, B], 1);
        note(&mut census, 2, &[A, B], 1);
        census.close(1);
        note(&mut census, 4, &all, 2);
        let is_unknown = |census: &Census| census.all().last().unwrap().is_unknown();
        assert!(is_unknown(&census));
        note(&mut census, 1, &all, 2);
        assert!(!is_unknown(&census));
    }
}
