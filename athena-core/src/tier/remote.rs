//! Entries in a backend, behind the resilience pipeline.
//!
//! What the backend cannot do is a [`Failure`] that was told to telemetry; what is done about it is
//! decided above.
//!
//! Invariant: nothing is read from a node before what the journal holds for it was replayed, and
//! no operation outlives its deadline. Whoever is given something that was read has had the cells for
//! its changes since before it was asked for.

mod gates;
mod hearing;
mod invalidation;
mod lookup;
mod names;
mod pipeline;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::gates::{Gates, by_node};
use self::hearing::Hearing;
use self::pipeline::Operation;
use crate::backend::{
    Adopted, Backend, Class, Failure, Fill, Filled, Generation, Item, LeaseRequest, Node, Proof,
    Token,
};
use crate::clock::{Clock, Tick};
use crate::codec::Codec;
use crate::coherence::change::{Cells, Moment};
use crate::coherence::damage::{Damage, Guard};
use crate::coherence::journal::{Journal, Target};
use crate::coherence::trust::{Bond, Line, Stretch};
use crate::coherence::wake::Waiter;
use crate::envelope::{Reader, Stamp};
use crate::key::name::{EntryName, Namespace};
use crate::random::Random;
use crate::resilience::breaker::{Breaker, BreakerState, Transition};
use crate::resilience::budget::Budget;
use crate::resilience::class::Traffic;
use crate::resilience::deadline::Deadline;
use crate::settings::{MemoryRole, Resilience, Settings};
use crate::tag::Tags;
use crate::telemetry::Telemetry;

pub(crate) use invalidation::Arrival;
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

/// What a request for a lease came to.
#[derive(Debug)]
pub(crate) enum Asked {
    Granted(Leave),
    /// Somebody else holds it; that it ends is announced over these lines.
    Elsewhere(Bond),
}

/// A lease that was granted.
#[derive(Debug, Clone)]
pub(crate) struct Leave {
    token: Token,
    /// Valid on this connection only.
    epoch: u64,
    /// Of the node that the value goes to.
    pub(crate) history: u64,
    /// What announces that the lease or a generation has changed.
    pub(crate) bond: Bond,
    pub(crate) generations: Generations,
}

/// The generations that an entry depends on.
#[derive(Debug, Clone)]
pub(crate) struct Generations {
    pub(crate) namespace: Stamp,
    /// Changes whenever any tag is invalidated, before the tag's own generation does; if asked for.
    pub(crate) any_tag: Option<Stamp>,
    /// Of the tags, in their order.
    pub(crate) tags: Vec<Stamp>,
}

/// The generations of tags that were known only after the load.
#[derive(Debug, Clone)]
pub(crate) struct LateGenerations {
    pub(crate) any_tag: Stamp,
    pub(crate) tags: Vec<Stamp>,
}

/// A generation as it holds now, by its name, and what announces that it changes.
#[derive(Debug, Clone)]
struct Told {
    name: String,
    stamp: Stamp,
    line: Arc<Line>,
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

    /// A token for one attempt at the lease of an entry.
    ///
    /// It tells in which history it was asked for: see [`is_void`].
    pub(crate) fn token(&self, address: &Address) -> Token {
        let history = self.hearing.lines.history(self.backend.node(&address.value));
        Token::new(history << HISTORY_AT | self.random.number() >> HISTORY_BITS)
    }

    /// Asks for the lease of an entry.
    pub(crate) async fn lease(
        &self,
        address: &Address,
        wanted: Wanted<'_>,
    ) -> Result<Asked, Failure> {
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
        let since = self.hearing.cells.now();
        // An older generation than the present one would cost a load later, and serve nothing.
        let mut current: Vec<_> =
            proposals.iter().filter_map(|(name, _)| self.known(name)).collect();
        let is_unknown = |(name, _): &&(String, _)| !current.iter().any(|told| told.name == *name);
        let unknown = proposals.iter().filter(is_unknown).cloned();
        let mut all = by_node(&*self.backend, unknown, |(name, _)| name);
        let own = all.iter().position(|(it, _)| *it == node).map(|place| all.swap_remove(place).1);
        let own = own.unwrap_or_default();
        // The generations of other nodes first: all of them are complete when the load begins.
        current.extend(self.adopt_from(all, since, deadline).await?);
        let request = LeaseRequest { lease: &name, token, life, generations: &own };
        let (mut stretch, mut sent) = self.before_asking(node);
        let ask = || self.ask(Operation::lease(), &name, deadline, || self.backend.lease(request));
        let mut leased = ask().await?;
        if let Some(orphan) =
            leased.holder.filter(|it| !leased.granted && is_void(*it, leased.proof))
        {
            // Asked again with the same token: it has been answered that it was not taken.
            let release = || self.backend.release(&name, orphan);
            let operation = Operation::remove("release").ending_a_lease();
            self.ask(operation, &name, deadline, release).await?;
            (stretch, sent) = self.before_asking(node);
            leased = ask().await?;
        }
        let proof = leased.proof;
        let line = self.hearing.lines.of(node, stretch, &proof, sent);
        let told = told(own, leased.generations, &proof, &line);
        self.know_all(&told, since);
        current.extend(told);
        let lines = current.iter().map(|told| Arc::clone(&told.line));
        let bond = Bond::of(lines.chain([line]));
        if !leased.granted {
            return Ok(Asked::Elsewhere(bond));
        }
        let generations = Generations::of(&in_order(&proposals, &current)?, late_tags)?;
        let (epoch, history) = (proof.epoch, proof.history);
        Ok(Asked::Granted(Leave { token, epoch, history, bond, generations }))
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

    /// Lets a lease live on; tells whether it is still ours, or `None` if that could not be found out.
    pub(crate) async fn prolong(
        &self,
        address: &Address,
        token: Token,
        life: Duration,
    ) -> Option<bool> {
        let name = address.entry.lease();
        let operation = Operation::write("prolong").ending_a_lease();
        let prolong = || self.backend.prolong(&name, token, life);
        self.ask(operation, &name, self.write_deadline(), prolong).await.ok()
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
    ) -> Result<Vec<Stamp>, Failure> {
        let groups = by_node(&*self.backend, proposals.iter().cloned(), |(name, _)| name);
        let since = self.hearing.cells.now();
        let current = self.adopt_from(groups, since, deadline).await?;
        in_order(proposals, &current)
    }

    async fn adopt_from(
        &self,
        groups: Vec<(Node, Vec<(String, Generation)>)>,
        since: Moment,
        deadline: Deadline,
    ) -> Result<Vec<Told>, Failure> {
        let adopt = |(node, group): (Node, Vec<(String, Generation)>)| async move {
            let Some((first, _)) = group.first() else { return Ok(Vec::new()) };
            let (stretch, sent) = self.before_asking(node);
            let adopt = || self.backend.adopt(&group);
            let adopted = self.ask(Operation::adopt(), first, deadline, adopt).await?;
            let Adopted { generations, proof } = adopted;
            let proof = proof.ok_or_else(scattered)?;
            let line = self.hearing.lines.of(node, stretch, &proof, sent);
            let told = told(group, generations, &proof, &line);
            self.know_all(&told, since);
            Ok(told)
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

    /// Asks every node for a sign of life, which is what memory is trusted by.
    pub(crate) async fn prove(&self) {
        let limit = self.settings.load().attempt_timeout;
        let began = self.clock.now();
        let mut nodes = self.backend.nodes();
        nodes.retain(|node| !self.is_isolated(*node));
        let prove = async |node: Node| {
            let (stretch, sent) = self.before_asking(node);
            let answer = self.clock.within_dozing(limit, self.backend.prove(node)).await;
            match answer {
                Some(Ok(proof)) => {
                    self.hearing.lines.of(node, stretch, &proof, sent);
                    self.hearing.lines.is_confirmed(&proof)
                }
                // It says itself that it does not serve.
                Some(Err(failure)) if matches!(failure.class(), Class::Moved | Class::Unready) => {
                    self.hearing.lines.end(node);
                    false
                }
                Some(Err(_)) | None => false,
            }
        };
        let proven = join_all(nodes.into_iter().map(prove)).await;
        if !proven.is_empty() && proven.into_iter().all(|is_proven| is_proven) {
            self.hearing.confirm(began);
        }
    }

    fn is_isolated(&self, node: Node) -> bool {
        let gate = self.gates.of(node, &self.settings.load().breaker);
        gate.breaker(Traffic::Serve).state() == BreakerState::Isolated
    }

    /// Ends when it is time to do so again; does not keep the cache alive meanwhile.
    pub(crate) fn proof_is_due(&self) -> impl Future<Output = ()> + use<> {
        let (hearing, clock) = (Arc::clone(&self.hearing), self.clock.clone());
        async move {
            let pause = hearing.lines.window() / 4;
            clock.within_dozing(pause, hearing.connected()).await;
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

    /// Proposals for the generations that a load depends on, in the order of [`Generations`].
    fn proposals(&self, address: &Address, tags: &Tags) -> Vec<(String, Generation)> {
        self.generation_names(&address.entry, tags).map(|name| (name, self.generation())).collect()
    }

    fn generation(&self) -> Generation {
        Generation::new(self.random.number())
    }
}

impl Generations {
    /// The namespace's, the tags' in their order, and that of all tags at the end if it was asked for.
    fn of(current: &[Stamp], with_any_tag: bool) -> Result<Self, Failure> {
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

/// How much of a history a token tells, and where.
const HISTORY_BITS: u32 = 16;
const HISTORY_AT: u32 = u64::BITS - HISTORY_BITS;

/// Whether a lease was granted in another history than the one that answers: nothing can be filled under
/// it any more, and that it was given back may have been forgotten.
fn is_void(holder: Token, proof: Proof) -> bool {
    proof.history != 0 && holder.get() >> HISTORY_AT != proof.history & ((1 << HISTORY_BITS) - 1)
}

/// What one node answered about the generations that were proposed to it.
fn told(
    proposals: Vec<(String, Generation)>,
    generations: Vec<Generation>,
    proof: &Proof,
    line: &Arc<Line>,
) -> Vec<Told> {
    let told = |((name, _), generation)| Told {
        name,
        stamp: Stamp { generation, history: proof.history },
        line: Arc::clone(line),
    };
    proposals.into_iter().zip(generations).map(told).collect()
}

/// What was answered by name, in the order of what was proposed.
fn in_order(proposals: &[(String, Generation)], current: &[Told]) -> Result<Vec<Stamp>, Failure> {
    let find = |(name, _): &(String, Generation)| {
        current.iter().find(|told| told.name == *name).map(|told| told.stamp)
    };
    proposals.iter().map(find).collect::<Option<Vec<_>>>().ok_or_else(too_few)
}

/// Names that one node was asked for have moved to several while it answered.
fn scattered() -> Failure {
    Failure::new(Class::Moved, "what was asked of one node was answered by several")
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
