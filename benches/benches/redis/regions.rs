//! What a second region costs who uses the first: what one call takes with it, against the same call without it.

use std::convert::Infallible;
use std::time::Instant;

use athena_cache::{Cache, Invalidated, Memory, Redis, RegionSettings, Settings};

use crate::spread::Spread;
use crate::support::server::RedisServer;
use crate::used;

const ROUNDS: u32 = 2_001;
/// Calls that nothing is counted of: connections and scripts are new.
const FIRST: u32 = 200;

/// What is measured.
#[derive(Debug, Clone, Copy)]
enum Work {
    MemoryHit,
    RedisHit,
    /// A miss, its load, and its fill.
    Miss,
    Invalidation,
}

pub(crate) fn print() {
    tokio::runtime::Runtime::new().unwrap().block_on(compare());
}

async fn compare() {
    let [alone, primary, secondary] = [(); 3].map(|()| RedisServer::start());
    for (work, name) in [
        (Work::MemoryHit, "a hit in memory"),
        (Work::RedisHit, "a hit in redis"),
        (Work::Miss, "a miss with its load and fill"),
        (Work::Invalidation, "an invalidation, which is logged"),
    ] {
        let memory = match work {
            Work::MemoryHit => Memory::default(),
            Work::RedisHit | Work::Miss | Work::Invalidation => Memory::off(),
        };
        let store = |server: &RedisServer| Redis::from_url(server.url()).unwrap();
        let without = Cache::builder("bench").memory(memory.clone()).backend(store(&alone));
        let without = without.build().unwrap();
        let mut settings = Settings::default();
        settings.memory = memory;
        settings.regions = Some(RegionSettings::new("west", ["east"]));
        let with = Cache::builder("bench").settings(settings).region("west", store(&primary));
        let with = with.region("east", store(&secondary)).build().unwrap();
        let mut ratios = Spread::default();
        let before = [&alone, &primary].map(used);
        for round in 0..FIRST + ROUNDS {
            // Whoever is second finds the machine as the first has left it.
            let [a, b] = if round % 2 == 0 { [&without, &with] } else { [&with, &without] };
            let (first, second) = (measure(a, work, round).await, measure(b, work, round).await);
            let ratio = if round % 2 == 0 { second / first } else { first / second };
            if round >= FIRST {
                ratios.add(ratio);
            }
        }
        let [of_alone, of_primary] = [(&alone, before[0]), (&primary, before[1])]
            .map(|(server, before)| used(server) - before);
        println!("{:.2}  times as long as without a second region takes {name}", ratios.median());
        if !matches!(work, Work::MemoryHit) {
            println!("{:.2}  times as long the server works for it", of_primary / of_alone);
        }
        without.close().await;
        with.close().await;
    }
}

/// How many seconds it took.
async fn measure(cache: &Cache, work: Work, round: u32) -> f64 {
    let load = async || Ok::<_, Infallible>(round);
    match work {
        Work::MemoryHit | Work::RedisHit => {
            cache.entry("hit").get_or_load(load).await.unwrap();
            let entry = cache.entry("hit");
            let begun = Instant::now();
            entry.get_or_load(load).await.unwrap();
            begun.elapsed().as_secs_f64()
        }
        Work::Miss => {
            let entry = cache.entry(format!("miss:{round}"));
            let begun = Instant::now();
            entry.get_or_load(load).await.unwrap();
            cache.settle().await;
            begun.elapsed().as_secs_f64()
        }
        Work::Invalidation => {
            let entry = cache.entry("gone");
            let begun = Instant::now();
            assert_eq!(entry.invalidate().await, Invalidated::Done);
            begun.elapsed().as_secs_f64()
        }
    }
}
