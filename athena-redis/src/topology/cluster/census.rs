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
//! know, and hardly anybody lists whose word counts, is unknown; so is one that no such node lists, where any
//! spoke before it was heard of: in which order nodes answer, and whether one was forgotten meanwhile, makes no
//! lie better. What one says of others that is unknown is not heard, and in the name of a node nobody speaks
//! but where that is said to be.

mod renown;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};

use self::renown::{CRITICS, Credit, Renown, Speaker};
use super::nodes::{self, ClusterView, Member};
use crate::url::Endpoint;

/// After so many rounds in which all spoke against a word it gives way to any other.
pub(super) const PATIENCE: u32 = 3;
/// Of how many nodes a word is kept, of more than one view.
const MOST_KNOWN: usize = 4 * nodes::MOST;
/// After so many rounds in which nobody listed a node it is forgotten: some hear of it late.
const MISSED: u32 = 2;
/// After so many rounds in which several spoke, and nobody but such that are unknown, they are all that is left.
const DESERTED: u32 = 10;
/// How many of those that spoke last are remembered.
const WITNESSES: usize = 4;

/// One word for each node.
#[derive(Debug, Default)]
pub(super) struct Census {
    /// Where whoever wrote the URL says that nodes are.
    seeds: HashSet<Endpoint>,
    known: BTreeMap<String, Known>,
    /// Who spoke when an endpoint was asked.
    speakers: HashMap<Endpoint, String>,
    /// Who spoke last of those who know their cluster, the latest at the end.
    witnesses: Vec<Speaker>,
    /// How many views there were.
    views: u64,
    /// The round that was closed last, and who has spoken since.
    closed: u32,
    spoken: Spoken,
    /// In how many rounds several have spoken since anybody did that is not unknown.
    deserted: u32,
}

/// Who has spoken of those who know their cluster.
#[derive(Debug)]
enum Spoken {
    /// None but such that the others do not know: as many as matter.
    Strangers(Vec<Speaker>),
    Members,
}

impl Default for Spoken {
    fn default() -> Self {
        Self::Strangers(Vec::new())
    }
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
    critics: Vec<Speaker>,
    /// How many rounds in a row somebody disputed it, and nobody upheld it: but itself, where several did.
    against: u32,
    /// Whether its own word has given way to that of others, and no other says the same.
    overruled: bool,
    /// In how many rounds in a row nobody listed the node who knows its cluster.
    missed: u32,
    renown: Renown,
}

impl Census {
    /// Nobody has spoken yet.
    pub(super) fn new(seeds: impl IntoIterator<Item = Endpoint>) -> Self {
        Self { seeds: seeds.into_iter().collect(), ..Self::default() }
    }

    /// Takes note of what a node said that was asked in a round; tells whether anything is new.
    pub(super) fn note(&mut self, asked: &Endpoint, view: ClusterView, round: u32) -> bool {
        let own = view.own();
        let is_informed = own.is_some_and(|own| !own.is_primary() || !own.slots.is_empty());
        let speaker = Speaker { asked: asked.clone(), id: view.speaker, round };
        if self.is_elsewhere(&speaker) {
            return false;
        }
        self.views += 1;
        let (own, others): (Vec<_>, _) =
            view.members.into_iter().partition(|member| member.id == speaker.id);
        let mut is_new = self.take_all(own, &speaker, Credit::Some);
        let credit = self.credit_of(&speaker);
        if credit > Credit::None {
            is_new |= self.take_all(others, &speaker, credit);
        }
        if is_informed {
            self.note_spoken(&speaker);
        }
        if is_informed && credit > Credit::None {
            is_new |= self.note_unlisted(&speaker);
            self.witnesses.retain(|it| !it.is_same(&speaker));
            self.witnesses.push(speaker.clone());
            let surplus = self.witnesses.len().saturating_sub(WITNESSES);
            self.witnesses.drain(..surplus);
        }
        is_new |= self.disown();
        self.speakers.insert(speaker.asked, speaker.id);
        is_new
    }

    /// Whether somebody speaks in the name of a node at a place where nobody says that this one is.
    fn is_elsewhere(&self, speaker: &Speaker) -> bool {
        let Some(Known { member, .. }) = self.known.get(&speaker.id) else { return false };
        let places =
            [Some(&member.endpoint), member.alias.as_ref(), self.seeds.get(&speaker.asked)];
        !places.contains(&Some(&speaker.asked))
    }

    /// Takes note of what a node says of some, as far as that counts.
    fn take_all(&mut self, members: Vec<Member>, speaker: &Speaker, credit: Credit) -> bool {
        let mut is_new = false;
        for member in members {
            is_new |= self.take(member, speaker, credit);
        }
        is_new
    }

    fn take(&mut self, member: Member, speaker: &Speaker, credit: Credit) -> bool {
        let own = member.id == speaker.id;
        let is_known = self.known.contains_key(&member.id);
        if !is_known && self.known.len() >= MOST_KNOWN {
            return false;
        }
        let known = self.known.entry(member.id.clone()).or_insert_with(|| {
            let renown = Renown::new(&self.witnesses, speaker);
            Known { renown, ..Known::new(member.clone(), own, speaker.round) }
        });
        let was_unknown = known.is_unknown();
        known.renown.view = self.views;
        if !own {
            known.renown.note_listed(speaker, credit);
        }
        let is_new = known.is_unknown() != was_unknown;
        if is_known { known.hear(member, speaker) || is_new } else { true }
    }

    /// How much of what a node says of others counts.
    fn credit_of(&mut self, speaker: &Speaker) -> Credit {
        let is_seed = self.seeds.contains(&speaker.asked);
        let Some(known) = self.known.get_mut(&speaker.id) else { return Credit::None };
        let credit = known.renown.credit();
        if is_seed || credit > Credit::None {
            known.renown.note_spoken(is_seed);
        }
        if is_seed { Credit::Vouched } else { credit }
    }

    fn note_spoken(&mut self, speaker: &Speaker) {
        // One that the others do not know has nobody forgotten.
        let is_unknown = self.known.get(&speaker.id).is_none_or(Known::is_unknown);
        match &mut self.spoken {
            Spoken::Members => {}
            Spoken::Strangers(strangers) if is_unknown => speaker.join(strangers),
            Spoken::Strangers(_) => self.spoken = Spoken::Members,
        }
    }

    /// Notes whom the node that spoke last does not know; tells whether that makes anybody unknown.
    fn note_unlisted(&mut self, witness: &Speaker) -> bool {
        let mut is_new = false;
        for known in self.known.values_mut().filter(|it| it.renown.view < self.views) {
            let before = known.is_unknown();
            known.renown.note_unlisted(witness);
            is_new |= known.is_unknown() != before;
        }
        is_new
    }

    /// Forgets what those said of others who are unknown now; tells whether that changes who is.
    fn disown(&mut self) -> bool {
        let mut is_new = false;
        loop {
            let unknown = self.known.iter_mut();
            let unknown = unknown.filter_map(|(id, it)| it.renown.is_disowned().then_some(id));
            let strangers: HashSet<_> = unknown.cloned().collect();
            if strangers.is_empty() {
                return is_new;
            }
            let stays =
                |it: &Speaker| !strangers.contains(&it.id) || self.seeds.contains(&it.asked);
            self.witnesses.retain(stays);
            for known in self.known.values_mut() {
                let before = known.is_unknown();
                known.critics.retain(stays);
                known.renown.disown(&strangers, &self.seeds);
                is_new |= known.is_unknown() != before;
            }
        }
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
        let spoken = std::mem::take(&mut self.spoken);
        self.note_deserted(&spoken);
        if matches!(spoken, Spoken::Members) {
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
            known.renown.close();
        }
        self.closed = round;
        self.known.len() != before
    }

    /// Takes those for the cluster that were unknown, if several speak and for long nobody who knows better.
    fn note_deserted(&mut self, spoken: &Spoken) {
        match spoken {
            Spoken::Members => self.deserted = 0,
            Spoken::Strangers(strangers) if strangers.len() < CRITICS => {}
            Spoken::Strangers(_) => self.deserted += 1,
        }
        if self.deserted >= DESERTED {
            self.deserted = 0;
            self.witnesses.clear();
            for known in self.known.values_mut() {
                known.renown.begin_anew();
            }
        }
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
        self.renown.is_unknown()
    }

    /// Whether its word counts: others know it, and it was not overruled.
    pub(super) fn counts(&self) -> bool {
        !self.is_unknown() && !self.overruled
    }

    /// Whether it is more than one other node's word that it is there.
    pub(super) fn is_attested(&self) -> bool {
        !self.is_unknown() && (self.own || self.renown.is_listed_by_several())
    }

    /// Takes another word in place of this one, if it counts more; tells whether that is new.
    fn hear(&mut self, member: Member, speaker: &Speaker) -> bool {
        let (own, round) = (member.id == speaker.id, speaker.round);
        self.seen = self.seen.max(round);
        let says_else = !member.says_the_same(&self.member);
        if !own {
            self.note_others(speaker, says_else);
        }
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
    fn note_others(&mut self, speaker: &Speaker, says_else: bool) {
        if says_else {
            speaker.join(&mut self.critics);
        } else {
            self.vouched = self.vouched.max(speaker.round);
            self.critics.clear();
        }
    }

    /// Whether several others say something else, and nobody but itself the same.
    fn is_outvoted(&self) -> bool {
        self.critics.len() >= CRITICS
    }
}
