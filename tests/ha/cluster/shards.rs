//! Clusters, and items by the primary that holds them.
//!
//! Invariant: an item depends on nothing that another node holds.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use athena_cache::{Cache, Outcome, Source, athena_cache, of};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::witness::Witness;
use crate::support::cluster::{Cluster, Options};
use crate::support::slots::SLOTS;
use crate::world::{Broken, Origin, Product, Setup, eventually};

/// A cluster is up to six processes: on many cores many tests would start too many of them.
static PLACES: Semaphore = Semaphore::const_new(3);

/// How many primaries each cluster begins with.
pub(super) const SHARDS: usize = 3;

/// Neighbouring slots whose entries share a generation of the namespace.
const NEIGHBOURS: u16 = 16;

/// A cluster that keeps its place among those that run at once.
pub(super) struct Running {
    cluster: Cluster,
    _place: SemaphorePermit<'static>,
}

impl Deref for Running {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Cluster {
        &mut self.cluster
    }
}

impl Running {
    pub(super) async fn start(options: Options) -> Self {
        let place = PLACES.acquire().await.expect("nobody closes it");
        Self { cluster: Cluster::start_with(options), _place: place }
    }

    /// Where a node is, as the cache tells it.
    pub(super) fn endpoint(&self, node: usize) -> String {
        format!("127.0.0.1:{}", self.node(node).port())
    }

    /// Waits until every replica holds what its primary holds.
    pub(super) async fn is_copied(&self) {
        let size = |node: usize| self.node(node).cli(&["DBSIZE"]).number();
        for replica in SHARDS..self.nodes().len() {
            eventually("the replicas have it", async || size(replica) == size(replica % SHARDS))
                .await;
        }
    }
}

/// Three primaries with a replica each, and a short wait for the dead.
pub(super) fn with_replicas() -> Options {
    Options { node_timeout: Duration::from_secs(1), ..Options::default() }
}

/// Three primaries that nobody stands in for.
pub(super) fn without_replicas() -> Options {
    Options { replicas_each: 0, ..with_replicas() }
}

/// The same, on which nothing is lost when a node is killed.
pub(super) fn durable() -> Options {
    let settings = ["--appendonly", "yes", "--appendfsync", "always"].map(str::to_owned);
    Options { settings: settings.into(), ..without_replicas() }
}

/// Patient with a busy machine; breakers soon try again.
pub(super) fn setup() -> Setup {
    Setup::patient().but(|resilience| {
        resilience.breaker.recovery_time = Duration::from_millis(500);
        resilience.breaker.max_recovery_time = Duration::from_millis(500);
    })
}

/// How long one attempt may take in [`short_setup`].
pub(super) const ATTEMPT: Duration = Duration::from_secs(1);

/// As [`setup`], for nodes that hang.
pub(super) fn short_setup() -> Setup {
    setup().but(|resilience| {
        resilience.attempt_timeout = ATTEMPT;
        resilience.deadline = Duration::from_secs(2);
        resilience.write_deadline = Duration::from_secs(4);
    })
}

/// A cache on a cluster, and what it tells about the nodes.
pub(super) fn watched(cluster: &Running, setup: &Setup) -> (Cache, Witness) {
    let witness = Witness::default();
    let builder = Cache::builder("shop").settings(setup.settings.clone());
    let builder = builder.observer(witness.clone()).backend(setup.redis(&cluster.url()));
    (builder.build().expect("the settings are good"), witness)
}

/// Lives long and has no tag.
#[athena_cache(key = "item:{id}", skip(origin), cache = cache)]
pub(super) async fn item(cache: &Cache, origin: &Origin, id: u32) -> Result<Product, Broken> {
    Ok(origin.make(id))
}

/// One call, and where its value came from.
pub(super) async fn observe(cache: &Cache, origin: &Origin, id: u32) -> (Product, Outcome) {
    let seen = of(item(cache, origin, id)).observe().await.expect("it is annotated");
    let value = seen.value.expect("no error of the cache reaches a caller");
    assert_eq!(value.id, id);
    (value, seen.outcome)
}

/// Calls until every item is in the cluster.
pub(super) async fn warm(cache: &Cache, origin: &Origin, ids: &[u32]) {
    let before = cache.stats().fills;
    for id in ids {
        item(cache, origin, *id).await.expect("no error of the cache reaches a caller");
    }
    cache.settle().await;
    assert_eq!(cache.stats().fills - before, ids.len() as u64, "{:?}", cache.stats());
}

/// Waits until the cluster answers for every one of these items.
pub(super) async fn answers(cache: &Cache, origin: &Origin, ids: &[u32]) {
    eventually("the cluster answers", async || {
        let mut hits = 0;
        for id in ids {
            hits += usize::from(observe(cache, origin, *id).await.1.source == Source::Backend);
        }
        hits == ids.len()
    })
    .await;
}

/// So many items that one primary holds at the start.
pub(super) fn items_on(shard: usize, count: usize) -> Vec<u32> {
    let ids = (0..).filter(|id| item_slot(*id).is_some_and(|slot| shard_of(slot) == shard));
    ids.take(count).collect()
}

/// So many items on each primary.
pub(super) fn items(count_each: usize) -> Vec<u32> {
    (0..SHARDS).flat_map(|shard| items_on(shard, count_each)).collect()
}

/// The primary that holds an item at the start.
pub(super) fn shard_of_item(id: u32) -> usize {
    shard_of(slot_of_item(id))
}

pub(super) fn slot_of_item(id: u32) -> u16 {
    Cluster::slot(format!("k:item:{id}"))
}

/// The slot of an item; none if it lies where two primaries divide a neighbourhood, so that it may
/// depend on the other one.
fn item_slot(id: u32) -> Option<u16> {
    let slot = slot_of_item(id);
    let first = slot - slot % NEIGHBOURS;
    (shard_of(first) == shard_of(first + NEIGHBOURS - 1)).then_some(slot)
}

/// The primary that has a slot at the start, as the harness and `redis-cli` deal them out.
pub(super) fn shard_of(slot: u16) -> usize {
    let border = |shard: usize| (shard * usize::from(SLOTS) + SHARDS / 2) / SHARDS;
    (0..SHARDS).find(|shard| usize::from(slot) < border(shard + 1)).expect("a slot")
}
