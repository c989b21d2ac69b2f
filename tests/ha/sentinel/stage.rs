//! A group of one's own, caches on it, and callers that never stop.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use athena_cache::backend::Failover;
use athena_cache::{Cache, Event, Observer, Outcome, Source, Stats, athena_cache, of};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::support::load::{Load, Records, Verdict};
use crate::support::sentinel::{Options, SentinelGroup};
use crate::support::{PATIENCE, wait_for};
use crate::world::{ATTEMPT, Broken, Origin, Product, Setup, product, through_redis, values};

/// What a busy machine may add to a call.
pub(super) const MARGIN: Duration = Duration::from_secs(3);
/// How long a promotion may take, an election that fails and is repeated included.
const PROMOTION: Duration = Duration::from_secs(40);
/// The label of calls that Redis answered.
pub(super) const REDIS: &str = "redis";
/// The label of calls that memory answered.
pub(super) const MEMORY: &str = "memory";
/// What fills are sent as; replicas get the writes of a script, and never the script.
pub(super) const SCRIPTS: &[&str] = &["evalsha", "eval"];

/// After how much silence a node is dead, where the test is about something else.
///
/// A machine with much to do is silent for a second now and then, and sentinels that take that for a
/// death replace a primary that nobody has killed.
pub(super) const LATE: Duration = Duration::from_secs(5);

/// Groups at a time; with more of them the machine itself would make nodes look dead.
static PLACES: Semaphore = Semaphore::const_new(3);

/// A group, and the place that it takes.
pub(super) struct Stage {
    pub(super) group: SentinelGroup,
    _place: SemaphorePermit<'static>,
}

impl Stage {
    /// With sentinels that hold a node for dead after so much silence.
    pub(super) async fn start(down_after: Duration) -> Self {
        Self::start_with(Options { down_after, ..Options::default() }).await
    }

    pub(super) async fn start_with(options: Options) -> Self {
        let place = PLACES.acquire().await.expect("it is never closed");
        Self { group: SentinelGroup::start_with(options), _place: place }
    }

    /// Waits until both replicas have what the primary keeps of some products.
    pub(super) fn replicated(&self, ids: impl IntoIterator<Item = u32>) {
        let primary = self.group.primary();
        for id in ids {
            let names = values(self.group.node(primary), &format!("product:{id}"));
            assert_eq!(names.len(), 1);
            for node in self.group.nodes() {
                wait_for("the node has the value", || {
                    (node.cli(&["EXISTS", &names[0]]).number() == 1).then_some(())
                });
            }
        }
    }
}

/// Lives long enough for about two hits of every three calls, while there are 500 in a second.
#[athena_cache(ttl = "300ms", key = "stock:{id}", skip(origin), cache = cache)]
async fn stock(cache: &Cache, origin: &Origin, id: u32) -> Result<Product, Broken> {
    Ok(origin.make(id))
}

/// A cache on a group, and the failovers that it told of.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) cache: Cache,
    pub(super) told: Told,
}

impl Member {
    /// With the default settings.
    pub(super) fn join(namespace: &str, group: &SentinelGroup) -> Self {
        Self::join_as(defaults(), namespace, group)
    }

    pub(super) fn join_as(setup: Setup, namespace: &str, group: &SentinelGroup) -> Self {
        let redis = setup.redis(&group.url());
        let told = Told::default();
        let builder = Cache::builder(namespace).settings(setup.settings).observer(told.clone());
        Self { cache: builder.backend(redis).build().expect("the settings are good"), told }
    }

    /// Waits until it has told of so many failovers, and returns all.
    pub(super) async fn fails_over(&self, count: usize) -> Vec<Failover> {
        let deadline = Instant::now() + PROMOTION;
        loop {
            let told = self.told.all();
            if told.len() >= count {
                return told;
            }
            assert!(Instant::now() < deadline, "it told of {told:?} alone");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until Redis has answered so many calls more.
    pub(super) async fn hits(&self, count: u64) {
        self.counts("redis answers too few", count, |stats| stats.backend_hits).await;
    }

    /// Waits until memory has answered so many calls more.
    pub(super) async fn hits_in_memory(&self, count: u64) {
        self.counts("memory answers too few", count, |stats| stats.memory_hits).await;
    }

    /// Waits until Redis has taken so many values more.
    pub(super) async fn fills(&self, count: u64) {
        self.counts("redis takes too few", count, |stats| stats.fills).await;
    }

    async fn counts(&self, vain: &str, count: u64, what: fn(&Stats) -> u64) {
        let before = self.cache.stats();
        let deadline = Instant::now() + PATIENCE;
        while what(&self.cache.stats()) < what(&before) + count {
            let stats = self.cache.stats();
            assert!(Instant::now() < deadline, "{vain}: {before:?}, then {stats:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Calls by some callers, each of whom waits between two calls.
    ///
    /// What they ask for lives for moments, so that they load, fill and hit all the time.
    pub(super) fn traffic(&self, callers: u64, pause: Duration) -> Load {
        let (cache, origin) = (self.cache.clone(), Origin::default());
        Load::start_paced(callers, pause, move |caller, round| {
            let (cache, origin) = (cache.clone(), origin.clone());
            async move {
                let id = id(caller, round, 50);
                let seen = of(stock(&cache, &origin, id)).observe().await.expect("it is annotated");
                let verdict = match seen.value {
                    Ok(stock) if stock.id == id => Verdict::Right,
                    Ok(_) => Verdict::Wrong,
                    Err(_) => Verdict::Error,
                };
                (verdict, label(seen.outcome))
            }
        })
    }

    /// Calls for products that live long; none but those of the first version are right.
    pub(super) fn reading(&self, origin: &Origin, callers: u64, products: u32) -> Load {
        let (cache, origin) = (self.cache.clone(), origin.clone());
        Load::start_paced(callers, Duration::from_millis(10), move |caller, round| {
            let (cache, origin) = (cache.clone(), origin.clone());
            async move {
                let id = id(caller, round, products);
                let call = of(product(&cache, &origin, id)).observe();
                let seen = call.await.expect("it is annotated");
                let verdict = match seen.value {
                    Ok(product) if product.id == id && product.version == 0 => Verdict::Right,
                    Ok(_) => Verdict::Wrong,
                    Err(_) => Verdict::Error,
                };
                (verdict, label(seen.outcome))
            }
        })
    }
}

/// Writes down failovers.
#[derive(Debug, Clone, Default)]
pub(super) struct Told(Arc<Mutex<Vec<Failover>>>);

impl Told {
    pub(super) fn all(&self) -> Vec<Failover> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Observer for Told {
    fn observe(&self, event: &Event<'_>) {
        if let Event::Failover { failover, .. } = event {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push((*failover).clone());
        }
    }
}

/// The settings of who sets nothing, but for memory.
pub(super) fn defaults() -> Setup {
    Setup { settings: through_redis(), response_timeout: ATTEMPT }
}

/// How a node is written.
pub(super) fn endpoint(group: &SentinelGroup, node: usize) -> String {
    format!("127.0.0.1:{}", group.node(node).port())
}

/// Checks that all callers got the right values, none of them after longer than `slowest`.
pub(super) fn flawless(records: &Records, slowest: Duration) {
    assert!(records.count() > 0, "nobody called");
    assert_eq!(records.errors(), 0, "errors");
    assert_eq!(records.wrong(), 0, "wrong values");
    let worst = records.worst_but_for_stalls();
    assert!(worst <= slowest, "the slowest call took {worst:?}, or {:?}", records.worst());
}

/// Spread over all, so that callers meet at some and not at others.
fn id(caller: u64, round: u64, count: u32) -> u32 {
    let mixed = (caller << 32 | round).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    u32::try_from(mixed % u64::from(count)).expect("less than the count")
}

fn label(outcome: Outcome) -> &'static str {
    match outcome.source {
        Source::Backend => REDIS,
        Source::Memory => MEMORY,
        _ => "origin",
    }
}
