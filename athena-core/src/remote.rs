//! Entries in a backend, behind the resilience pipeline.
//!
//! What the backend cannot do is a [`Failure`] that was told to telemetry; what is done about it is
//! decided above.
//!
//! Invariant: nothing is read from a node before what the journal holds for it was replayed, and
//! no operation outlives its deadline. Whoever is given something that was read has depended on
//! its changes since before it was asked for.

mod acknowledged;
mod announcements;
mod breakers;
mod check;
mod following;
mod gather;
mod generations;
mod given_up;
mod heavy;
mod invalidate;
pub(crate) mod journal;
mod known;
pub(crate) mod lease;
mod logged;
mod names;
mod notices;
mod overseen;
mod pipeline;
mod pump;
mod pumped;
mod read;
mod recovery;
mod regional;
pub(crate) mod regions;
mod remotes;
mod standing;
mod status;
mod store;
mod untold;
mod upkeep;
pub(crate) mod wake;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;

use self::announcements::Announcements;
use self::breakers::Breakers;
use self::gather::Gatherers;
use self::heavy::HeavyValues;
use self::journal::Journal;
use self::lease::{Holders, Releases, Returns};
use self::overseen::Overseen;
use self::regional::Regional;
use self::standing::Standings;
use self::wake::Waiter;
use crate::backend::operate::Operator;
use crate::backend::{Backend, Change, Class, Failure, Generation, Node};
use crate::clock::{Clock, Tick};
use crate::codec::Codec;
use crate::coherence::guards::{Guard, Guards};
use crate::coherence::revision::Revisions;
use crate::coherence::session::Incarnation;
use crate::contained::contained_future;
use crate::envelope::Reader;
use crate::excerpt::Excerpt;
use crate::key::Key;
use crate::key::name::{EntryName, Namespace};
use crate::random::Random;
use crate::resilience::budget::Budget;
use crate::resilience::deadline::{Deadline, Manner};
use crate::resilience::settings::Resilience;
use crate::settings::{MemoryRole, Settings};
use crate::tasks::{Sole, Tasks};
use crate::telemetry::Telemetry;

pub(crate) use generations::{Generations, SPARE};
pub(crate) use invalidate::Arrival;
pub(crate) use lease::{Asked, Grant, LeaseGuard, Wanted};
pub(crate) use read::{FoundGeneration, Missing, StoredEntry, WantedGenerations};
pub(crate) use recovery::RecoveryLease;
pub(crate) use regional::RegionPlace;
pub use regions::RegionStatus;
pub(crate) use remotes::{Remotes, WeakRemotes};
pub(crate) use standing::NodeCheck;
pub use status::NodeStatus;

/// The remote tier of a cache.
#[derive(Debug)]
pub(crate) struct Remote {
    backend: Arc<dyn Backend>,
    namespace: Namespace,
    settings: ArcSwap<Resilience>,
    breakers: Breakers,
    gatherers: Gatherers,
    budget: Budget,
    journal: Arc<Journal>,
    announcements: Arc<Announcements>,
    guards: Guards,
    /// Whether announcements are relied on: else everything is read whenever it is needed, so that what
    /// others have invalidated is seen at once.
    is_first_tier_memory: bool,
    writes: Arc<Semaphore>,
    /// The leases of this process that nobody loads under any more.
    returns: Arc<Returns>,
    releases: Arc<Releases>,
    /// The leases of others.
    holders: Holders,
    /// What it does besides where there are several regions.
    regional: Option<Box<Regional>>,
    standings: Standings,
    /// How many values were met that no version of the program can read.
    damaged: AtomicU64,
    /// The task that asks for signs of life.
    proving: Sole,
    /// The task that replays the journal.
    replaying: Sole,
    tasks: Tasks,
    clock: Clock,
    random: Arc<Random>,
    telemetry: Arc<Telemetry>,
}

/// What a remote tier shares with the rest of its cache.
#[derive(Debug, Clone)]
pub(crate) struct Means {
    pub(crate) clock: Clock,
    pub(crate) random: Arc<Random>,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) revisions: Arc<Revisions>,
    pub(crate) guards: Guards,
    pub(crate) tasks: Tasks,
}

/// Where an entry of one type is, and how to read it.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) key: Key,
    /// The function whose call asks, if one does.
    pub(crate) site: Option<u32>,
    pub(crate) entry: EntryName,
    pub(crate) value: Arc<str>,
    pub(crate) codec: Codec,
    pub(crate) fingerprint: u64,
}

impl Address {
    pub(crate) fn new(
        (key, site): (Key, Option<u32>),
        entry: EntryName,
        codec: Codec,
        fingerprint: u64,
    ) -> Self {
        let value = entry.value(fingerprint);
        Self { key, site, entry, value, codec, fingerprint }
    }

    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader { name: self.entry.as_str(), codec: self.codec, fingerprint: self.fingerprint }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").field("codec", &self.codec).finish_non_exhaustive()
    }
}

impl Remote {
    /// Where a node is, as backends say.
    fn endpoint(&self, node: Node) -> Excerpt {
        Excerpt::of(self.backend.endpoint(node))
    }

    pub(crate) fn new(
        backend: Arc<dyn Backend>,
        namespace: Namespace,
        settings: &Settings,
        means: Means,
        regional: Option<Regional>,
    ) -> Self {
        let Means { clock, random, telemetry, revisions, guards, tasks } = means;
        let is_first_tier_memory = settings.memory.role == MemoryRole::Tier;
        let holders = Holders::new(settings.wait_for_lease);
        let settings = settings.resilience.clone();
        backend.limit_attempts(settings.attempt_timeout);
        let heavy = HeavyValues::new(&clock, &random);
        let heard = regional.as_ref().filter(|_| !guards.lacks(Guard::Heard));
        let heard = heard.and_then(Regional::heard_until);
        let announcements =
            Announcements::new(&namespace, &settings, &telemetry, revisions, guards, heavy, heard);
        let listener = Arc::clone(&announcements);
        backend.expect_names(&namespace.prefix());
        if regional.is_some() {
            backend.changes().inspect(|log| log.expect_use());
        }
        let notices = regional.as_ref().map(|regional| Arc::clone(&regional.notices));
        backend.listen(Arc::new(move |change| {
            if let (Change::Maintenance(notice), Some(notices)) = (change, &notices) {
                notices.add(notice);
            }
            listener.hear(change);
        }));
        let everything = invalidate::everything(&*backend);
        Self {
            breakers: Breakers::new(&clock),
            gatherers: Gatherers::new(&backend, &clock, &tasks, guards),
            budget: Budget::new(settings.retry.budget()),
            journal: Arc::new(Journal::new(settings.max_journal, everything)),
            announcements,
            guards,
            is_first_tier_memory,
            writes: Arc::new(Semaphore::new(
                settings.max_pending_writes.min(Semaphore::MAX_PERMITS),
            )),
            regional: regional.map(Box::new),
            returns: Arc::default(),
            standings: Standings::default(),
            damaged: AtomicU64::new(0),
            proving: Sole::new(&clock),
            replaying: Sole::new(&clock),
            releases: Arc::default(),
            holders,
            tasks,
            backend,
            namespace,
            settings: ArcSwap::from_pointee(settings),
            clock,
            random,
            telemetry,
        }
    }

    /// The limit for everything that one call asks.
    pub(crate) fn deadline(&self, manner: Manner) -> Deadline {
        self.deadline_from(self.clock.now(), manner)
    }

    /// The same for a call that asks from a moment on.
    pub(crate) fn deadline_from(&self, now: Tick, manner: Manner) -> Deadline {
        let settings = self.settings.load();
        let limit = match manner {
            Manner::Async => settings.deadline,
            Manner::Blocking => settings.blocking_deadline,
        };
        Deadline::after(now, limit)
    }

    /// The limit for a write off the caller's path.
    pub(crate) fn write_deadline(&self) -> Deadline {
        Deadline::after(self.clock.now(), self.settings.load().write_deadline)
    }

    /// What has to be noted before a question is sent to a node (coherence 4).
    fn before_asking(&self, node: Node) -> (Incarnation, Tick) {
        (self.announcements.sessions.incarnation(node), self.clock.now())
    }

    /// Somebody who waits until an entry or its lease changes in the backend.
    pub(crate) fn waiter(&self, entry: &EntryName) -> Waiter {
        self.announcements.waiter(entry)
    }

    /// How long the oldest invalidation has waited; zero if none does.
    pub(crate) fn journal_age(&self) -> Duration {
        let now = self.clock.now();
        self.journal.oldest().map_or(Duration::ZERO, |oldest| now.since(oldest))
    }

    pub(crate) fn journal_depth(&self) -> usize {
        self.journal.depth()
    }

    /// How many operations may be attempted again now.
    pub(crate) fn retries_left(&self) -> u64 {
        self.budget.left(self.now())
    }

    /// Closes the backend; tells whether it had ended within `write_deadline`, by the machine's clock.
    pub(crate) async fn close(&self) -> bool {
        let limit = self.settings.load().write_deadline;
        let ended = contained_future(self.backend.close());
        matches!(Clock::system().within(limit, ended).await, Some(Ok(())))
    }

    /// What operators may ask of the backend, if they may, and for as long as it is not isolated.
    pub(crate) fn operator(&self) -> Option<Arc<dyn Operator>> {
        if self.is_left_alone() {
            return None;
        }
        let (isolation, clock) = (Arc::clone(self.breakers.isolation()), self.clock.clone());
        Some(Arc::new(Overseen { inner: self.backend.operator()?, isolation, clock }))
    }

    /// Where the node is that serves an entry.
    pub(crate) fn endpoint_of(&self, entry: &str) -> String {
        self.backend.endpoint(self.backend.node(entry))
    }

    fn generation(&self) -> Generation {
        Generation::new(self.random.number())
    }
}

/// Names that one node was asked for are on their way to others.
fn scattered() -> Failure {
    Failure::new(Class::Scattered, "what was asked of one node was answered by several")
}

/// Runs futures side by side; a single one, as with one node, at no extra cost.
async fn join_all<F: Future>(futures: impl ExactSizeIterator<Item = F>) -> Vec<F::Output> {
    let mut futures = futures;
    if futures.len() == 1
        && let Some(only) = futures.next()
    {
        return vec![only.await];
    }
    futures_util::future::join_all(futures).await
}
