//! The task that keeps the map true.
//!
//! It asks the primaries what they know of the cluster: now and then, and soon after an operation met
//! something else than the map shows. While a primary is in doubt it asks its replicas as well, at a
//! fast pace: the one that is promoted knows it first.
//!
//! Replicas are not connected to otherwise. An election takes longer than a dial, so a warm link would
//! gain nothing, and it would double the connections and heartbeats that the cluster has to bear.
//!
//! Invariant: no answer is waited for before others are made use of, and a node is asked one question
//! at a time: one that hangs costs nobody anything.

use std::collections::{HashMap, HashSet};
use std::future::pending;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use athena_cache_core::backend::Cause;
use futures_util::future::{BoxFuture, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use super::layout::{Layout, Succession};
use super::nodes::{ClusterView, Member};
use super::question::{Answer, question};
use super::reach::Contact;
use super::report::{cause, report};
use super::{ClusterState, Search, pace};
use crate::link::{Doubt, Link};
use crate::url::Endpoint;

/// While something is looked for, every how manyth round goes to all nodes.
const ALL_EVERY: u32 = 8;

/// Runs for as long as its cluster.
pub(super) async fn refresh(shared: Arc<ClusterState>, _stopped: StoppedAtEnd) {
    let mut alarm = shared.client.alarm();
    let mut refresher = Refresher::new(Arc::clone(&shared));
    loop {
        refresher.review();
        match refresher.sign(&shared.wanted, &mut alarm).await {
            Trigger::Answer(answer) => refresher.hear(*answer),
            Trigger::Wanted => refresher.is_wanted = true,
            // What rang is found by the review.
            Trigger::Alarm => {}
            Trigger::Due => refresher.ask(),
        }
    }
}

/// What the refresher acts on.
enum Trigger {
    Answer(Box<Answer>),
    Wanted,
    Alarm,
    Due,
}

struct Refresher {
    shared: Arc<ClusterState>,
    layout: Option<Layout>,
    /// The latest answers.
    views: HashMap<Endpoint, Heard>,
    questions: FuturesUnordered<BoxFuture<'static, Answer>>,
    /// Whom an answer is waited for from.
    asked: HashSet<Endpoint>,
    /// Whom the latest round to all nodes went to.
    company: HashSet<Endpoint>,
    reports: FuturesUnordered<BoxFuture<'static, ()>>,
    /// Primaries in doubt.
    doubts: HashMap<Endpoint, Doubted>,
    is_wanted: bool,
    rounds: u32,
    began: Instant,
    last: Option<Instant>,
    /// The latest round that went to all nodes, and the pause after it.
    last_full: Option<Instant>,
    idle: Duration,
    contact: Contact,
}

/// What a node said, and on which connection.
struct Heard {
    view: ClusterView,
    link: Weak<Link>,
    epoch: u64,
}

#[derive(Debug, Clone, Copy)]
struct Doubted {
    since: Instant,
    doubt: Doubt,
}

impl Refresher {
    fn new(shared: Arc<ClusterState>) -> Self {
        Self {
            shared,
            layout: None,
            views: HashMap::new(),
            questions: FuturesUnordered::new(),
            asked: HashSet::new(),
            company: HashSet::new(),
            reports: FuturesUnordered::new(),
            doubts: HashMap::new(),
            is_wanted: false,
            rounds: 0,
            began: Instant::now(),
            last: None,
            last_full: None,
            idle: Duration::ZERO,
            contact: Contact::default(),
        }
    }

    /// Waits for whatever comes first; what else has come stays for the next time.
    async fn sign(&mut self, wanted: &Notify, alarm: &mut watch::Receiver<u64>) -> Trigger {
        let due = self.due();
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
        let wanted = async {
            wanted.notified().await;
            Trigger::Wanted
        };
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

    /// Notes which primaries came into doubt and which are sound again.
    fn review(&mut self) {
        let map = self.shared.registry.map();
        let mut doubts = HashMap::new();
        for link in map.as_ref().map(|map| map.links()).unwrap_or_default() {
            let Some(doubt) = link.doubt() else { continue };
            let known = self.doubts.remove(link.endpoint());
            let since = known.map_or_else(Instant::now, |known| known.since);
            // A node that was lost once is not made sound by a word about its successor.
            let doubt = match known {
                Some(known) if doubt == Doubt::NotServing => known.doubt,
                _ => doubt,
            };
            // Asked about at once, but only once: a node may be loading for minutes.
            self.is_wanted |= doubt == Doubt::NotServing && known.is_none();
            doubts.insert(link.endpoint().clone(), Doubted { since, doubt });
        }
        // Those that are left came back, perhaps as somebody else.
        self.is_wanted |= !self.doubts.is_empty();
        self.doubts = doubts;
    }

    /// When the next round begins.
    fn due(&self) -> Instant {
        let (Some(last), Some(last_full)) = (self.last, self.last_full) else {
            return Instant::now();
        };
        let looking_since = match &self.layout {
            None => Some(self.began),
            Some(_) => self.doubts.values().map(|it| it.since).max(),
        };
        let looking = looking_since.map(|since| last + pace::looking(since.elapsed()));
        let wanted = self.is_wanted.then(|| last_full + pace::shortest(self.views.len()));
        let due = last_full + self.idle;
        looking.into_iter().chain(wanted).fold(due, Instant::min)
    }

    /// Begins a round.
    fn ask(&mut self) {
        let is_full = self.layout.is_none()
            || self.is_wanted
            || self.doubts.is_empty()
            || self.rounds.is_multiple_of(ALL_EVERY);
        let now = Instant::now();
        self.last = Some(now);
        self.rounds = self.rounds.wrapping_add(1);
        let mut targets = self.replicas_in_question();
        if is_full {
            self.company = self.everybody();
            targets.extend(self.company.iter().cloned());
            self.last_full = Some(now);
            self.idle = pace::idle(fastrand::f64());
            self.is_wanted = false;
            self.contact.begin_round();
        }
        self.keep_only_the_needed();
        for endpoint in targets {
            self.ask_one(endpoint);
        }
    }

    fn ask_one(&mut self, endpoint: Endpoint) {
        if self.asked.contains(&endpoint) {
            return;
        }
        if let Some(link) = self.shared.registry.quiet_link(&endpoint) {
            self.asked.insert(endpoint.clone());
            self.questions.push(Box::pin(question(Arc::clone(&self.shared), endpoint, link)));
        }
    }

    /// All that serve or may soon serve slots; the seeds, where none of those can be expected to answer.
    fn everybody(&self) -> HashSet<Endpoint> {
        let map = self.shared.registry.map();
        let owners = map.as_ref().map(|map| map.links()).unwrap_or_default();
        let mut all: HashSet<_> = owners.iter().map(|link| link.endpoint().clone()).collect();
        all.extend(self.layout.iter().flat_map(Layout::primaries).cloned());
        if all.len() <= self.doubts.len() || self.contact.is_cut_off() {
            all.extend(self.layout.iter().flat_map(Layout::endpoints).cloned());
            all.extend(self.shared.seeds.iter().cloned());
        }
        all
    }

    /// The replicas of primaries that may be gone.
    fn replicas_in_question(&self) -> HashSet<Endpoint> {
        let gone = self.doubts.iter().filter(|(_, it)| it.doubt != Doubt::NotServing);
        let layout = self.layout.as_ref();
        gone.flat_map(|(primary, _)| layout.into_iter().flat_map(|it| it.replicas_of(primary)))
            .cloned()
            .collect()
    }

    fn keep_only_the_needed(&self) {
        let Some(layout) = &self.layout else { return };
        let mut keep = self.replicas_in_question();
        keep.extend(layout.primaries().chain(&self.company).cloned());
        self.shared.registry.keep_only(&keep);
    }

    /// Makes use of an answer.
    fn hear(&mut self, answer: Answer) {
        let Answer { endpoint, link, epoch, view } = answer;
        self.asked.remove(&endpoint);
        match view {
            Ok(view) => {
                self.contact.note_answer();
                if view.own().is_some_and(Member::is_primary) {
                    link.trust_again();
                }
                let heard = Heard { view, link: Arc::downgrade(&link), epoch };
                let former = self.views.get(&endpoint).map(|former| &former.view);
                let is_news = former != Some(&heard.view) || self.layout.is_none();
                self.views.insert(endpoint.clone(), heard);
                if is_news {
                    self.learn();
                }
                if self.layout.is_none() {
                    self.contact.note_vacancy(endpoint);
                }
            }
            Err(failure) => self.contact.note_refusal(endpoint, &failure, link.epoch() != 0),
        }
        if self.asked.is_empty() {
            self.end_round();
        }
    }

    /// Works out what the views say together, and has the operations follow it.
    fn learn(&mut self) {
        self.views.retain(|_, heard| {
            // A node that was started again may be another one, and one that is silent may have been
            // replaced: others know better than its last word.
            heard.link.upgrade().is_some_and(|link| {
                let speaks = link.doubt().is_none_or(|doubt| doubt == Doubt::NotServing);
                speaks && link.epoch() == heard.epoch
            })
        });
        let layout = Layout::merge(self.views.values().map(|heard| &heard.view));
        if layout.is_vacant() || self.layout.as_ref() == Some(&layout) {
            return;
        }
        let former = self.layout.replace(layout);
        let Some(layout) = &self.layout else { return };
        if former.as_ref().is_some_and(|former| former.owners().eq(layout.owners())) {
            return;
        }
        let successions = former.map(|it| layout.successions_since(&it)).unwrap_or_default();
        let causes: Vec<_> = successions.iter().map(|it| self.cause_of(it)).collect();
        self.shared.registry.publish(layout);
        tracing::debug!(nodes = self.views.len(), "the map of the redis cluster has changed");
        self.shared.search.send_replace(Search::Done);
        for (succession, (cause, since)) in successions.into_iter().zip(causes) {
            self.shared.registry.retire_silent(&succession.from);
            let heir = self.shared.registry.link(&succession.to);
            let heir = heir.map_or_else(Weak::new, |link| Arc::downgrade(&link));
            let client = Arc::clone(&self.shared.client);
            self.reports.push(Box::pin(report(client, succession, cause, since, heir)));
        }
    }

    /// What set a succession off, and when it showed first.
    fn cause_of(&self, succession: &Succession) -> (Cause, Instant) {
        let doubted = self.doubts.get(&succession.from);
        let map = self.shared.registry.map();
        let mut links = map.as_ref().map(|map| map.links()).unwrap_or_default().iter();
        let former = links.find(|link| *link.endpoint() == succession.from);
        let was_connected = former.is_some_and(|link| link.epoch() != 0);
        let cause = cause(doubted.map(|it| it.doubt), was_connected);
        let seen = doubted.map(|it| it.since).or(self.shared.registry.patched_since());
        (cause, seen.unwrap_or_else(Instant::now))
    }

    /// Everybody who was asked has answered, or will not.
    fn end_round(&mut self) {
        if self.last_full == self.last {
            self.contact.end_round();
        }
        match &self.layout {
            None => self.give_up_waiting(),
            // A redirect that no node confirms was none.
            Some(layout) if self.shared.registry.patched_since().is_some() && !self.is_wanted => {
                self.shared.registry.publish(layout);
            }
            Some(_) => {}
        }
    }

    /// Lets those who wait for a first map know that all seeds were asked in vain.
    fn give_up_waiting(&mut self) {
        let rounds = self.shared.seeds.iter().map(|seed| {
            let link = self.shared.registry.quiet_link(seed);
            link.map_or(0, |link| link.attempts()) + self.contact.useless_answers_of(seed)
        });
        let rounds = rounds.min().unwrap_or_default();
        if let Some(reason) = self.contact.reason().filter(|_| rounds > 0) {
            self.shared.search.send_replace(Search::Vain { rounds, reason });
        }
    }
}

async fn first<T>(one: impl Future<Output = T>, other: impl Future<Output = T>) -> T {
    select(pin!(one), pin!(other)).await.factor_first().0
}

/// Lets the next operation start a refresher when the runtime of this one has ended.
pub(super) struct StoppedAtEnd(pub(super) Arc<ClusterState>);

impl Drop for StoppedAtEnd {
    fn drop(&mut self) {
        self.0.is_refreshed.store(false, Ordering::Release);
    }
}
