//! The task that keeps in touch with all sentinels and data nodes, and has the primary serve.
//!
//! Invariant: it decides nothing, and never waits for a node; each is asked by a task of its own.

use std::collections::BTreeMap;
use std::iter::from_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use athena_cache_core::backend::Change;
use futures_util::future::{Either, join_all, select};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use super::machine::{SentinelAction, SentinelEvent, SentinelMachine};
use super::notices::Notice;
use super::poller::{Briefing, Order, Poller, Report, Reports};
use super::replies::{Listed, MOST};
use super::{SentinelState, Standing};
use crate::link::{Client, Link, Push, PushHandler};
use crate::url::Endpoint;

/// Watches for as long as the topology lives.
pub(super) async fn watch(shared: Arc<SentinelState>) {
    let (sender, mut reports) = mpsc::unbounded_channel();
    let mut alarm = shared.client.alarm();
    let mut standing = shared.standing.subscribe();
    let mut tracker = Tracker::new(shared, sender);
    let mut heard = None;
    loop {
        tracker.hear(heard.into_iter().chain(from_fn(|| reports.try_recv().ok())));
        let closed = pin!(standing.wait_for(|standing| matches!(standing, Standing::Closed)));
        let (report, doubt) = (pin!(reports.recv()), pin!(alarm.changed()));
        let asleep = pin!(sleep(tracker.machine.pause()));
        heard = match select(select(closed, report), select(doubt, asleep)).await {
            Either::Left((Either::Left(_), _)) => break,
            Either::Left((Either::Right((report, _)), _)) => report,
            Either::Right(_) => None,
        };
    }
    tracker.close().await;
}

struct Tracker {
    shared: Arc<SentinelState>,
    machine: SentinelMachine,
    /// Shared by the links to sentinels alone, whose troubles are none of the store's.
    client: Arc<Client>,
    reports: Reports,
    orders: watch::Sender<Order>,
    sentinels: BTreeMap<Endpoint, Poller>,
    nodes: BTreeMap<Endpoint, Poller>,
}

impl Tracker {
    fn new(shared: Arc<SentinelState>, reports: Reports) -> Self {
        let client = Arc::new(Client::new(shared.of_sentinels.response_timeout));
        let (service, seeds) = (Arc::clone(&shared.service), shared.seeds.iter().cloned());
        let machine = SentinelMachine::new(service, seeds, fastrand::Rng::new(), Instant::now());
        Self {
            shared,
            machine,
            client,
            reports,
            orders: watch::channel(Order::default()).0,
            sentinels: BTreeMap::new(),
            nodes: BTreeMap::new(),
        }
    }

    /// Hands over what has come, and does what follows from it.
    fn hear(&mut self, reports: impl Iterator<Item = Report>) {
        let now = Instant::now();
        let doubt = self.shared.current.load().as_ref().and_then(|link| link.doubt());
        let events = reports.map(SentinelEvent::Report);
        let link = std::iter::once(SentinelEvent::Link(doubt));
        for event in link.chain(events).chain([SentinelEvent::Tick]) {
            for action in self.machine.handle(event, now) {
                self.obey(action);
            }
        }
    }

    fn obey(&mut self, action: SentinelAction) {
        match action {
            SentinelAction::ForgetHistory(node) => {
                if let Some(poller) = self.nodes.get(&node) {
                    poller.link().forget_history();
                }
            }
            SentinelAction::Serve(node) => self.serve(&node),
            SentinelAction::Tell(failover) => {
                self.shared.client.tell(&Change::Failover(failover));
            }
            SentinelAction::TrustAgain => {
                if let Some(link) = &*self.shared.current.load() {
                    link.trust_again();
                }
            }
            SentinelAction::Order(order) => drop(self.orders.send_replace(order)),
            SentinelAction::PollSentinel(endpoint) => {
                let poller = self.poller_of_sentinel(endpoint.clone());
                if self.shared.seeds.contains(&endpoint) {
                    poller.link().urge();
                }
                self.shared.known.lock().sentinels.insert(endpoint.clone());
                self.sentinels.insert(endpoint, poller);
            }
            SentinelAction::PollNode(endpoint) => {
                let poller = self.poller_of_node(endpoint.clone());
                self.shared.known.lock().nodes.insert(endpoint.clone());
                self.nodes.insert(endpoint, poller);
            }
            SentinelAction::LeaveSentinel(endpoint) => {
                self.shared.known.lock().sentinels.remove(&endpoint);
                self.sentinels.remove(&endpoint);
            }
            SentinelAction::LeaveNode(endpoint) => {
                self.shared.known.lock().nodes.remove(&endpoint);
                self.nodes.remove(&endpoint);
            }
            SentinelAction::Urge(endpoint) => {
                if let Some(poller) = self.nodes.get(&endpoint) {
                    poller.link().urge();
                }
            }
            SentinelAction::Exceed { sentinel, all: Listed { replicas, peers } } => {
                let service = &self.shared.service;
                tracing::warn!(
                    %service, %sentinel, replicas, sentinels = peers,
                    "a sentinel lists more than {MOST} nodes of a kind: no more are taken"
                );
            }
            SentinelAction::Confirm(at) => self.shared.confirm(at),
            SentinelAction::CutOff(absence) => {
                self.shared.shortfalls.is_cut_off.store(true, Ordering::Release);
                tracing::warn!("{absence}");
            }
            SentinelAction::InTouch => {
                self.shared.shortfalls.is_cut_off.store(false, Ordering::Release);
                tracing::info!(service = %self.shared.service, "sentinels answer again");
            }
            SentinelAction::Vain(absence) => tracing::warn!("{absence}{}", absence.remedy()),
            SentinelAction::FallShort(shortfall) => {
                self.shared.shortfalls.is_short.store(true, Ordering::Release);
                let service = &self.shared.service;
                tracing::warn!(%service, "no majority of the sentinels confirms the primary: {shortfall}");
            }
            SentinelAction::Suffice => {
                self.shared.shortfalls.is_short.store(false, Ordering::Release);
                let service = &self.shared.service;
                tracing::info!(%service, "a majority of the sentinels confirms the primary again");
            }
            SentinelAction::Miss { absence, rounds } => self.shared.miss(absence, rounds),
        }
    }

    /// Lets a node serve from now on, and the one that did no longer.
    fn serve(&self, node: &Endpoint) {
        let Some(poller) = self.nodes.get(node) else { return };
        let link = poller.link();
        link.trust_again();
        if self.shared.serve(link).is_none() {
            let (endpoint, epoch) = (link.endpoint(), link.epoch());
            tracing::info!(%endpoint, epoch, "connected to the primary of the sentinels");
        }
    }

    fn poller_of_sentinel(&self, endpoint: Endpoint) -> Poller {
        let shared = &self.shared;
        let (service, reports) = (Arc::clone(&shared.service), self.reports.clone());
        let addresses = Arc::clone(&shared.access.addresses);
        let push_handler = PushHandler::Channels(Arc::new(move |push: Push| {
            if let Some(notice) = Notice::read(&push, &service, &addresses) {
                // Nobody hears it once the tracker has gone.
                drop(reports.send(Report::Notice(notice)));
            }
        }));
        let access = Arc::clone(&shared.of_sentinels);
        let link =
            Arc::new(Link::listening(endpoint, access, Arc::clone(&self.client), push_handler));
        let service = Arc::clone(&shared.service);
        Poller::of_sentinel(link, service, self.briefing())
    }

    fn poller_of_node(&self, endpoint: Endpoint) -> Poller {
        let (access, client) = (Arc::clone(&self.shared.access), Arc::clone(&self.shared.client));
        let link = Arc::new(Link::new(endpoint, access, client).on_standby());
        Poller::of_node(link, self.briefing())
    }

    fn briefing(&self) -> Briefing {
        Briefing {
            reports: self.reports.clone(),
            orders: self.orders.subscribe(),
            addresses: Arc::clone(&self.shared.access.addresses),
        }
    }

    async fn close(self) {
        let pollers = self.sentinels.into_values().chain(self.nodes.into_values());
        join_all(pollers.map(Poller::close)).await;
    }
}
