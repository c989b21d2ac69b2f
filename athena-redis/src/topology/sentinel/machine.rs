//! What follows from what sentinels, nodes and the serving link say. Decides, and does nothing else.
//!
//! The tracker feeds it: the state of the serving link first, then every report that has come, then a
//! tick, which answers what is to be done about all of them together.
//!
//! Invariant: a node is left only for one that has just been told to serve. Losing all sentinels
//! changes nothing.

mod doubts;
mod hearing;
mod standing;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use athena_cache_core::backend::{Cause, Failover};
use fastrand::Rng;
use tokio::time::Instant;

use super::election::Election;
use super::electorate::Shortfall;
use super::members::Members;
use super::poller::{Order, Report};
use super::replies::Listed;
use super::suspicion::{Sign, Suspicion};
use crate::link::{Backoff, Doubt};
use crate::no_primary::Absence;
use crate::url::Endpoint;

/// How often to look around while all is well.
const CALM: Duration = Duration::from_millis(500);
/// Between two orders to ask for the lists, however often sentinels say that they have changed.
const RELISTED: Duration = Duration::from_millis(20);

/// What the tracker has learnt.
#[derive(Debug)]
pub(super) enum SentinelEvent {
    /// What speaks against the serving node on its link, if there is one.
    Link(Option<Doubt>),
    /// What somebody said.
    Report(Report),
    /// Everything that has come was handed over.
    Tick,
}

/// What the tracker is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SentinelAction {
    /// Take the history of a node for unknown.
    ForgetHistory(Endpoint),
    /// Let a node serve from now on, and the one that did no longer.
    Serve(Endpoint),
    /// Tell of a failover; its new node serves.
    Tell(Failover),
    /// Forget that the serving node said it does not serve.
    TrustAgain,
    /// Ask in this way from now on.
    Order(Order),
    PollSentinel(Endpoint),
    PollNode(Endpoint),
    LeaveSentinel(Endpoint),
    LeaveNode(Endpoint),
    /// Let a node be dialed before those that are merely listed: somebody waits for its answer.
    Urge(Endpoint),
    /// Say that a sentinel lists more than are taken, once.
    Exceed {
        sentinel: Endpoint,
        all: Listed,
    },
    /// Note that the sentinels still held the serving node for the primary at an instant.
    Confirm(Instant),
    /// Say that no sentinel can be reached, once.
    CutOff(Absence),
    /// Say that sentinels answer again.
    InTouch,
    /// Say why a search finds nobody although sentinels answer, once.
    Vain(Absence),
    /// Say that no majority of the sentinels confirms who serves, once.
    FallShort(Shortfall),
    /// Say that one does again.
    Suffice,
    /// Let operations know that so many searches found nobody.
    Miss {
        absence: Absence,
        rounds: u32,
    },
}

/// Who serves, who is asked, and how closely.
#[derive(Debug)]
pub(super) struct SentinelMachine {
    service: Arc<str>,
    election: Election,
    members: Members,
    sentinels: BTreeSet<Endpoint>,
    nodes: BTreeSet<Endpoint>,
    /// Those of the nodes whose answers are waited for.
    urged: BTreeSet<Endpoint>,
    /// What speaks against the seat on its link.
    doubt: Option<Doubt>,
    suspicion: Option<Suspicion>,
    order: Order,
    /// The order that the pollers have, and when the lists were last asked for.
    given: Order,
    listed: Option<Instant>,
    /// How long to wait for a report at most: not long while the first lists wait for others.
    longest: Duration,
    /// Whether it was told that a sentinel lists too many.
    is_exceeded: bool,
    /// Whether it was told that no sentinel can be reached.
    is_cut_off: bool,
    /// Whether it was told that a search finds nobody.
    is_vain: bool,
    short: Short,
    /// When the next round of a search counts as failed, and how many did.
    round: Option<Instant>,
    rounds: Backoff,
    random: Rng,
    actions: Vec<SentinelAction>,
}

/// Whether a majority of the sentinels is missing.
#[derive(Debug, Clone, Copy)]
enum Short {
    No,
    Since(Instant),
    Told,
}

impl SentinelMachine {
    /// Begins a search.
    pub(super) fn new(
        service: Arc<str>,
        seeds: impl IntoIterator<Item = Endpoint>,
        random: Rng,
        now: Instant,
    ) -> Self {
        Self {
            service,
            election: Election::default(),
            members: Members::new(seeds),
            sentinels: BTreeSet::new(),
            nodes: BTreeSet::new(),
            urged: BTreeSet::new(),
            doubt: None,
            suspicion: Some(Suspicion::new(Sign::Search, now)),
            order: Order::default(),
            given: Order::default(),
            listed: None,
            longest: CALM,
            is_exceeded: false,
            is_cut_off: false,
            is_vain: false,
            short: Short::No,
            round: None,
            rounds: Backoff::default(),
            random,
            actions: Vec::new(),
        }
    }

    /// Takes note of an event, and answers what is to be done, in this order.
    pub(super) fn handle(&mut self, event: SentinelEvent, now: Instant) -> Vec<SentinelAction> {
        match event {
            SentinelEvent::Link(doubt) => {
                self.doubt = doubt;
                self.election.note_doubt(doubt.is_some());
            }
            SentinelEvent::Report(report) => self.take(report, now),
            SentinelEvent::Tick => self.look(now),
        }
        std::mem::take(&mut self.actions)
    }

    /// How long to wait for a report before the next tick.
    pub(super) fn pause(&self) -> Duration {
        let pause = self.order.pause.unwrap_or(CALM).min(self.longest);
        if self.order.edition == self.given.edition { pause } else { pause.min(RELISTED) }
    }

    /// Looks at everything anew.
    fn look(&mut self, now: Instant) {
        self.doubt(now);
        self.elect(now);
        self.settle(now);
        self.give_orders(now);
        self.muster(now);
        self.actions.extend(self.election.confirmed().map(SentinelAction::Confirm));
        self.tell_standing(now);
        self.tell_shortfall(now);
    }

    /// Has another node serve if one was elected.
    fn elect(&mut self, now: Instant) {
        let former = self.election.seat().cloned();
        let Some(elected) = self.election.decide(now) else { return };
        let suspicion = self.suspicion.take();
        self.doubt = None;
        self.is_vain = false;
        self.actions.push(SentinelAction::Serve(elected.clone()));
        if let Some(former) = former {
            // Its poller holds the link that is retired with this.
            self.nodes.remove(&former);
            self.urged.remove(&former);
            self.election.forget(&former);
            let cause = suspicion.map_or(Cause::Unknown, |suspicion| suspicion.cause());
            let took = suspicion.map_or(Duration::ZERO, |suspicion| now - suspicion.since());
            let failover = Failover::new(&former, &elected, cause, took);
            self.actions.push(SentinelAction::LeaveNode(former));
            self.actions.push(SentinelAction::Tell(failover));
        }
        // Everybody is asked at once, for what they say now.
        self.order.edition += 1;
    }

    fn give_orders(&mut self, now: Instant) {
        self.order.pause = self.suspicion.map(|suspicion| suspicion.pause(now));
        let mut order = self.order;
        let is_early = self.listed.is_some_and(|at| now.saturating_duration_since(at) < RELISTED);
        if order.edition != self.given.edition {
            if is_early {
                order.edition = self.given.edition;
            } else {
                self.listed = Some(now);
            }
        }
        if order != self.given {
            self.given = order;
            self.actions.push(SentinelAction::Order(order));
        }
    }

    /// Turns to the nodes that have appeared, and leaves those that have gone.
    fn muster(&mut self, now: Instant) {
        self.members.forget_strangers(now);
        self.longest = if self.members.awaits_lists(now) { RELISTED } else { CALM };
        let sentinels = self.members.sentinels(now);
        let nodes = self.election.convene(&sentinels, self.members.replicas(now), now);
        let (leave, poll) = (SentinelAction::LeaveSentinel, SentinelAction::PollSentinel);
        self.actions.extend(turn(&self.sentinels, &sentinels, leave, poll));
        let (leave, poll) = (SentinelAction::LeaveNode, SentinelAction::PollNode);
        self.actions.extend(turn(&self.nodes, &nodes, leave, poll));
        (self.sentinels, self.nodes) = (sentinels, nodes);
        let wanted: BTreeSet<_> =
            self.election.candidates(now).intersection(&self.nodes).cloned().collect();
        self.actions.extend(wanted.difference(&self.urged).cloned().map(SentinelAction::Urge));
        self.urged = wanted;
    }
}

/// Leaves those that have gone, and turns to those that have appeared.
fn turn<'a>(
    former: &'a BTreeSet<Endpoint>,
    present: &'a BTreeSet<Endpoint>,
    leave: fn(Endpoint) -> SentinelAction,
    poll: fn(Endpoint) -> SentinelAction,
) -> impl Iterator<Item = SentinelAction> + 'a {
    let gone = former.difference(present).cloned().map(leave);
    gone.chain(present.difference(former).cloned().map(poll))
}
