//! Entries in a backend, behind the resilience pipeline.
//!
//! deadline → breaker → attempt timeout → backend. What the backend cannot do is a [`Failure`] that
//! was told to telemetry once; what is done about it is decided above.
//!
//! Invariant: nothing is read before the journal was replayed, and no operation outlives its deadline.

mod invalidation;
mod lookup;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::backend::{
    Backend, Class, Failure, Fill, Filled, Generation, Item, LeaseRequest, Token,
};
use crate::clock::Clock;
use crate::codec::Codec;
use crate::coherence::journal::Journal;
use crate::envelope::Reader;
use crate::key::name::{EntryName, Namespace};
use crate::random::Random;
use crate::resilience::breaker::{Breaker, BreakerState, Ending, Permit, Transition};
use crate::resilience::deadline::Deadline;
use crate::settings::Resilience;
use crate::tag::Tags;
use crate::telemetry::{Event, Telemetry};

pub(crate) use lookup::Looked;

/// The remote tier of a cache.
#[derive(Debug)]
pub(crate) struct Remote {
    backend: Arc<dyn Backend>,
    namespace: Namespace,
    settings: Resilience,
    breaker: Breaker,
    journal: Journal,
    /// Held while the journal is replayed, so that one caller does it for all.
    replaying: tokio::sync::Mutex<()>,
    writes: Arc<Semaphore>,
    clock: Clock,
    random: Arc<Random>,
    telemetry: Arc<Telemetry>,
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

/// What a lease is asked for with, and given back by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    token: Token,
    /// Valid on this connection only.
    epoch: u64,
}

/// The generations of the namespace, of all tags together, and of the tags asked for in their order.
#[derive(Debug, Clone)]
pub(crate) struct Generations {
    pub(crate) namespace: Generation,
    /// Changes whenever any tag is invalidated, before the tag's own generation does.
    pub(crate) any_tag: Generation,
    pub(crate) tags: Vec<Generation>,
}

impl Generations {
    fn of(current: &[Generation]) -> Result<Self, Failure> {
        match current {
            [namespace, any_tag, tags @ ..] => {
                Ok(Self { namespace: *namespace, any_tag: *any_tag, tags: tags.to_vec() })
            }
            _ => Err(Failure::new(Class::Rejected, "the backend answered too few generations")),
        }
    }
}

impl Remote {
    pub(crate) fn new(
        backend: Arc<dyn Backend>,
        namespace: Namespace,
        settings: Resilience,
        clock: Clock,
        random: Arc<Random>,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        backend.limit_attempts(settings.attempt_timeout);
        Self {
            breaker: Breaker::new(settings.breaker.clone()),
            journal: Journal::new(settings.max_journal),
            replaying: tokio::sync::Mutex::default(),
            writes: Arc::new(Semaphore::new(settings.max_pending_writes)),
            backend,
            namespace,
            settings,
            clock,
            random,
            telemetry,
        }
    }

    /// Asks the backend for nothing, which makes it connect.
    pub(crate) async fn greet(&self) {
        let limit = self.settings.attempt_timeout;
        let _ = self.clock.within(limit, self.backend.ping()).await;
    }

    /// The limit for everything that one call asks.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::after(self.clock.now(), self.settings.deadline)
    }

    /// The limit for a write off the caller's path.
    pub(crate) fn write_deadline(&self) -> Deadline {
        Deadline::after(self.clock.now(), self.settings.write_deadline)
    }

    /// A place among the writes under way, if there is one.
    pub(crate) fn write_permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.writes).try_acquire_owned().ok()
    }

    /// A claim for one attempt at a lease.
    pub(crate) fn claim(&self) -> Claim {
        Claim { token: Token::new(self.random.number()), epoch: self.backend.epoch() }
    }

    /// Asks for the lease of an entry; `None` if somebody else holds it.
    pub(crate) async fn lease(
        &self,
        address: &Address,
        claim: Claim,
        tags: &Tags,
        life: Duration,
    ) -> Result<Option<Generations>, Failure> {
        let deadline = self.deadline();
        self.replay(deadline).await?;
        let proposals = self.proposals(tags);
        let name = address.entry.lease();
        let request =
            LeaseRequest { lease: &name, token: claim.token, life, generations: &proposals };
        let leased = self.ask("lease", deadline, self.backend.lease(request)).await?;
        if !leased.granted {
            return Ok(None);
        }
        Generations::of(&leased.generations).map(Some)
    }

    /// Stores bytes under a lease.
    pub(crate) async fn fill(
        &self,
        address: &Address,
        bytes: &[u8],
        life: Duration,
        claim: Claim,
    ) -> Result<Filled, Failure> {
        if self.backend.epoch() != claim.epoch {
            return Ok(Filled::Refused);
        }
        let name = address.entry.lease();
        let item = Item { value: &address.value, bytes, life };
        let fill = Fill { item, lease: &name, token: claim.token };
        self.ask("fill", self.write_deadline(), self.backend.fill(fill)).await
    }

    /// Gives a lease back; what fails here ends by itself.
    pub(crate) async fn release(&self, address: &Address, claim: Claim) {
        if self.backend.epoch() == claim.epoch {
            let name = address.entry.lease();
            let release = self.backend.release(&name, claim.token);
            let _ = self.ask("release", self.write_deadline(), release).await;
        }
    }

    /// Stores bytes whoever holds the lease.
    pub(crate) async fn insert(
        &self,
        address: &Address,
        bytes: &[u8],
        life: Duration,
    ) -> Result<(), Failure> {
        let deadline = self.write_deadline();
        self.replay(deadline).await?;
        let lease = address.entry.lease();
        let obsolete: Vec<_> =
            address.entry.lanes().filter(|lane| *lane != address.value).collect();
        let item = Item { value: &address.value, bytes, life };
        self.ask("insert", deadline, self.backend.insert(item, &lease, &obsolete)).await
    }

    /// The generations that hold now, created where missing.
    pub(crate) async fn generations(&self, tags: &Tags) -> Result<Generations, Failure> {
        let deadline = self.write_deadline();
        self.replay(deadline).await?;
        let proposals = self.proposals(tags);
        let current = self.ask("adopt", deadline, self.backend.adopt(&proposals)).await?;
        Generations::of(&current)
    }

    pub(crate) fn breaker_state(&self) -> BreakerState {
        self.breaker.state()
    }

    /// Whether an operation sent now would, as far as is known, be answered.
    pub(crate) fn is_available(&self) -> bool {
        self.backend.is_ready() && self.breaker.admits(self.clock.now(), self.backend.epoch())
    }

    /// Sends what the journal holds, if there is anything and the backend seems to be there.
    pub(crate) async fn replay_now(&self) {
        if self.is_available() {
            let _ = self.replay(self.write_deadline()).await;
        }
    }

    pub(crate) fn journal_depth(&self) -> usize {
        self.journal.depth()
    }

    pub(crate) async fn close(&self) {
        self.backend.close().await;
    }

    /// One operation through the pipeline.
    async fn ask<T>(
        &self,
        operation: &'static str,
        deadline: Deadline,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let result = self.attempt(deadline, work).await;
        if let Err(failure) = &result {
            let endpoint = &self.backend.endpoint();
            self.telemetry.tell(&Event::BackendFailed { endpoint, operation, failure });
        }
        result
    }

    async fn attempt<T>(
        &self,
        deadline: Deadline,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let now = self.clock.now();
        let Some(limit) = deadline.attempt(now, self.settings.attempt_timeout) else {
            return Err(Failure::new(Class::TooLate, "the deadline of the call has passed"));
        };
        let (permit, transition) = self.breaker.acquire(now, self.backend.epoch());
        self.tell_transition(transition);
        let Some(permit) = permit else {
            let message = format!("the breaker of {} is open", self.backend.endpoint());
            return Err(Failure::new(Class::Open, message));
        };
        let result = self.clock.within(limit, work).await.unwrap_or_else(|| {
            let message = format!("{} did not answer within {limit:?}", self.backend.endpoint());
            Err(Failure::new(Class::Timeout, message))
        });
        self.record(permit, result.as_ref().err().map(Failure::class));
        result
    }

    fn record(&self, permit: Permit, class: Option<Class>) {
        if let Some(ending) = ending(class) {
            let transition = permit.end(ending, self.clock.now(), self.random.share());
            self.tell_transition(transition);
        }
    }

    fn tell_transition(&self, transition: Option<Transition>) {
        if let Some(Transition { from, to }) = transition {
            let endpoint = &self.backend.endpoint();
            self.telemetry.tell(&Event::Breaker { endpoint, from, to });
        }
    }

    /// The namespace's generation first, then the tags' in their order.
    fn generation_names(&self, tags: &Tags) -> impl Iterator<Item = String> {
        std::iter::once(self.namespace.generation())
            .chain(tags.iter().map(|tag| self.namespace.tag(tag)))
    }

    /// Proposals for the generations that a load depends on, in the order of [`Generations`].
    fn proposals(&self, tags: &Tags) -> Vec<(String, Generation)> {
        [self.namespace.generation(), self.namespace.any_tag()]
            .into_iter()
            .chain(tags.iter().map(|tag| self.namespace.tag(tag)))
            .map(|name| (name, self.generation()))
            .collect()
    }

    fn generation(&self) -> Generation {
        Generation::new(self.random.number())
    }
}

/// What a result says to the breaker; nothing if the backend had no part in it.
fn ending(class: Option<Class>) -> Option<Ending> {
    match class {
        None | Some(Class::Rejected) => Some(Ending::Success),
        Some(Class::Unreachable | Class::Timeout | Class::Disconnected | Class::Unready) => {
            Some(Ending::Failure)
        }
        Some(_) => None,
    }
}
