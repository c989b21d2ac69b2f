//! A backend of two nodes that fail apart from each other.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use athena_cache::backend::{
    Backend, Bump, Change, Class, Ensured, Failure, Fill, Filled, Found, LeaseRequest, Leased,
    Listener, Node, Proof, Proposal, Token,
};
use athena_cache::testing::{Chaos, ChaosBackend, Fault as Chaotic, ManualClock, MemoryBackend};
use athena_cache::{BreakerState, Cache, Invalidated, Memory, Resilience, Settings, Source};

use crate::world::{Fault, Form, Gate, Origin, labelled, once, others_rest, until};

const DOWN: Chaotic = Chaotic::Error(Class::Unreachable);

/// Two nodes; names with a capital letter live on the second.
#[derive(Debug)]
struct Pair {
    nodes: [ChaosBackend<MemoryBackend>; 2],
    places: Vec<String>,
    /// How many of them it tells of.
    told: Arc<AtomicU32>,
}

impl Pair {
    fn number(name: &str) -> usize {
        usize::from(name.contains(|letter: char| letter.is_ascii_uppercase()))
    }

    /// The node of some names, which the cache sorts by node before it calls.
    fn of<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> &ChaosBackend<MemoryBackend> {
        let mut numbers: Vec<_> = names.into_iter().map(Self::number).collect();
        numbers.dedup();
        assert_eq!(numbers.len(), 1, "names of one node");
        &self.nodes[numbers[0]]
    }

    fn at(&self, node: Node) -> &ChaosBackend<MemoryBackend> {
        &self.nodes[node.number() as usize]
    }
}

#[async_trait]
impl Backend for Pair {
    async fn read(&self, values: &[&str], generations: &[&str]) -> Result<Found, Failure> {
        self.of(values.iter().chain(generations).copied()).read(values, generations).await
    }

    async fn ensure(&self, proposals: &[Proposal<'_>]) -> Result<Ensured, Failure> {
        self.of(proposals.iter().map(|proposal| proposal.name)).ensure(proposals).await
    }

    async fn lease(&self, request: LeaseRequest<'_>) -> Result<Leased, Failure> {
        let generations = request.generations.iter().map(|proposal| proposal.name);
        self.of(generations.chain([request.lease])).lease(request).await
    }

    async fn fill(&self, fill: Fill<'_>) -> Result<Filled, Failure> {
        self.of([fill.lease, fill.item.value]).fill(fill).await
    }

    async fn extend(&self, lease: &str, token: Token, life: Duration) -> Result<bool, Failure> {
        self.of([lease]).extend(lease, token, life).await
    }

    async fn release(&self, lease: &str, token: Token) -> Result<(), Failure> {
        self.of([lease]).release(lease, token).await
    }

    async fn oust(&self, lease: &str, longest: Duration) -> Result<bool, Failure> {
        self.of([lease]).oust(lease, longest).await
    }

    async fn remove(&self, names: &[String]) -> Result<(), Failure> {
        self.of(names.iter().map(String::as_str)).remove(names).await
    }

    async fn shorten(&self, names: &[String], life: Duration) -> Result<(), Failure> {
        self.of(names.iter().map(String::as_str)).shorten(names, life).await
    }

    async fn bump(&self, bumps: &[Bump<'_>]) -> Result<(), Failure> {
        self.of(bumps.iter().map(|bump| bump.name)).bump(bumps).await
    }

    async fn prove(&self, node: Node) -> Result<Proof, Failure> {
        self.at(node).prove(Node::ONLY).await
    }

    fn node(&self, name: &str) -> Node {
        Node::new(u32::try_from(Self::number(name)).unwrap())
    }

    fn nodes(&self) -> Vec<Node> {
        (0..self.told.load(Ordering::SeqCst)).map(Node::new).collect()
    }

    fn partition(&self, name: &str) -> Option<&str> {
        Some(&self.places[Self::number(name)])
    }

    fn partitions(&self) -> &[String] {
        &self.places
    }

    fn listen(&self, listener: Listener) {
        for (number, node) in (0..).zip(&self.nodes) {
            let (node_here, listener) = (Node::new(number), Listener::clone(&listener));
            node.listen(Arc::new(move |change| {
                listener(&match change.clone() {
                    Change::Connected { history, .. } => {
                        Change::Connected { node: node_here, history }
                    }
                    Change::Unheard { .. } => Change::Unheard { node: node_here },
                    change => change,
                });
            }));
        }
    }

    fn epoch(&self, node: Node) -> u64 {
        self.at(node).epoch(Node::ONLY)
    }

    fn is_ready(&self, node: Node) -> bool {
        self.at(node).is_ready(Node::ONLY)
    }

    fn endpoint(&self, node: Node) -> String {
        format!("node {}", node.number())
    }

    async fn close(&self) {}
}

/// Two nodes, and a switch for each of them.
struct World {
    cache: Cache,
    nodes: [Chaos; 2],
    stores: [MemoryBackend; 2],
    clock: ManualClock,
    told: Arc<AtomicU32>,
    /// Its processes so far: each has random numbers of its own.
    processes: AtomicU64,
}

impl World {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        let clock = ManualClock::new();
        let stores = [MemoryBackend::with_clock(&clock), MemoryBackend::with_clock(&clock)];
        Self::on(stores, clock, settings, 1)
    }

    /// Another process on the same two nodes.
    fn beside(&self) -> Self {
        let number = 1 + self.processes.fetch_add(1, Ordering::SeqCst);
        Self::on(self.stores.clone(), self.clock.clone(), Settings::default(), number)
    }

    fn on(stores: [MemoryBackend; 2], clock: ManualClock, settings: Settings, number: u64) -> Self {
        let nodes = stores.clone().map(|store| ChaosBackend::with_clock(store, 1, &clock));
        let chaos = [nodes[0].chaos(), nodes[1].chaos()];
        let told = Arc::new(AtomicU32::new(2));
        let pair = Pair { nodes, places: vec!["a".into(), "A".into()], told: Arc::clone(&told) };
        let builder = Cache::builder("test").clock(&clock).seed(number).backend(pair);
        let builder = builder.settings(settings).resilience(once(Resilience::default()));
        let builder = builder.memory(Memory::fallback_only(1_000));
        let processes = AtomicU64::new(1);
        Self { cache: builder.build().unwrap(), nodes: chaos, stores, clock, told, processes }
    }

    async fn warm(&self) {
        for name in ["k", "K"] {
            Form::Entry.plain(&self.cache, name, async { Ok(1) }).await;
        }
        self.cache.settle().await;
    }

    /// Where the value of a key comes from now.
    async fn source(&self, name: &str) -> Source {
        Form::Entry.plain(&self.cache, name, async { Ok(2) }).await.outcome.source
    }
}

#[tokio::test]
async fn r5_b05_the_breaker_of_one_node_is_none_of_the_others() {
    let world = World::new();
    world.warm().await;
    world.nodes[1].always(DOWN);
    for _ in 0..10 {
        assert_eq!(world.source("k").await, Source::Backend);
        assert_eq!(world.source("K").await, Source::Memory);
    }
    let states: Vec<_> = world.cache.nodes().into_iter().map(|node| node.breaker).collect();
    assert_eq!(states, [BreakerState::Closed, BreakerState::Open]);
    assert_eq!(world.cache.breaker(), Some(BreakerState::Open), "the worst of them");
}

#[tokio::test]
async fn an_isolation_is_one_of_nodes_that_are_met_later_as_well() {
    let world = World::new();
    let breakers = || world.cache.nodes().into_iter().map(|node| node.breaker).collect::<Vec<_>>();
    world.told.store(1, Ordering::SeqCst);
    world.cache.isolate(Duration::from_secs(60));
    world.told.store(2, Ordering::SeqCst);
    assert_eq!(breakers(), [BreakerState::Isolated; 2]);
    world.nodes.iter().for_each(Chaos::forget_operations);
    for name in ["k", "K"] {
        assert_eq!(world.source(name).await, Source::Load);
    }
    world.cache.health_checks().report().await;
    world.cache.settle().await;
    assert_eq!(world.nodes.each_ref().map(Chaos::operations), [[""; 0]; 2], "nothing is sent");
    world.cache.resume();
    assert_eq!(breakers(), [BreakerState::HalfOpen; 2]);
    world.source("K").await;
    assert!(world.nodes[1].operations().contains(&"read"));
    // One that was met before and was not in use when it began is isolated as well.
    world.told.store(1, Ordering::SeqCst);
    world.cache.isolate(Duration::from_secs(1));
    world.told.store(2, Ordering::SeqCst);
    assert_eq!(breakers(), [BreakerState::Isolated; 2]);
    // It is over at its end, whether anybody calls or not.
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(breakers(), [BreakerState::HalfOpen; 2]);
    assert_eq!(world.cache.status().await.maintenance.state.as_deref(), Some("none"));
}

#[tokio::test]
async fn loads_for_a_node_that_serves_are_kept_while_another_one_is_down() {
    let world = World::new();
    world.nodes[1].always(DOWN);
    let origin = Origin::default();
    for _ in 0..3 {
        Form::Entry.plain(&world.cache, "new", origin.returns(Ok(1))).await;
        world.cache.settle().await;
    }
    assert_eq!(origin.loads(), 1);
    assert!(world.stores[0].names().iter().any(|name| name.contains("k:plain:new")));
}

#[tokio::test]
async fn an_invalidation_that_waits_for_one_node_does_not_hold_up_the_others() {
    let world = World::new();
    world.warm().await;
    world.nodes[1].always(DOWN);
    assert_eq!(world.cache.invalidate("plain:K").await, Invalidated::Pending);
    assert_eq!(world.source("k").await, Source::Backend);
    assert_eq!(world.source("K").await, Source::Load);
    world.nodes[1].heal();
    world.nodes[1].reconnect();
    world.nodes[1].forget_operations();
    world.clock.advance(Duration::from_secs(11));
    assert_eq!(world.source("K").await, Source::Load);
    assert_eq!(world.nodes[1].operations()[..2], ["remove", "read"]);
    assert_eq!(world.cache.stats().journal_depth, 0);
}

#[tokio::test]
async fn clearing_reaches_the_nodes_that_serve_at_once_and_the_others_later() {
    let world = World::new();
    world.warm().await;
    world.nodes[1].always(DOWN);
    assert_eq!(world.cache.clear().await, Invalidated::Pending);
    assert_eq!(world.cache.stats().journal_depth, 1, "one place is left");
    assert_eq!(world.source("k").await, Source::Load);
    world.nodes[1].heal();
    world.nodes[1].reconnect();
    assert_eq!(world.source("K").await, Source::Load);
    assert_eq!(world.cache.stats().journal_depth, 0);
}

#[tokio::test]
async fn an_entry_fails_with_the_node_of_its_tag_and_others_do_not() {
    let world = World::new();
    let cache = &world.cache;
    let tagged = |name: &'static str, tag: &'static str, value: u32| {
        let entry = cache.entry(name).tags([tag]);
        async move { entry.observe(|| async move { Ok::<u32, Fault>(value) }).await }
    };
    tagged("one", "T", 1).await;
    tagged("two", "t", 1).await;
    cache.settle().await;
    assert_eq!(tagged("one", "T", 2).await.outcome.source, Source::Backend);
    world.nodes[1].always(DOWN);
    assert_eq!(tagged("one", "T", 2).await.outcome.source, Source::Memory);
    assert_eq!(tagged("two", "t", 2).await.outcome.source, Source::Backend);
    assert_eq!(cache.invalidate_tag("t").await, Invalidated::Done);
    assert_eq!(tagged("two", "t", 2).await.value, Ok(2));
    assert_eq!(cache.invalidate_tag("T").await, Invalidated::Pending);
    assert_eq!(tagged("one", "T", 2).await.value, Ok(2));
}

#[tokio::test]
async fn a_batch_gets_from_the_backend_what_its_nodes_have() {
    let world = World::new();
    world.warm().await;
    world.nodes[1].always(DOWN);
    world.clock.advance(Duration::from_secs(5));
    let batch = world.cache.batch(["plain:k", "plain:K", "plain:C"]);
    let found = batch
        .get_or_load_many(|names| async move {
            assert_eq!(names, ["plain:C"]);
            Ok::<_, Fault>(names.into_iter().map(|name| (name, 3_u32)).collect())
        })
        .await
        .unwrap();
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort();
    let expected = [("plain:C", 3), ("plain:K", 1), ("plain:k", 1)];
    assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value)));
    let stats = world.cache.stats();
    assert_eq!((stats.backend_hits, stats.degraded_hits), (1, 1));
}

#[tokio::test]
async fn p3_a_tag_that_arrives_before_the_change_of_all_tags_is_changed_once_more_after_it() {
    for order in ["at once", "both late"] {
        let (world, origin, gate) = (World::new(), Origin::default(), Gate::closed());
        let other = world.beside();
        let early = tokio::spawn(labelled(other.cache.clone(), origin.waits(&gate, Ok(1))));
        until("the load", || origin.loads() == 1).await;
        // All tags change on the first node, this one lives on the second.
        world.nodes[0].always(DOWN);
        if order == "both late" {
            world.nodes[1].always(DOWN);
        }
        assert_eq!(world.cache.invalidate_tag("V1").await, Invalidated::Pending);
        if order == "both late" {
            world.nodes[1].heal();
            world.nodes[1].reconnect();
            let tagged = world.cache.entry("K").tags(["V1"]);
            tagged.observe(|| async { Ok::<u32, Fault>(7) }).await;
        }
        gate.open();
        early.await.unwrap();
        other.cache.settle().await;
        let stored = || labelled(other.cache.clone(), origin.returns(Ok(2)));
        assert_eq!(stored().await.value, Ok(1), "it is pending");

        world.nodes[0].heal();
        world.nodes[0].reconnect();
        until("everybody is told", || {
            world.clock.advance(Duration::from_secs(1));
            world.cache.stats().journal_depth == 0
        })
        .await;
        assert_eq!(
            labelled(world.beside().cache, origin.returns(Ok(3))).await.value,
            Ok(3),
            "{order}"
        );
    }
}

#[tokio::test]
async fn r7_a_batch_waits_for_its_turn_and_keeps_the_leases_of_the_node_that_serves() {
    let mut settings = Settings::default();
    settings.degraded_loads = 1;
    let world = World::with(settings);
    world.nodes[1].always(DOWN);
    let origin = Origin::default();
    let turns: Vec<_> = (0..7).map(|_| Gate::closed()).collect();
    let mut before = Vec::new();
    for (number, turn) in turns.iter().enumerate() {
        let (cache, load) = (world.cache.clone(), origin.waits(turn, Ok(1)));
        before.push(tokio::spawn(async move {
            Form::Entry.plain(&cache, &format!("FIRST {number}"), load).await.value
        }));
        others_rest().await;
    }
    let (cache, of_batch) = (world.cache.clone(), origin.clone());
    let batch = tokio::spawn(async move {
        let values = HashMap::from([("k".to_owned(), 7_u32), ("K".to_owned(), 8)]);
        let load = |_| of_batch.returns(Ok::<_, Fault>(values.clone()));
        cache.batch(["k", "K"]).get_or_load_many(load).await
    });
    let is_leased = || world.stores[0].names().iter().any(|name| name.ends_with("k:k}:l"));
    until("the lease of the node that serves", is_leased).await;
    for (number, turn) in turns.iter().enumerate() {
        // One after the other, so that nobody has to take the wait for one for itself.
        world.clock.advance(Duration::from_millis(900));
        others_rest().await;
        assert!(is_leased(), "it lives for 5 s unless it is extended");
        assert_eq!(origin.loads(), number + 1, "the batch waits");
        turn.open();
        others_rest().await;
    }
    for first in before {
        assert_eq!(first.await.unwrap(), Ok(1));
    }
    assert_eq!(batch.await.unwrap().unwrap().len(), 2);
    world.cache.settle().await;
    assert!(!is_leased() && world.stores[0].names().iter().any(|name| name.contains("{k:k}")));
}
