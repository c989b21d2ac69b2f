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
mod conclusions;
mod doubts;
mod rounds;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use athena_cache_core::backend::{Cause, Failure};
use fastrand::Rng;
use tokio::time::Instant;

use super::Reason;
use super::census::{Census, PATIENCE};
use super::layout::{Layout, Succession};
use super::nodes::ClusterView;
use super::reach::Contact;
use crate::link::Doubt;
use crate::url::Endpoint;

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

/// Whether the first map is one node's word, or nodes disagree about it; and in how many full rounds that is
/// still looked into soon.
#[derive(Debug)]
struct FirstMap {
    is_doubtful: bool,
    rounds: u32,
}

/// A round of questions that goes to others than replicas as well.
#[derive(Debug, Clone, Copy)]
struct FullRound {
    number: u32,
    began: Instant,
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

    /// What follows from all words, as far as there were any.
    pub(super) fn layout(&self) -> Option<&Arc<Layout>> {
        self.layout.as_ref()
    }

    /// Whether it has no layout yet.
    pub(super) fn is_searching(&self) -> bool {
        self.layout.is_none()
    }
}
