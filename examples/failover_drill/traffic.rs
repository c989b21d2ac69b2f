//! The callers: fifty tasks that never stop calling annotated functions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use athena_cache::{Cache, athena_cache, athena_invalidate};

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

#[athena_invalidate(keys = ["price:{id}"], cache = cache)]
async fn reprice(cache: &Cache, id: u64) -> Result<(), athena_cache::Error> {
    Ok(())
}

/// Loads the warm keys, so that the first calls are like the later ones.
pub(crate) async fn warm_up(cache: &Cache) -> Result<(), athena_cache::Error> {
    for id in 0..WARM_KEYS {
        price(cache, id).await?;
    }
    cache.settle().await;
    Ok(())
}

/// The shard of an entry `k:price:ID`, which has the name `ns:{k:price:ID}:0` in Redis.
pub(crate) fn shard_of(shards: &Shards, key: &str) -> usize {
    let slot = slots::slot(key);
    shards.get(usize::from(slot)).copied().unwrap_or_default()
}

/// What one call does.
#[derive(Debug, Clone, Copy)]
enum Call {
    Price(u64),
    Reprice(u64),
}

#[derive(Debug)]
pub(crate) struct Traffic(Load);

impl Traffic {
    pub(crate) fn start(cache: Cache, shards: Shards) -> Self {
        let next_cold = Arc::new(AtomicU64::new(WARM_KEYS));
        let shards = Arc::new(shards);
        Self(Load::start_paced(TASKS, PAUSE, move |task, round| {
            let (cache, shards) = (cache.clone(), Arc::clone(&shards));
            let call = choose(task, round, &next_cold);
            async move { act(&cache, &shards, call).await }
        }))
    }

    pub(crate) fn started(&self) -> Instant {
        self.0.started()
    }

    pub(crate) fn calls(&self) -> u64 {
        self.0.calls()
    }

    pub(crate) async fn stop(self) -> Records {
        self.0.stop().await
    }
}

fn choose(task: u64, round: u64, next_cold: &AtomicU64) -> Call {
    let step = round + task;
    let warm = (step * 31 + task * 7) % WARM_KEYS;
    if step % INVALIDATION_SHARE == 1 {
        Call::Reprice(warm)
    } else if step.is_multiple_of(COLD_SHARE) {
        Call::Price(next_cold.fetch_add(1, Ordering::Relaxed))
    } else {
        Call::Price(warm)
    }
}

async fn act(cache: &Cache, shards: &Shards, call: Call) -> (Verdict, &'static str) {
    match call {
        Call::Price(id) => {
            let verdict = match price(cache, id).await {
                Ok(value) if value == format!("price of {id}") => Verdict::Right,
                Ok(_) => Verdict::Wrong,
                Err(_) => Verdict::Error,
            };
            (verdict, SHARDS[shard_of(shards, &format!("k:price:{id}")).min(SHARDS.len() - 1)])
        }
        Call::Reprice(id) => {
            let done = reprice(cache, id).await;
            (if done.is_ok() { Verdict::Right } else { Verdict::Error }, INVALIDATION)
        }
    }
}
