//! Entries in a backend, behind the resilience pipeline.
//!
//! What the backend cannot do is a [`Failure`] that was told to telemetry; what is done about it is
//! decided above.
//!
//! Invariant: nothing is read from a node before what the journal holds for it was replayed, and
//! no operation outlives its deadline.

mod gates;
mod invalidation;
mod lookup;
mod pipeline;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::gates::{Gates, by_node};
use self::pipeline::Operation;
use crate::backend::{
    Backend, Change, Class, Failure, Fill, Filled, Generation, Item, LeaseRequest, Node, Token,
};
use crate::clock::Clock;
use crate::codec::Codec;
use crate::coherence::journal::{Journal, Target};
use crate::envelope::Reader;
use crate::key::name::{EntryName, Namespace};
use crate::random::Random;
use crate::resilience::breaker::{Breaker, BreakerState, Transition};
use crate::resilience::budget::Budget;
use crate::resilience::class::Traffic;
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
    settings: ArcSwap<Resilience>,
    gates: Gates,
    budget: Budget,
    journal: Journal,
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

/// What a lease is asked for with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Fresh for every attempt.
    pub(crate) token: Token,
    pub(crate) life: Duration,
    /// The tags known before the load.
    pub(crate) tags: &'a Tags,
    /// Whether the value may have tags that only it knows.
    pub(crate) late_tags: bool,
}

/// A lease that was granted.
#[derive(Debug, Clone)]
pub(crate) struct Leave {
    token: Token,
    /// Valid on this connection only.
    epoch: u64,
    pub(crate) generations: Generations,
}

/// The generations that an entry depends on.
#[derive(Debug, Clone)]
pub(crate) struct Generations {
    pub(crate) namespace: Generation,
    /// Changes whenever any tag is invalidated, before the tag's own generation does; if asked for.
    pub(crate) any_tag: Option<Generation>,
    /// Of the tags, in their order.
    pub(crate) tags: Vec<Generation>,
}

/// The generations of tags that were known only after the load.
#[derive(Debug, Clone)]
pub(crate) struct LateGenerations {
    pub(crate) any_tag: Generation,
    pub(crate) tags: Vec<Generation>,
}

/// How one node of the backend fares.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeStatus {
    /// Where it is.
    pub endpoint: String,
    /// Whether an operation sent now would reach it, as far as is known.
    pub ready: bool,
    /// Operations that it was sent and has not answered.
    pub in_flight: usize,
    /// The breaker of reads and removals.
    pub breaker: BreakerState,
    /// The breaker of writes, which opens alone when a node serves and takes no writes.
    pub write_breaker: BreakerState,
    /// How long the first of them refuses operations still, at most; `None` if it does not, or if that
    /// depends on a probe under way.
    pub retry_after: Option<Duration>,
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
        let listener = Arc::clone(&telemetry);
        backend.listen(Arc::new(move |change: &Change| listener.tell(&Event::of(change))));
        let everything = invalidation::everything(&*backend);
        Self {
            gates: Gates::new(),
            budget: Budget::new(settings.retry.budget()),
            journal: Journal::new(settings.max_journal, everything),
            writes: Arc::new(Semaphore::new(settings.max_pending_writes)),
            backend,
            namespace,
            settings: ArcSwap::from_pointee(settings),
            clock,
            random,
            telemetry,
        }
    }

    /// Asks the backend for nothing, which makes it connect.
    pub(crate) async fn greet(&self) {
        let limit = self.settings.load().attempt_timeout;
        let node = self.backend.node(&self.namespace.any_tag());
        let _ = self.clock.within(limit, self.backend.ping(node)).await;
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

    /// A token for one attempt at a lease.
    pub(crate) fn token(&self) -> Token {
        Token::new(self.random.number())
    }

    /// Asks for the lease of an entry; `None` if somebody else holds it.
    pub(crate) async fn lease(
        &self,
        address: &Address,
        wanted: Wanted<'_>,
    ) -> Result<Option<Leave>, Failure> {
        let Wanted { token, life, tags, late_tags } = wanted;
        let deadline = self.deadline();
        let name = address.entry.lease();
        let node = self.backend.node(&name);
        self.make_way(&address.entry, tags, deadline).await?;
        if late_tags {
            self.make_way_for(&Target::AnyTag, deadline).await?;
        }
        let mut proposals = self.proposals(address, tags);
        if late_tags {
            proposals.push((self.namespace.any_tag(), self.generation()));
        }
        let mut all = by_node(&*self.backend, proposals.iter().cloned(), |(name, _)| name);
        let own = all.iter().position(|(it, _)| *it == node).map(|place| all.swap_remove(place).1);
        let own = own.unwrap_or_default();
        // The generations of other nodes first: all of them are complete when the load begins.
        let mut current = self.adopt_from(all, deadline).await?;
        let request = LeaseRequest { lease: &name, token, life, generations: &own };
        let operation = Operation::lease();
        let leased = self.ask(operation, &name, deadline, || self.backend.lease(request)).await?;
        if !leased.granted {
            return Ok(None);
        }
        current.extend(own.into_iter().map(|(name, _)| name).zip(leased.generations));
        let generations = in_order(&proposals, &current)?;
        let generations = Generations::of(&generations, late_tags)?;
        Ok(Some(Leave { token, epoch: leased.epoch, generations }))
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
        let (deadline, operation) = (self.write_deadline(), Operation::write("fill"));
        let operation = operation.ending_a_lease();
        self.ask(operation, lease, deadline, || self.backend.fill(fill)).await
    }

    /// Gives a lease back; tells whether the backend took it, or never will.
    pub(crate) async fn release(&self, address: &Address, token: Token) -> bool {
        let name = address.entry.lease();
        let (deadline, operation) = (self.write_deadline(), Operation::remove("release"));
        let release = || self.backend.release(&name, token);
        match self.ask(operation.ending_a_lease(), &name, deadline, release).await {
            Ok(()) => true,
            Err(failure) => matches!(failure.class(), Class::Closed | Class::Rejected),
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
        let lease = address.entry.lease();
        self.make_way(&address.entry, &Tags::default(), deadline).await?;
        let obsolete: Vec<_> =
            address.entry.lanes().filter(|lane| *lane != address.value).collect();
        let item = Item { value: &address.value, bytes, life };
        let insert = || self.backend.insert(item, &lease, &obsolete);
        self.ask(Operation::write("insert"), &lease, deadline, insert).await
    }

    /// The generations that hold now for an entry, created where missing.
    pub(crate) async fn generations(
        &self,
        address: &Address,
        tags: &Tags,
    ) -> Result<Generations, Failure> {
        let deadline = self.write_deadline();
        self.make_way(&address.entry, tags, deadline).await?;
        let proposals = self.proposals(address, tags);
        let current = self.adopt(&proposals, deadline).await?;
        Generations::of(&current, false)
    }

    /// The generations of tags that were not known before, and after them the one of all tags.
    ///
    /// In this order: a tag that changes in between is seen by the change of all tags.
    pub(crate) async fn late_generations(&self, tags: &Tags) -> Result<LateGenerations, Failure> {
        let deadline = self.write_deadline();
        self.make_way_for(&Target::AnyTag, deadline).await?;
        for tag in tags.iter() {
            self.make_way_for(&Target::Tag(tag.clone()), deadline).await?;
        }
        let proposals: Vec<_> =
            tags.iter().map(|tag| (self.namespace.tag(tag), self.generation())).collect();
        let tags = self.adopt(&proposals, deadline).await?;
        let any_tag = [(self.namespace.any_tag(), self.generation())];
        let any_tag = self.adopt(&any_tag, deadline).await?;
        match any_tag.first() {
            Some(any_tag) => Ok(LateGenerations { any_tag: *any_tag, tags }),
            None => Err(too_few()),
        }
    }

    /// Completes generations wherever they are; answers in the order of the request.
    async fn adopt(
        &self,
        proposals: &[(String, Generation)],
        deadline: Deadline,
    ) -> Result<Vec<Generation>, Failure> {
        let groups = by_node(&*self.backend, proposals.iter().cloned(), |(name, _)| name);
        let current = self.adopt_from(groups, deadline).await?;
        in_order(proposals, &current)
    }

    async fn adopt_from(
        &self,
        groups: Vec<(Node, Vec<(String, Generation)>)>,
        deadline: Deadline,
    ) -> Result<Vec<(String, Generation)>, Failure> {
        let adopt = |(_, group): (Node, Vec<(String, Generation)>)| async move {
            let Some((first, _)) = group.first() else { return Ok(Vec::new()) };
            let adopt = || self.backend.adopt(&group);
            let adopted = self.ask(Operation::adopt(), first, deadline, adopt).await?;
            Ok(group.into_iter().map(|(name, _)| name).zip(adopted).collect())
        };
        let mut current = Vec::new();
        for group in join_all(groups.into_iter().map(adopt)).await {
            current.append(&mut group?);
        }
        Ok(current)
    }

    /// The worst state among the breakers of the nodes in use.
    pub(crate) fn breaker_state(&self) -> BreakerState {
        let statuses = self.nodes().into_iter();
        let states = statuses.flat_map(|status| [status.breaker, status.write_breaker]);
        states.max_by_key(|state| state.severity()).unwrap_or(BreakerState::Closed)
    }

    /// How the nodes in use fare.
    pub(crate) fn nodes(&self) -> Vec<NodeStatus> {
        let (settings, now) = (self.settings.load(), self.clock.now());
        let status = |node| {
            let gate = self.gates.of(node, &settings.breaker);
            NodeStatus {
                endpoint: self.backend.endpoint(node),
                ready: self.backend.is_ready(node),
                in_flight: self.backend.in_flight(node),
                breaker: gate.breaker(Traffic::Serve).state(),
                write_breaker: gate.breaker(Traffic::Store).state(),
                retry_after: gate.breaker(Traffic::Serve).retry_after(now),
            }
        };
        self.backend.nodes().into_iter().map(status).collect()
    }

    /// Other limits from now on, for the operations that begin then.
    pub(crate) fn set_resilience(&self, settings: Resilience) {
        self.backend.limit_attempts(settings.attempt_timeout);
        self.budget.configure(settings.retry.budget());
        for (node, gate) in self.gates.all() {
            for traffic in Traffic::ALL {
                let transition = gate.breaker(traffic).configure(settings.breaker.clone());
                self.tell_transition(node, traffic, transition);
            }
        }
        self.settings.store(Arc::new(settings));
    }

    pub(crate) fn resilience(&self) -> Resilience {
        Resilience::clone(&self.settings.load())
    }

    /// Sends nothing to any node for a while.
    pub(crate) fn isolate(&self, duration: Duration) {
        let until = Some(self.clock.now().after(duration));
        self.of_each_breaker(|breaker| breaker.isolate(until));
    }

    /// Ends an isolation.
    pub(crate) fn resume(&self) {
        self.of_each_breaker(Breaker::resume);
    }

    fn of_each_breaker(&self, change: impl Fn(&Breaker) -> Option<Transition>) {
        let settings = self.settings.load();
        for node in self.backend.nodes() {
            let gate = self.gates.of(node, &settings.breaker);
            for traffic in Traffic::ALL {
                let transition = change(gate.breaker(traffic));
                self.tell_transition(node, traffic, transition);
            }
        }
    }

    /// Whether operations sent now would, as far as is known, be answered by every node.
    pub(crate) fn is_available(&self) -> bool {
        let nodes = self.backend.nodes();
        !nodes.is_empty() && nodes.into_iter().all(|node| self.is_open_to(node))
    }

    fn is_open_to(&self, node: Node) -> bool {
        let gate = self.gates.of(node, &self.settings.load().breaker);
        self.backend.is_ready(node) && gate.admits(self.clock.now(), self.backend.vitality(node))
    }

    /// Sends what the journal holds for the nodes that seem to be there.
    pub(crate) async fn replay_now(&self) {
        for node in self.backend.nodes() {
            if self.is_open_to(node) {
                let _ = self.replay(node, self.write_deadline()).await;
            }
        }
    }

    pub(crate) fn journal_depth(&self) -> usize {
        self.journal.depth()
    }

    pub(crate) async fn close(&self) {
        self.backend.close().await;
    }

    /// The namespace's generation first, then the tags' in their order.
    fn generation_names<'a>(
        &'a self,
        address: &'a Address,
        tags: &'a Tags,
    ) -> impl Iterator<Item = String> + 'a {
        let place = self.backend.place(&address.value);
        std::iter::once(self.namespace.generation(place))
            .chain(tags.iter().map(|tag| self.namespace.tag(tag)))
    }

    /// Proposals for the generations that a load depends on, in the order of [`Generations`].
    fn proposals(&self, address: &Address, tags: &Tags) -> Vec<(String, Generation)> {
        self.generation_names(address, tags).map(|name| (name, self.generation())).collect()
    }

    fn generation(&self) -> Generation {
        Generation::new(self.random.number())
    }
}

impl Generations {
    /// The namespace's, the tags' in their order, and that of all tags at the end if it was asked for.
    fn of(current: &[Generation], with_any_tag: bool) -> Result<Self, Failure> {
        let (any_tag, rest) = match current {
            [rest @ .., any_tag] if with_any_tag => (Some(*any_tag), rest),
            rest => (None, rest),
        };
        match rest {
            [namespace, tags @ ..] => {
                Ok(Self { namespace: *namespace, any_tag, tags: tags.to_vec() })
            }
            [] => Err(too_few()),
        }
    }
}

/// What was answered by name, in the order of what was proposed.
fn in_order(
    proposals: &[(String, Generation)],
    current: &[(String, Generation)],
) -> Result<Vec<Generation>, Failure> {
    let find = |(name, _): &(String, Generation)| {
        current.iter().find(|(known, _)| known == name).map(|(_, generation)| *generation)
    };
    proposals.iter().map(find).collect::<Option<Vec<_>>>().ok_or_else(too_few)
}

fn too_few() -> Failure {
    Failure::new(Class::Rejected, "the backend answered too few generations")
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
