//! The callers: fifty tasks that never stop calling annotated functions, and another process, which
//! changes what some of them return.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use athena_cache::{Cache, Invalidated, athena_cache, athena_invalidate, of};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::ledger::{Kind, Ledger, PRODUCTS};
use crate::stage::Shards;
use crate::support::load::{Load, Records, Verdict};
use crate::support::slots;

const TASKS: u64 = 50;
/// What each task waits after a call: the tasks must not be what keeps the machine busy.
const PAUSE: Duration = Duration::from_millis(5);
/// Keys that all tasks ask for.
const WARM_KEYS: u64 = 200;
/// One call in this many asks for a key that nobody has asked for before.
const COLD_SHARE: u64 = 10;
/// One call in this many asks for a stock, which stays in memory until the other process changes it.
const STOCK_SHARE: u64 = 4;
/// How often the other process changes a stock.
const CHANGES: Duration = Duration::from_millis(20);
/// One call in this many invalidates a warm key.
const INVALIDATION_SHARE: u64 = 50;
/// The label of calls of `reprice`; that of `price` is the shard of its key.
pub(crate) const INVALIDATION: &str = "invalidation";
/// By the number of the shard.
pub(crate) const SHARDS: [&str; 3] = ["shard 0", "shard 1", "shard 2"];

/// The value tells its key, so that a wrong one is seen.
///
/// It takes no time, so the time of a call is what the cache adds.
#[athena_cache(ttl = "500ms", key = "price:{id}", cache = cache)]
async fn price(cache: &Cache, id: u64) -> Result<String, athena_cache::Error> {
    Ok(format!("price of {id}"))
}

/// The value tells its product and the version of that.
#[athena_cache(ttl = "10m", key = "stock:{id}", skip(ledger), cache = cache)]
async fn stock(cache: &Cache, ledger: &Ledger, id: u64) -> Result<Stock, athena_cache::Error> {
    Ok((id, ledger.version(id)))
}

type Stock = (u64, usize);

#[athena_invalidate(keys = ["price:{id}"], cache = cache)]
async fn reprice(cache: &Cache, id: u64) -> Result<(), athena_cache::Error> {
    Ok(())
}

/// Loads the warm keys, so that the first calls are like the later ones.
pub(crate) async fn warm_up(cache: &Cache, ledger: &Ledger) -> Result<(), athena_cache::Error> {
    for id in 0..WARM_KEYS {
        price(cache, id).await?;
    }
    for id in 0..PRODUCTS {
        stock(cache, ledger, id).await?;
    }
    cache.settle().await;
    Ok(())
}

/// The shard of an entry such as `k:price:ID`, which has the name `ns:{k:price:ID}:0` in Redis.
pub(crate) fn shard_of(shards: &Shards, key: &str) -> usize {
    let slot = slots::slot(key);
    shards.get(usize::from(slot)).copied().unwrap_or_default()
}

/// What one call does.
#[derive(Debug, Clone, Copy)]
enum Call {
    Price(u64),
    Stock(u64),
    Reprice(u64),
}

/// What the callers share.
#[derive(Debug)]
struct Scene {
    cache: Cache,
    shards: Shards,
    ledger: Ledger,
    /// By how much a value may be outdated that nothing says of.
    bound: Duration,
}

#[derive(Debug)]
pub(crate) struct Traffic {
    load: Load,
    changes: JoinHandle<()>,
}

impl Traffic {
    /// Calls through one process, and changes through another one.
    pub(crate) fn start(
        cache: Cache,
        other: Cache,
        shards: Shards,
        ledger: Ledger,
        bound: Duration,
    ) -> Self {
        let next_cold = Arc::new(AtomicU64::new(WARM_KEYS));
        let changes = tokio::spawn(change(other, ledger.clone()));
        let scene = Arc::new(Scene { cache, shards, ledger, bound });
        let load = Load::start_paced(TASKS, PAUSE, move |task, round| {
            let scene = Arc::clone(&scene);
            let call = choose(task, round, &next_cold);
            async move { scene.act(call).await }
        });
        Self { load, changes }
    }

    pub(crate) fn started(&self) -> Instant {
        self.load.started()
    }

    pub(crate) fn calls(&self) -> u64 {
        self.load.calls()
    }

    pub(crate) async fn stop(self) -> Records {
        self.changes.abort();
        self.load.stop().await
    }
}

/// Changes one product after the other, and invalidates what the cache holds of it.
async fn change(cache: Cache, ledger: Ledger) {
    for id in (0..PRODUCTS).cycle() {
        let version = ledger.change(id);
        let invalidated = of(stock(&cache, &ledger, id)).invalidate().await;
        ledger.invalidated(id, version, matches!(invalidated, Ok(Invalidated::Done)));
        sleep(CHANGES).await;
    }
}

fn choose(task: u64, round: u64, next_cold: &AtomicU64) -> Call {
    let step = round + task;
    let warm = (step * 31 + task * 7) % WARM_KEYS;
    if step % INVALIDATION_SHARE == 1 {
        Call::Reprice(warm)
    } else if step.is_multiple_of(COLD_SHARE) {
        Call::Price(next_cold.fetch_add(1, Ordering::Relaxed))
    } else if step % STOCK_SHARE == 1 {
        Call::Stock((step * 31 + task * 7) % PRODUCTS)
    } else {
        Call::Price(warm)
    }
}

impl Scene {
    async fn act(&self, call: Call) -> (Verdict, &'static str) {
        match call {
            Call::Price(id) => {
                let verdict = match price(&self.cache, id).await {
                    Ok(value) if value == format!("price of {id}") => Verdict::Right,
                    Ok(_) => Verdict::Wrong,
                    Err(_) => Verdict::Error,
                };
                (verdict, self.shard(&format!("k:price:{id}")))
            }
            Call::Stock(id) => (self.ask_stock(id).await, self.shard(&format!("k:stock:{id}"))),
            Call::Reprice(id) => {
                let done = reprice(&self.cache, id).await;
                (if done.is_ok() { Verdict::Right } else { Verdict::Error }, INVALIDATION)
            }
        }
    }

    async fn ask_stock(&self, id: u64) -> Verdict {
        let begun = Instant::now();
        let seen = of(stock(&self.cache, &self.ledger, id)).observe().await;
        let Ok((value, outcome)) = seen.and_then(|seen| Ok((seen.value?, seen.outcome))) else {
            return Verdict::Error;
        };
        let is_flagged = outcome.degraded || outcome.stale;
        let outdated = self.ledger.answered(value, begun, is_flagged);
        let is_too_old = outdated.is_some_and(|it| it.kind == Kind::Silent && it.by > self.bound);
        if value.0 == id && !is_too_old { Verdict::Right } else { Verdict::Wrong }
    }

    fn shard(&self, key: &str) -> &'static str {
        SHARDS[shard_of(&self.shards, key).min(SHARDS.len() - 1)]
    }
}
