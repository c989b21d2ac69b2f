//! What Redis behind it, and tags, add to a hit in memory.

use std::convert::Infallible;
use std::time::Instant;

use athena_cache::{Cache, Memory, Redis, athena_cache};
use tokio::runtime::Builder;

use crate::spread::Spread;
use crate::support::server::RedisServer;

const ROOM: u64 = 10_000;
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
    let room = || Memory::bounded(ROOM);
    let alone = Cache::builder("alone").memory(room()).build().unwrap();
    let tiered = {
        let _entered = runtime.enter();
        let redis = Redis::from_url(server.url()).unwrap();
        Cache::builder("tiered").backend(redis).memory(room()).build().unwrap()
    };
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
