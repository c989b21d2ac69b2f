//! The task that keeps in touch with all sentinels and data nodes, and moves the seat.
//!
//! Invariant: it never waits for a node; each is asked by a task of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::from_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use athena_cache_core::backend::{Cause, Change, Failover};
use futures_util::future::{Either, join_all, select};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use super::election::Election;
use super::members::Members;
use super::notices::Notice;
use super::poller::{Order, Poller, Report, Reports};
use super::replies::NodeRole;
use super::suspicion::{Sign, Suspicion};
use super::{SentinelState, Standing};
use crate::link::{Client, Doubt, Link, Push, PushHandler};
use crate::no_primary::Absence;
use crate::url::Endpoint;

/// How often to look around while all is well.
const CALM: Duration = Duration::from_millis(500);
/// The longest pause between two rounds of a search that nobody has ended yet.
const LONGEST_ROUND: Duration = Duration::from_secs(1);

/// Watches for as long as the topology lives.
pub(super) async fn watch(shared: Arc<SentinelState>, _idle: TrackerIdleAtEnd) {
    let (sender, mut reports) = mpsc::unbounded_channel();
    let mut alarm = shared.client.alarm();
    let mut standing = shared.standing.subscribe();
    let mut tracker = Tracker::new(shared, sender);
    loop {
        tracker.look(Instant::now());
        let heard = {
            let closed = pin!(standing.wait_for(|standing| matches!(standing, Standing::Closed)));
            let (report, doubt) = (pin!(reports.recv()), pin!(alarm.changed()));
            let asleep = pin!(sleep(tracker.pause()));
            match select(select(closed, report), select(doubt, asleep)).await {
                Either::Left((Either::Left(_), _)) => break,
                Either::Left((Either::Right((report, _)), _)) => report,
                Either::Right(_) => None,
            }
        };
        let now = Instant::now();
        for report in heard.into_iter().chain(from_fn(|| reports.try_recv().ok())) {
            tracker.take(report, now);
        }
    }
    tracker.close().await;
}

struct Tracker {
    shared: Arc<SentinelState>,
    /// Shared by the links to sentinels alone, whose troubles are none of the store's.
    client: Arc<Client>,
    reports: Reports,
    orders: watch::Sender<Order>,
    election: Election,
    members: Members,
    sentinels: BTreeMap<Endpoint, Poller>,
    nodes: BTreeMap<Endpoint, Poller>,
    suspicion: Option<Suspicion>,
    /// Whether it was told that no sentinel can be reached.
    is_cut_off: bool,
    /// When the next round of a search counts as failed, and how many did.
    round: Option<Instant>,
    rounds: u32,
}

impl Tracker {
    fn new(shared: Arc<SentinelState>, reports: Reports) -> Self {
        let client = Arc::new(Client::new(shared.of_sentinels.response_timeout));
        let members = Members::new(shared.seeds.iter().cloned());
        let suspicion = Some(Suspicion::new(Sign::Search, Instant::now()));
        let mut tracker = Self {
            shared,
            client,
            reports,
            orders: watch::channel(Order::default()).0,
            election: Election::default(),
            members,
            sentinels: BTreeMap::new(),
            nodes: BTreeMap::new(),
            suspicion,
            is_cut_off: false,
            round: None,
            rounds: 0,
        };
        tracker.muster();
        tracker
    }

    /// Notes what a node said.
    fn take(&mut self, report: Report, now: Instant) {
        match report {
            Report::Word { sentinel, word, asked } => {
                if !self.sentinels.contains_key(&sentinel) {
                    return;
                }
                if self.election.hear(&sentinel, word, now) {
                    self.stir(now);
                }
                self.election.confirm(&sentinel, asked);
            }
            Report::Lists { sentinel, lists } => self.members.note(&sentinel, lists, now),
            Report::News(notices) => self.learn(&notices, now),
            Report::Role { node, role } => {
                let Some(poller) = self.nodes.get(&node) else { return };
                if matches!(role, Ok(NodeRole::Replica(_))) {
                    // Were it promoted, its past would be another one.
                    poller.link().forget_history();
                }
                if self.election.testify(&node, role) {
                    self.stir(now);
                }
            }
        }
    }

    fn learn(&mut self, notices: &Notice, now: Instant) {
        let is_seat = |primary| self.election.seat() == Some(primary);
        let sign = match notices {
            Notice::Down { primary } if is_seat(primary) => Some(Sign::Down),
            Notice::Underway { primary } | Notice::Chosen { primary, .. } if is_seat(primary) => {
                Some(Sign::Announced)
            }
            _ => None,
        };
        self.election.learn(notices, now);
        if let Some(sign) = sign {
            self.suspect(sign, now);
        }
        if matches!(notices, Notice::Changed) {
            self.orders.send_modify(|order| order.edition += 1);
        }
        self.stir(now);
    }

    /// Looks at everything anew and acts on it.
    fn look(&mut self, now: Instant) {
        self.doubt(now);
        if let Some(endpoint) = self.election.decide(now) {
            self.adopt(&endpoint, now);
        }
        self.settle(now);
        self.muster();
        if let Some(at) = self.election.confirmed() {
            self.shared.confirm(at);
        }
        self.tell_standing(now);
        self.give_orders(now);
    }

    /// Raises the suspicion where there is a sign.
    fn doubt(&mut self, now: Instant) {
        let Some(link) = self.shared.current.load_full() else { return };
        let sign = match link.doubt() {
            Some(Doubt::Silent | Doubt::Lost) => Some(Sign::Silence),
            _ if self.election.is_replaced() => Some(Sign::Announced),
            _ if self.election.is_demoted() || self.election.is_outdated() => Some(Sign::Found),
            Some(Doubt::NotServing) => Some(Sign::Found),
            None => None,
        };
        if let Some(sign) = sign {
            self.suspect(sign, now);
        }
    }

    fn suspect(&mut self, sign: Sign, now: Instant) {
        let is_sound =
            self.shared.current.load().as_ref().is_some_and(|link| link.doubt().is_none());
        match &mut self.suspicion {
            Some(suspicion) if sign == Sign::Announced && is_sound => suspicion.announce(now),
            Some(_) => {}
            // Whoever announces it, a primary that is silent has failed.
            None if sign == Sign::Announced && !is_sound => {
                self.suspicion = Some(Suspicion::new(Sign::Silence, now));
            }
            None => self.suspicion = Some(Suspicion::new(sign, now)),
        }
    }

    fn stir(&mut self, now: Instant) {
        if let Some(suspicion) = &mut self.suspicion {
            suspicion.stir(now);
        }
    }

    /// Lets a node serve from now on, and the one that did no longer.
    fn adopt(&mut self, endpoint: &Endpoint, now: Instant) {
        let Some(link) = self.nodes.get(endpoint).map(|poller| Arc::clone(poller.link())) else {
            return;
        };
        link.trust_again();
        let suspicion = self.suspicion.take();
        let from = self.shared.serve(&link);
        let (endpoint, epoch) = (link.endpoint().clone(), link.epoch());
        match from {
            Some(from) if from != endpoint => {
                // Its poller held the link that has just been retired.
                self.nodes.remove(&from);
                self.election.forget(&from);
                let cause = suspicion.map_or(Cause::Unknown, |suspicion| suspicion.cause());
                let took = suspicion.map_or(Duration::ZERO, |suspicion| now - suspicion.since());
                let failover = Failover::new(from.to_string(), endpoint.to_string(), cause, took);
                self.shared.client.tell(&Change::Failover(failover));
            }
            _ => tracing::info!(%endpoint, epoch, "connected to the primary of the sentinels"),
        }
        // Everybody is asked at once, for what they say now.
        self.orders.send_modify(|order| order.edition += 1);
    }

    /// Ends the suspicion once the primary has been sound, and the sentinels quiet, for a while.
    fn settle(&mut self, now: Instant) {
        let Some(link) = self.shared.current.load_full() else { return };
        let is_due = self.suspicion.is_some_and(|suspicion| suspicion.is_over(now));
        if !is_due || !self.election.is_seated_well() || self.election.is_outdated() {
            return;
        }
        match link.doubt() {
            None => self.suspicion = None,
            // Were it refusing still, the next operation would say so, and the suspicion go on.
            Some(Doubt::NotServing) => link.trust_again(),
            Some(_) => {}
        }
    }

    /// Turns to the nodes that have appeared, and leaves those that have gone.
    fn muster(&mut self) {
        self.members.forget_strangers();
        let sentinels = self.members.sentinels();
        let mut nodes = self.members.replicas();
        nodes.extend(self.election.candidates());
        self.election.convene(&sentinels, &nodes);
        self.sentinels.retain(|endpoint, _| sentinels.contains(endpoint));
        self.nodes.retain(|endpoint, _| nodes.contains(endpoint));
        for endpoint in missing(sentinels, &self.sentinels) {
            let poller = self.scout_of_sentinel(endpoint.clone());
            self.sentinels.insert(endpoint, poller);
        }
        for endpoint in missing(nodes, &self.nodes) {
            let poller = self.scout_of_node(endpoint.clone());
            self.nodes.insert(endpoint, poller);
        }
    }

    fn scout_of_sentinel(&self, endpoint: Endpoint) -> Poller {
        let shared = &self.shared;
        let (service, reports) = (Arc::clone(&shared.service), self.reports.clone());
        let push_handler = PushHandler::Channels(Arc::new(move |push: Push| {
            if let Some(notices) = Notice::read(&push, &service) {
                // Nobody hears it once the tracker has gone.
                drop(reports.send(Report::News(notices)));
            }
        }));
        let access = Arc::clone(&shared.of_sentinels);
        let link =
            Arc::new(Link::listening(endpoint, access, Arc::clone(&self.client), push_handler));
        let service = Arc::clone(&shared.service);
        Poller::of_sentinel(link, service, self.reports.clone(), self.orders.subscribe())
    }

    fn scout_of_node(&self, endpoint: Endpoint) -> Poller {
        let (access, client) = (Arc::clone(&self.shared.access), Arc::clone(&self.shared.client));
        let link = Arc::new(Link::new(endpoint, access, client).as_standby());
        Poller::of_node(link, self.reports.clone(), self.orders.subscribe())
    }

    /// Says whether there are sentinels, and whether a search is in vain.
    fn tell_standing(&mut self, now: Instant) {
        let is_cut_off = self.election.is_cut_off();
        let is_seated = self.election.seat().is_some();
        if is_cut_off == self.is_cut_off && is_seated {
            return;
        }
        let absence = self.election.absence(&self.shared.service);
        if is_cut_off != self.is_cut_off {
            self.is_cut_off = is_cut_off;
            match &absence {
                Some(absence) if is_cut_off => tracing::warn!("{absence}"),
                _ => tracing::info!(service = %self.shared.service, "sentinels answer again"),
            }
        }
        if let Some(absence) = absence.filter(|_| !is_seated) {
            self.fail_round(absence, now);
        }
    }

    /// Counts a search that found nobody; the next one counts after a pause.
    fn fail_round(&mut self, absence: Absence, now: Instant) {
        let is_next = self.round.is_none_or(|round| round <= now);
        if is_next {
            self.rounds = self.rounds.saturating_add(1);
            let pause = Duration::from_millis(50) * 2_u32.saturating_pow(self.rounds.min(8));
            let pause = pause.min(LONGEST_ROUND).mul_f64(0.5 + 0.5 * fastrand::f64());
            self.round = Some(now + pause);
        }
        self.shared.miss(absence, self.rounds);
    }

    /// How long to wait for a report before looking around all the same.
    fn pause(&self) -> Duration {
        self.orders.borrow().pause.unwrap_or(CALM)
    }

    fn give_orders(&self, now: Instant) {
        let pause = self.suspicion.map(|suspicion| suspicion.pause(now));
        self.orders.send_if_modified(|order| {
            let is_new = order.pause != pause;
            order.pause = pause;
            is_new
        });
    }

    async fn close(self) {
        let pollers = self.sentinels.into_values().chain(self.nodes.into_values());
        join_all(pollers.map(Poller::close)).await;
    }
}

fn missing(wanted: BTreeSet<Endpoint>, present: &BTreeMap<Endpoint, Poller>) -> Vec<Endpoint> {
    wanted.into_iter().filter(|endpoint| !present.contains_key(endpoint)).collect()
}

/// Lets the next operation begin anew when the runtime of this task has ended.
pub(super) struct TrackerIdleAtEnd(pub(super) Arc<SentinelState>);

impl Drop for TrackerIdleAtEnd {
    fn drop(&mut self) {
        self.0.rest();
    }
}
