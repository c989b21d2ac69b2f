//! What an entry takes in memory beyond its value, and what a hit costs there.

use std::convert::Infallible;
use std::future::Future;
use std::time::{Duration, Instant};

use athena_cache::{Cache, Memory, Redis, athena_cache};
use tokio::runtime::{Builder, Runtime};

use crate::spread::Spread;
use crate::support::server::RedisServer;

const ENTRIES: u64 = 10_000;
const ROUNDS: usize = 21;
const HITS: u64 = 20_000;
type Value = [u64; 8];

#[athena_cache(ttl = "1h", key = "product:{number}", cache = cache)]
async fn plain(cache: &Cache, number: u64) -> Result<Value, Infallible> {
    Ok([number; 8])
}

#[athena_cache(
    ttl = "1h", key = "tagged:{number}", tags = ["products", "product:{number}"], cache = cache
)]
async fn tagged(cache: &Cache, number: u64) -> Result<Value, Infallible> {
    Ok([number; 8])
}

pub(crate) fn print() {
    let server = RedisServer::start();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let moka = moka::future::Cache::builder()
        .max_capacity(4 * ENTRIES)
        .time_to_live(Duration::from_secs(3_600))
        .build_with_hasher(foldhash::fast::RandomState::default());
    let bare = taken(&runtime, async {
        for number in 0..ENTRIES {
            moka.insert(format!("product:{number}"), [number; 8]).await;
        }
        moka.run_pending_tasks().await;
    });
    println!("{bare}  bytes beyond its value takes an entry in a raw moka cache");
    let room = || Memory::bounded(4 * ENTRIES);
    let alone = Cache::builder("alone").memory(room()).build().unwrap();
    let tiered = {
        let _entered = runtime.enter();
        let redis = Redis::from_url(server.url()).unwrap();
        Cache::builder("tiered").backend(redis).memory(room()).build().unwrap()
    };
    for (cache, place) in [(&alone, "in memory alone"), (&tiered, "in memory before Redis")] {
        runtime
            .block_on(async { plain(cache, ENTRIES).await.and(tagged(cache, ENTRIES).await) })
            .unwrap();
        let bytes = taken(&runtime, async {
            for number in 0..ENTRIES {
                plain(cache, number).await.unwrap();
            }
            cache.settle().await;
        });
        println!("{bytes}  bytes beyond its value takes an entry {place}");
        let bytes = taken(&runtime, async {
            for number in 0..ENTRIES {
                tagged(cache, number).await.unwrap();
            }
            cache.settle().await;
        });
        println!("{bytes}  the same with two tags");
    }
    let hits = |cache: &Cache, is_tagged: bool| {
        let begun = Instant::now();
        runtime.block_on(async {
            for number in 0..HITS {
                let number = number % 100;
                if is_tagged {
                    tagged(cache, number).await.unwrap();
                } else {
                    plain(cache, number).await.unwrap();
                }
            }
        });
        begun.elapsed().as_secs_f64()
    };
    let (mut tags, mut tier) = (Spread::default(), Spread::default());
    // One for each call of the rounds, or the memory is not what is measured.
    for cache in [&alone, &tiered] {
        for is_tagged in [false, true] {
            hits(cache, is_tagged);
        }
    }
    let before = tiered.stats();
    for _ in 0..ROUNDS {
        let (plain, tagged) = (hits(&tiered, false), hits(&tiered, true));
        tags.add(tagged / plain);
        tier.add(plain / hits(&alone, false));
    }
    let stats = tiered.stats();
    assert_eq!(stats.backend_hits, before.backend_hits);
    println!(
        "{:.2}  times as long takes a hit in memory before Redis as in memory alone",
        tier.median()
    );
    println!("{:.2}  times as long takes a hit with two tags there as one without", tags.median());
    runtime.block_on(tiered.close());
}

/// How many bytes per entry are there afterwards that were not before, beyond the value.
fn taken(runtime: &Runtime, fill: impl Future<Output = ()>) -> i64 {
    let counted = allocation_counter::measure(|| runtime.block_on(fill));
    let entries = i64::try_from(ENTRIES).unwrap();
    counted.bytes_current / entries - i64::try_from(size_of::<Value>()).unwrap()
}
