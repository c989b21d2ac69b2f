//! The task that keeps the map true: it asks nodes, and installs what follows from their answers.
//!
//! Invariant: it decides nothing, and waits for no node before it hears the others.

use std::collections::HashMap;
use std::future::pending;
use std::pin::pin;
use std::sync::{Arc, Weak};

use athena_cache_core::backend::Class;
use futures_util::future::{BoxFuture, FutureExt, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::machine::{ClusterAction, ClusterEvent, ClusterMachine, Owner, Shown};
use super::nodes::MOST;
use super::preference::Preference;
use super::question::{Answer, question};
use super::report::report;
use super::state::Reason;
use super::{ClusterState, Search, Wanted};
use crate::link::{Doubt, Link};
use crate::url::Endpoint;

/// Runs for as long as its cluster.
pub(super) async fn refresh(shared: Arc<ClusterState>) {
    let mut alarm = shared.client.alarm();
    let mut refresher = Refresher::new(Arc::clone(&shared));
    loop {
        refresher.handle(ClusterEvent::Look);
        refresher.tell_known();
        let event = match refresher.next(&shared.wanted, &mut alarm).await {
            Trigger::Answer(answer) => {
                refresher.hear(*answer);
                continue;
            }
            Trigger::Wanted(nodes) => ClusterEvent::Wanted(nodes),
            Trigger::Alarm => continue,
            Trigger::Due => ClusterEvent::Due,
        };
        refresher.handle(event);
    }
}

/// What the refresher acts on.
enum Trigger {
    Answer(Box<Answer>),
    Wanted(Vec<Endpoint>),
    Alarm,
    Due,
}

struct Refresher {
    shared: Arc<ClusterState>,
    machine: ClusterMachine,
    /// Which addresses the cluster prefers; asked for until several have told.
    preference: Preference,
    /// How each node spoke last.
    heard: HashMap<Endpoint, Heard>,
    /// Whether it was told that no node can be reached, and not yet that one can again.
    is_cut_off_told: bool,
    questions: FuturesUnordered<BoxFuture<'static, Answer>>,
    reports: FuturesUnordered<BoxFuture<'static, ()>>,
}

/// On which connection a node spoke.
struct Heard {
    link: Weak<Link>,
    epoch: u64,
}

impl Refresher {
    fn new(shared: Arc<ClusterState>) -> Self {
        let (seeds, random) = (shared.seeds.clone(), fastrand::Rng::new());
        Self {
            shared,
            machine: ClusterMachine::new(seeds, random, Instant::now()),
            preference: Preference::default(),
            heard: HashMap::new(),
            is_cut_off_told: false,
            questions: FuturesUnordered::new(),
            reports: FuturesUnordered::new(),
        }
    }

    /// Waits for whatever comes first; what else has come stays for the next time.
    async fn next(&mut self, wanted: &Wanted, alarm: &mut watch::Receiver<u64>) -> Trigger {
        let due = self.machine.due(Instant::now());
        let (questions, reports) = (&mut self.questions, &mut self.reports);
        let answer = async {
            match questions.next().await {
                Some(answer) => Trigger::Answer(Box::new(answer)),
                None => pending().await,
            }
        };
        let told = async {
            while reports.next().await.is_some() {}
            pending().await
        };
        let wanted = async { Trigger::Wanted(wanted.next().await) };
        let alarm = async {
            // The client outlives this task.
            drop(alarm.changed().await);
            Trigger::Alarm
        };
        let due = async {
            sleep_until(due).await;
            Trigger::Due
        };
        first(first(answer, told), first(wanted, first(alarm, due))).await
    }

    /// Hands over an answer, and all others that have come.
    fn hear(&mut self, answer: Answer) {
        let mut next = Some(answer);
        while let Some(answer) = next {
            let event = self.heard(answer);
            let actions = self.machine.handle(event, &Shown::default(), Instant::now());
            for action in actions {
                self.obey(action);
            }
            next = self.questions.next().now_or_never().flatten();
        }
    }

    /// Hands over an event with what the links show, and does what follows.
    fn handle(&mut self, event: ClusterEvent) {
        let registry = &self.shared.registry;
        let map = registry.map();
        let links = map.as_ref().map(|map| map.links()).unwrap_or_default();
        let seeds = self.shared.seeds.iter().filter(|_| self.machine.is_searching());
        let dialed = seeds.map(|seed| registry.attempts(seed)).collect();
        let owners = links.iter().map(|link| shown(link)).collect();
        let shown = Shown { owners, dialed, patched_since: registry.patched_since() };
        let actions = self.machine.handle(event, &shown, Instant::now());
        drop(shown);
        drop(map);
        for action in actions {
            self.obey(action);
        }
    }

    /// Lets operators see who is there.
    fn tell_known(&self) {
        let Some(layout) = self.machine.layout() else { return };
        if self.shared.known.load().as_ref().is_none_or(|known| !Arc::ptr_eq(known, layout)) {
            self.shared.known.store(Some(Arc::clone(layout)));
        }
    }

    /// Notes how a node spoke, if it did, and whose last word counts no longer.
    fn heard(&mut self, answer: Answer) -> ClusterEvent {
        let Answer { endpoint: node, link, epoch, view, preferred } = answer;
        if let Some(preferred) = preferred {
            self.preference.note(&node, preferred);
        }
        let mut outdated = Vec::new();
        match &view {
            Ok(_) => {
                let heard = Heard { link: Arc::downgrade(&link), epoch };
                self.heard.insert(node.clone(), heard);
                self.heard.retain(|node, heard| {
                    let counts = heard.counts();
                    outdated.extend((!counts).then(|| node.clone()));
                    counts
                });
            }
            Err(failure) => {
                tracing::debug!(endpoint = %node, %failure, "no word about the redis cluster");
            }
        }
        ClusterEvent::Answer { node, view, was_connected: link.epoch() != 0, outdated }
    }

    fn obey(&mut self, action: ClusterAction) {
        let shared = Arc::clone(&self.shared);
        let ClusterState { registry, client, search, .. } = &*shared;
        match action {
            ClusterAction::Ask(node) => {
                if let Some(link) = registry.standby_link(&node) {
                    let shared = Arc::clone(&self.shared);
                    let preferred = self.preference.of(&node);
                    self.questions.push(Box::pin(question(shared, node, link, preferred)));
                }
            }
            ClusterAction::Urge(node) => {
                if let Some(link) = registry.standby_link(&node) {
                    link.urge();
                }
            }
            ClusterAction::Exceed { node, listed } => tracing::warn!(
                endpoint = %node, listed,
                "a node of the redis cluster lists more than {MOST} nodes: no more are taken"
            ),
            ClusterAction::Keep(nodes) => registry.keep_only(&nodes),
            ClusterAction::TrustAgain(node) => {
                if let Some(link) = self.heard.get(&node).and_then(|heard| heard.link.upgrade()) {
                    link.trust_again();
                }
            }
            ClusterAction::Install(layout) => {
                // Before operations can follow it: whoever waits for a map asks who is there.
                self.shared.known.store(Some(Arc::clone(&layout)));
                registry.publish(&layout);
            }
            ClusterAction::Found => {
                tracing::debug!("the map of the redis cluster has changed");
                search.send_replace(Search::Done);
            }
            ClusterAction::Retire(node) => registry.retire_silent(&node),
            ClusterAction::Tell { succession, cause, since } => {
                let heir = registry.link(&succession.to);
                let heir = heir.map_or_else(Weak::new, |link| Arc::downgrade(&link));
                let client = Arc::clone(client);
                self.reports.push(Box::pin(report(client, succession, cause, since, heir)));
            }
            ClusterAction::Vain { rounds, reason } => {
                search.send_replace(Search::Vain { rounds, reason });
            }
            ClusterAction::Unreached(endpoint) => tracing::warn!(
                %endpoint,
                "a node of the redis cluster cannot be reached where the others say that it is: if it \
                 listens elsewhere, map its address with `addresses`"
            ),
            ClusterAction::CutOff(reason) => {
                self.preference.forget();
                let fix = reason.as_deref().and_then(fix);
                let reason = reason.as_ref().map(|reason| reason.message.as_str());
                if let Some(times) = client.note_cut_off() {
                    self.is_cut_off_told = true;
                    let times = (times > 1).then_some(times);
                    tracing::warn!(
                        reason,
                        fix,
                        times,
                        "the redis cluster is out of reach, going on trying"
                    );
                } else {
                    tracing::debug!(reason, fix, "the redis cluster is out of reach");
                }
            }
            ClusterAction::InTouch => {
                if std::mem::take(&mut self.is_cut_off_told) {
                    tracing::info!("nodes of the redis cluster can be reached again");
                }
            }
        }
    }
}

impl Heard {
    /// Whether what was said still counts.
    ///
    /// A node that was started again may be another one, and one that is silent may have been replaced:
    /// others know better than its last word.
    fn counts(&self) -> bool {
        self.link.upgrade().is_some_and(|link| {
            let speaks = link.doubt().is_none_or(|doubt| doubt == Doubt::NotServing);
            speaks && link.epoch() == self.epoch
        })
    }
}

/// What an operator has to do where nodes answer, and do not say who serves what.
fn fix(reason: &Reason) -> Option<&'static str> {
    match reason.class {
        Class::Denied => Some("give the user `+cluster|nodes +asking +cluster|info`"),
        _ => None,
    }
}

fn shown(link: &Link) -> Owner<'_> {
    let (doubt, was_connected) = (link.doubt(), link.epoch() != 0);
    Owner { endpoint: link.endpoint(), doubt, was_connected }
}

async fn first<T>(one: impl Future<Output = T>, other: impl Future<Output = T>) -> T {
    select(pin!(one), pin!(other)).await.factor_first().0
}
