//! Entries in a backend, behind the resilience pipeline.
//!
//! What the backend cannot do is a [`Failure`] that was told to telemetry; what is done about it is
//! decided above.
//!
//! Invariant: nothing is read from a node before what the journal holds for it was replayed, and
//! no operation outlives its deadline. Whoever is given something that was read has had the cells for
//! its changes since before it was asked for.

mod adopt;
mod gates;
mod health;
mod hearing;
mod invalidation;
mod lease;
mod lookup;
mod names;
mod pipeline;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::gates::Gates;
use self::hearing::Hearing;
use self::pipeline::Operation;
use crate::backend::{Backend, Class, Failure, Fill, Filled, Generation, Item, Node};
use crate::clock::{Clock, Tick};
use crate::codec::Codec;
use crate::coherence::change::Cells;
use crate::coherence::damage::{Damage, Guard};
use crate::coherence::journal::Journal;
use crate::coherence::trust::Stretch;
use crate::coherence::wake::Waiter;
use crate::envelope::Reader;
use crate::key::name::{EntryName, Namespace};
use crate::random::Random;
use crate::resilience::budget::Budget;
use crate::resilience::deadline::Deadline;
use crate::settings::{MemoryRole, Resilience, Settings};
use crate::tag::Tags;
use crate::telemetry::Telemetry;

pub(crate) use adopt::Generations;
pub use health::NodeStatus;
pub(crate) use invalidation::Arrival;
pub(crate) use lease::{Asked, Leave, Wanted};
pub(crate) use lookup::{Looked, Sighting};

/// The remote tier of a cache.
#[derive(Debug)]
pub(crate) struct Remote {
    backend: Arc<dyn Backend>,
    namespace: Namespace,
    settings: ArcSwap<Resilience>,
    gates: Gates,
    budget: Budget,
    journal: Journal,
    hearing: Arc<Hearing>,
    damage: Damage,
    /// Whether announcements are relied on: else everything is read whenever it is needed, so that what
    /// others have invalidated is seen at once.
    is_first_tier_memory: bool,
    writes: Arc<Semaphore>,
    clock: Clock,
    random: Arc<Random>,
    telemetry: Arc<Telemetry>,
}

/// What a remote tier shares with the rest of its cache.
#[derive(Debug)]
pub(crate) struct Means {
    pub(crate) clock: Clock,
    pub(crate) random: Arc<Random>,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) cells: Arc<Cells>,
    pub(crate) damage: Damage,
}

/// Where an entry of one type is, and how to read it.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    pub(crate) entry: EntryName,
    pub(crate) value: String,
    pub(crate) codec: Codec,
    pub(crate) fingerprint: u64,
}

impl Address {
    pub(crate) fn new(entry: EntryName, codec: Codec, fingerprint: u64) -> Self {
        let value = entry.value(fingerprint);
        Self { entry, value, codec, fingerprint }
    }

    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader { name: self.entry.as_str(), codec: self.codec, fingerprint: self.fingerprint }
    }
}

impl Remote {
    pub(crate) fn new(
        backend: Arc<dyn Backend>,
        namespace: Namespace,
        settings: &Settings,
        means: Means,
    ) -> Self {
        let Means { clock, random, telemetry, cells, damage } = means;
        let is_first_tier_memory = settings.memory.role == MemoryRole::Tier;
        let settings = settings.resilience.clone();
        backend.limit_attempts(settings.attempt_timeout);
        let hearing = Hearing::new(&namespace, &settings, &telemetry, cells, damage);
        let listener = Arc::clone(&hearing);
        backend.listen(Arc::new(move |change| listener.hear(change)));
        let everything = invalidation::everything(&*backend);
        Self {
            gates: Gates::new(),
            budget: Budget::new(settings.retry.budget()),
            journal: Journal::new(settings.max_journal, everything),
            hearing,
            damage,
            is_first_tier_memory,
            writes: Arc::new(Semaphore::new(settings.max_pending_writes)),
            backend,
            namespace,
            settings: ArcSwap::from_pointee(settings),
            clock,
            random,
            telemetry,
        }
    }

    /// The limit for everything that one call asks.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::after(self.clock.now(), self.settings.load().deadline)
    }

    /// The limit for a write off the caller's path.
    pub(crate) fn write_deadline(&self) -> Deadline {
        Deadline::after(self.clock.now(), self.settings.load().write_deadline)
    }

    /// A place among the writes under way, if there is one.
    pub(crate) fn write_permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.writes).try_acquire_owned().ok()
    }

    /// What has to be noted before a question is sent to a node.
    fn before_asking(&self, node: Node) -> (Stretch, Tick) {
        (self.hearing.lines.stretch(node), self.clock.now())
    }

    /// Stores bytes under a lease.
    pub(crate) async fn fill(
        &self,
        address: &Address,
        bytes: &[u8],
        life: Duration,
        granted: &Leave,
    ) -> Result<Filled, Failure> {
        let lease = &address.entry.lease();
        let item = Item { value: &address.value, bytes, life };
        let fill = Fill { item, lease, token: granted.token, epoch: granted.epoch };
        if self.damage.lacks(Guard::Lease) {
            return self.backend.insert(item, lease, &[]).await.map(|()| Filled::Stored);
        }
        let (deadline, operation) = (self.write_deadline(), Operation::write("fill"));
        let operation = operation.ending_a_lease();
        self.ask(operation, lease, deadline, || self.backend.fill(fill)).await
    }

    /// Stores bytes whoever holds the lease.
    pub(crate) async fn insert(
        &self,
        address: &Address,
        bytes: &[u8],
        life: Duration,
    ) -> Result<(), Failure> {
        let deadline = self.write_deadline();
        let lease = address.entry.lease();
        self.make_way(&address.entry, &Tags::default(), deadline).await?;
        let obsolete: Vec<_> =
            address.entry.lanes().filter(|lane| *lane != address.value).collect();
        let item = Item { value: &address.value, bytes, life };
        let insert = || self.backend.insert(item, &lease, &obsolete);
        self.ask(Operation::write("insert"), &lease, deadline, insert).await
    }

    /// Sends what the journal holds for the nodes that seem to be there.
    pub(crate) async fn replay_now(&self) {
        for node in self.backend.nodes() {
            if self.is_open_to(node) {
                let _ = self.replay(node, self.write_deadline()).await;
            }
        }
    }

    /// How long something is trusted that nothing announces changes of.
    pub(crate) fn trust_window(&self) -> Duration {
        self.hearing.lines.window()
    }

    /// Somebody who waits until an entry or its lease changes in the backend.
    pub(crate) fn waiter(&self, entry: &EntryName) -> Waiter {
        self.hearing.waiter(entry)
    }

    /// How long the oldest invalidation has waited; zero if none does.
    pub(crate) fn journal_age(&self) -> Duration {
        let now = self.clock.now();
        self.journal.oldest().map_or(Duration::ZERO, |oldest| now.since(oldest))
    }

    pub(crate) fn journal_depth(&self) -> usize {
        self.journal.depth()
    }

    pub(crate) async fn close(&self) {
        self.backend.close().await;
    }

    fn generation(&self) -> Generation {
        Generation::new(self.random.number())
    }
}

/// Names that one node was asked for have moved to several while it answered.
fn scattered() -> Failure {
    Failure::new(Class::Moved, "what was asked of one node was answered by several")
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
