//! What follows from what the nodes of a cluster and their links say. Decides, and does nothing else.
//!
//! Every node tells of all others, so that few of them are asked: now and then some of the primaries, and
//! soon after an operation met something else than the map shows those whom it met there as well. While a
//! primary is in doubt its replicas are asked too, at a fast pace: the one that is promoted knows it first.
//! Of whom two nodes say different things, it is asked itself.
//! Where one node alone has all slots, or the first map is one node's word, some seeds are asked as well: they
//! are the word of whoever wrote the URL.
//!
//! Replicas are not connected to otherwise. An election takes longer than a dial, so a warm link would
//! gain nothing, and it would double the connections and heartbeats that the cluster has to bear.
//!
//! Invariant: no answer is waited for before others are made use of, and a node is asked one question
//! at a time: one that hangs costs nobody anything.

mod company;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use athena_cache_core::backend::{Cause, Failure};
use fastrand::Rng;
use tokio::time::Instant;

use super::census::{Census, PATIENCE};
use super::layout::{Layout, Succession};
use super::nodes::{ClusterView, MOST, Member};
use super::reach::Contact;
use super::report::cause;
use super::{Reason, pace};
use crate::link::Doubt;
use crate::url::Endpoint;

/// While something is looked for, every how manyth round goes to others than replicas as well.
const FULL_EVERY: u32 = 8;
/// What the refresher has learnt.
#[derive(Debug)]
pub(super) enum ClusterEvent {
    /// Everything that has come was handed over: what the links show now.
    Look,
    /// Somebody met what the map does not show, at these nodes.
    Wanted(Vec<Endpoint>),
    /// It is time for the next round.
    Due,
    /// What came of a question.
    Answer {
        node: Endpoint,
        view: Result<ClusterView, Failure>,
        /// Whether the node was ever connected to.
        was_connected: bool,
        /// Whose last word counts no longer.
        outdated: Vec<Endpoint>,
    },
}

/// What the map and the links show at the moment.
#[derive(Debug, Default)]
pub(super) struct Shown<'a> {
    /// Who serves slots.
    pub(super) owners: Vec<Owner<'a>>,
    /// How often each seed was dialed in vain, while a first map is searched for.
    pub(super) dialed: Vec<u32>,
    /// Since when redirects have made the map another than was installed, if they have.
    pub(super) patched_since: Option<Instant>,
}

/// A node that serves slots, by its link.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) doubt: Option<Doubt>,
    pub(super) was_connected: bool,
}

/// What the refresher is to do.
#[derive(Debug)]
pub(super) enum ClusterAction {
    Ask(Endpoint),
    /// Dial a node before others that are merely asked: somebody waits for its answer.
    Urge(Endpoint),
    /// Say that a node lists more than are taken, once.
    Exceed {
        node: Endpoint,
        listed: usize,
    },
    /// Let go of all links but those in the map and these.
    Keep(HashSet<Endpoint>),
    /// Forget that a node said it does not serve.
    TrustAgain(Endpoint),
    /// Have operations follow a layout.
    Install(Arc<Layout>),
    /// Let those go on who wait for a first map: there is another one.
    Found,
    /// End what is in flight to a node that is silent and serves nothing any more.
    Retire(Endpoint),
    /// Tell of a failover once its new node can be used.
    Tell {
        succession: Succession,
        cause: Cause,
        since: Instant,
    },
    /// Let those know who wait for a first map that all seeds were asked in vain so often.
    Vain {
        rounds: u32,
        reason: Arc<Reason>,
    },
    /// Say that a node that others tell of cannot be reached, once.
    Unreached(Endpoint),
    /// Say that nobody answers, once.
    CutOff(Option<Arc<Reason>>),
    /// Say that nodes answer again.
    InTouch,
}

/// What is known of the cluster, who is in doubt, and who was asked.
#[derive(Debug)]
pub(super) struct ClusterMachine {
    seeds: Vec<Endpoint>,
    layout: Option<Arc<Layout>>,
    census: Census,
    news: News,
    /// Whom an answer is waited for from, and since which round.
    asked: HashMap<Endpoint, u32>,
    /// Whom the latest full round went to.
    company: HashSet<Endpoint>,
    /// Whom something was met at that the map does not show.
    met: HashSet<Endpoint>,
    /// Who lost slots though nothing spoke against it, and in how many rounds it is still asked about that.
    contested: (HashSet<Endpoint>, u32),
    first_map: FirstMap,
    /// Primaries in doubt.
    doubts: HashMap<Endpoint, Doubted>,
    is_wanted: bool,
    /// Whether it was told that a node cannot be reached, and that one lists too many.
    is_unreached: bool,
    is_exceeded: bool,
    rounds: u32,
    /// The full round whose end is waited for, and the latest one that began since.
    open: Option<FullRound>,
    next: Option<FullRound>,
    began: Instant,
    last: Option<Instant>,
    /// The latest full round, and the pause after it.
    last_full: Option<Instant>,
    idle: Duration,
    contact: Contact,
    /// Which of the seeds is asked first: not the same one by all instances.
    first_seed: usize,
    random: Rng,
    actions: Vec<ClusterAction>,
}

/// What has come since conclusions were drawn.
#[derive(Debug, Default)]
struct News {
    /// Whether the census has changed.
    is_new: bool,
    answered: Vec<Endpoint>,
    /// The full round of which everybody has answered, or will not.
    ended: Option<FullRound>,
}

/// A round of questions that goes to others than replicas as well.
#[derive(Debug, Clone, Copy)]
struct FullRound {
    number: u32,
    began: Instant,
}

/// Whether the first map is one node's word, or nodes disagree about it; and in how many full rounds that is
/// still looked into soon.
#[derive(Debug)]
struct FirstMap {
    is_doubtful: bool,
    rounds: u32,
}

#[derive(Debug, Clone, Copy)]
struct Doubted {
    since: Instant,
    doubt: Doubt,
}

impl ClusterMachine {
    /// Begins a search for a first map.
    pub(super) fn new(seeds: Vec<Endpoint>, mut random: Rng, now: Instant) -> Self {
        let first_seed = random.usize(..seeds.len().max(1));
        Self {
            census: Census::new(seeds.iter().cloned()),
            seeds,
            layout: None,
            news: News::default(),
            asked: HashMap::new(),
            company: HashSet::new(),
            met: HashSet::new(),
            contested: (HashSet::new(), 0),
            first_map: FirstMap { is_doubtful: false, rounds: PATIENCE + 2 },
            doubts: HashMap::new(),
            is_wanted: false,
            is_unreached: false,
            is_exceeded: false,
            rounds: 0,
            open: None,
            next: None,
            began: now,
            last: None,
            last_full: None,
            idle: Duration::ZERO,
            contact: Contact::default(),
            first_seed,
            random,
            actions: Vec::new(),
        }
    }

    /// Takes note of an event, and answers what is to be done, in this order.
    pub(super) fn handle(
        &mut self,
        event: ClusterEvent,
        shown: &Shown<'_>,
        now: Instant,
    ) -> Vec<ClusterAction> {
        match event {
            ClusterEvent::Look => {
                self.review(&shown.owners, now);
                self.conclude(shown, now);
            }
            ClusterEvent::Wanted(nodes) => {
                self.is_wanted = true;
                self.met.extend(nodes);
            }
            ClusterEvent::Due => self.ask(&shown.owners, now),
            ClusterEvent::Answer { node, view, was_connected, outdated } => {
                let round = self.asked.remove(&node).unwrap_or(self.rounds);
                match view {
                    Ok(view) => self.hear(node, view, &outdated, round),
                    Err(failure) => self.contact.note_refusal(node, &failure, was_connected),
                }
                self.note_end();
            }
        }
        std::mem::take(&mut self.actions)
    }

    /// Whether it has no layout yet.
    pub(super) fn is_searching(&self) -> bool {
        self.layout.is_none()
    }

    /// When the next round begins.
    pub(super) fn due(&self, now: Instant) -> Instant {
        let (Some(last), Some(last_full)) = (self.last, self.last_full) else { return now };
        let looking_since = match &self.layout {
            None => Some(self.began),
            Some(_) => self.doubts.values().map(|it| it.since).max(),
        };
        let elapsed = |since| now.saturating_duration_since(since);
        let lines = self.census.len() * self.asked.len();
        let looking = looking_since.map(|since| last + pace::looking(elapsed(since), lines));
        let wanted = self.is_wanted.then(|| last_full + pace::shortest(self.census.len()));
        let due = last_full + self.idle;
        looking.into_iter().chain(wanted).fold(due, Instant::min)
    }

    /// Notes which primaries came into doubt and which are sound again.
    fn review(&mut self, owners: &[Owner<'_>], now: Instant) {
        let mut doubts = HashMap::new();
        for owner in owners {
            let Some(doubt) = owner.doubt else { continue };
            let known = self.doubts.remove(owner.endpoint);
            let since = known.map_or(now, |known| known.since);
            // A node that was lost once is not made sound by a word about its successor.
            let doubt = match known {
                Some(known) if doubt == Doubt::NotServing => known.doubt,
                _ => doubt,
            };
            // Asked about at once, but only once: a node may be loading for minutes.
            self.is_wanted |= doubt == Doubt::NotServing && known.is_none();
            doubts.insert(owner.endpoint.clone(), Doubted { since, doubt });
        }
        // Those that are left came back, perhaps as somebody else.
        self.is_wanted |= !self.doubts.is_empty();
        let serving = owners.iter().map(|owner| owner.endpoint);
        self.met.extend(serving.filter(|node| self.doubts.contains_key(node)).cloned());
        self.doubts = doubts;
        self.tell_unreached(owners);
    }

    /// Says that a node cannot be reached where others say that it is; again once all were.
    fn tell_unreached(&mut self, owners: &[Owner<'_>]) {
        let is_unreached =
            |owner: &&Owner<'_>| owner.doubt == Some(Doubt::Lost) && !owner.was_connected;
        let unreached = owners.iter().find(is_unreached);
        if let Some(owner) = unreached.filter(|_| !self.is_unreached) {
            self.actions.push(ClusterAction::Unreached(owner.endpoint.clone()));
        }
        self.is_unreached = unreached.is_some();
    }

    /// Begins a round.
    fn ask(&mut self, owners: &[Owner<'_>], now: Instant) {
        let is_full = self.layout.is_none()
            || self.is_wanted
            || self.doubts.is_empty()
            || self.rounds.is_multiple_of(FULL_EVERY);
        self.last = Some(now);
        self.rounds = self.rounds.wrapping_add(1);
        let mut targets = self.replicas_in_question();
        let mut urged = targets.clone();
        if self.layout.is_none() {
            urged.extend(self.seeds.iter().cloned());
        }
        if is_full {
            self.company = self.company(owners);
            targets.extend(self.company.iter().cloned());
            self.last_full = Some(now);
            self.idle = pace::idle(self.random.f64());
            self.is_wanted = self.contested.1 > 0;
            self.begin_full(now);
        }
        if let Some(layout) = &self.layout {
            let mut keep = targets.clone();
            keep.extend(layout.primaries().chain(&self.company).chain(self.asked.keys()).cloned());
            self.actions.push(ClusterAction::Keep(keep));
        }
        for node in targets {
            if !self.asked.contains_key(&node) {
                self.asked.insert(node.clone(), self.rounds);
                let is_urged = urged.contains(&node);
                self.actions.push(ClusterAction::Ask(node.clone()));
                self.actions.extend(is_urged.then_some(ClusterAction::Urge(node)));
            }
        }
    }

    /// Notes that a full round has begun. However many others begin meanwhile, it ends when its own questions do.
    fn begin_full(&mut self, now: Instant) {
        let round = FullRound { number: self.rounds, began: now };
        match self.open {
            None => self.open = Some(round),
            Some(_) => self.next = Some(round),
        }
    }

    /// Notes which full round has ended, if one has.
    fn note_end(&mut self) {
        while let Some(open) = self.open
            && !self.asked.values().any(|round| *round <= open.number)
        {
            self.news.ended = Some(open);
            self.open = self.next.take();
        }
    }

    /// Takes note of what a node says.
    fn hear(&mut self, node: Endpoint, view: ClusterView, outdated: &[Endpoint], round: u32) {
        if self.contact.note_answer(self.rounds) {
            self.actions.push(ClusterAction::InTouch);
        }
        if view.own().is_some_and(Member::is_primary) {
            self.actions.push(ClusterAction::TrustAgain(node.clone()));
        }
        if view.listed > MOST && !std::mem::replace(&mut self.is_exceeded, true) {
            let (node, listed) = (node.clone(), view.listed);
            self.actions.push(ClusterAction::Exceed { node, listed });
        }
        self.census.outdate(outdated);
        self.news.is_new |= self.census.note(&node, view, round) || self.layout.is_none();
        self.news.answered.push(node);
    }

    /// Draws the conclusions from all answers that have come.
    fn conclude(&mut self, shown: &Shown<'_>, now: Instant) {
        let News { mut is_new, answered, ended } = std::mem::take(&mut self.news);
        if let Some(round) = ended {
            is_new |= self.census.close(round.number);
        }
        let is_installed = is_new && self.learn(shown, now);
        if ended.is_some() || !answered.is_empty() {
            self.settle(ended.is_some());
        }
        if self.layout.is_none() {
            for node in answered {
                self.contact.note_vacancy(node);
            }
        }
        if let Some(round) = ended {
            let is_denied = shown.patched_since.is_some_and(|at| at <= round.began);
            self.end_round(round, &shown.dialed, is_denied && !is_installed);
        }
    }

    /// Works out what all words say together; tells whether operations are to follow it.
    fn learn(&mut self, shown: &Shown<'_>, now: Instant) -> bool {
        let mut layout = Layout::of(&self.census);
        if layout.is_vacant() {
            return false;
        }
        if let Some(former) = &self.layout {
            layout.keep(former, &self.census);
        }
        let layout = Arc::new(layout);
        if self.layout.as_ref() == Some(&layout) {
            return false;
        }
        let former = self.layout.replace(Arc::clone(&layout));
        if former.as_ref().is_some_and(|former| former.owners().eq(layout.owners())) {
            return false;
        }
        if let Some(former) = &former {
            self.contest(former, &layout, shown);
        }
        let successions = former.map(|it| layout.successions_since(&it)).unwrap_or_default();
        self.actions.extend([ClusterAction::Install(layout), ClusterAction::Found]);
        for succession in successions {
            let (cause, since) = self.cause_of(&succession, shown, now);
            self.actions.push(ClusterAction::Retire(succession.from.clone()));
            self.actions.push(ClusterAction::Tell { succession, cause, since });
        }
        true
    }

    /// Has those asked soon, and some times, who lost slots though nothing speaks against them: whoever says
    /// that it serves them is believed at once, and has to be confirmed by others.
    fn contest(&mut self, former: &Layout, layout: &Layout, shown: &Shown<'_>) {
        let sound = shown.owners.iter().filter(|owner| owner.doubt.is_none());
        let sound: HashSet<_> = sound.map(|owner| owner.endpoint).collect();
        let pairs = former.owners().zip(layout.owners());
        let losers = pairs.filter(|(from, to)| from != to).filter_map(|(from, _)| from);
        let losers: HashSet<_> = losers.filter(|from| sound.contains(from)).cloned().collect();
        if !losers.is_empty() {
            self.contested = (losers, PATIENCE + 2);
            self.is_wanted = true;
        }
    }

    /// Has seeds asked about a first map that is one node's word, or that seeds disagree about: nobody has lost
    /// anything by it whom links would show.
    fn settle(&mut self, is_over: bool) {
        let Some(layout) = self.layout.as_ref() else { return };
        let FirstMap { is_doubtful, rounds } = self.first_map;
        if rounds == 0 && !is_doubtful {
            return;
        }
        let denied = layout.denied(&self.census);
        let is_alone = self.seeds.len() > 1 && !self.census.is_attested();
        // Those who were asked may still answer.
        let is_doubtful = !denied.is_empty() || (is_alone && (is_over || is_doubtful));
        self.first_map.is_doubtful = is_doubtful;
        if is_doubtful && rounds > 0 {
            self.is_wanted = true;
            if !denied.is_empty() {
                self.contested = (denied, rounds);
            }
        }
    }

    /// What set a succession off, and when it showed first.
    fn cause_of(
        &self,
        succession: &Succession,
        shown: &Shown<'_>,
        now: Instant,
    ) -> (Cause, Instant) {
        let doubted = self.doubts.get(&succession.from);
        let former = shown.owners.iter().find(|owner| *owner.endpoint == succession.from);
        let was_connected = former.is_some_and(|owner| owner.was_connected);
        let seen = doubted.map(|it| it.since).or(shown.patched_since);
        (cause(doubted.map(|it| it.doubt), was_connected), seen.unwrap_or(now))
    }

    /// Everybody who was asked has answered, or will not.
    fn end_round(&mut self, round: FullRound, dialed: &[u32], is_denied: bool) {
        if self.contact.end_round(round.number) {
            self.actions.push(ClusterAction::CutOff(self.contact.reason()));
        }
        match &self.layout {
            None => self.give_up_waiting(dialed),
            // A redirect that no node confirms was none, whatever has been met since.
            Some(layout) if is_denied => {
                self.actions.push(ClusterAction::Install(Arc::clone(layout)));
            }
            Some(_) => {}
        }
    }

    /// Lets those who wait for a first map know that all seeds were asked in vain.
    fn give_up_waiting(&mut self, dialed: &[u32]) {
        let dialed = dialed.iter().copied().chain(std::iter::repeat(0));
        let useless = self.seeds.iter().map(|seed| self.contact.useless_answers_of(seed));
        let rounds = useless.zip(dialed).map(|(useless, dialed)| useless + dialed).min();
        let rounds = rounds.unwrap_or_default();
        if let Some(reason) = self.contact.reason().filter(|_| rounds > 0) {
            self.actions.push(ClusterAction::Vain { rounds, reason });
        }
    }
}
