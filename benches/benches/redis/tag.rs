//! What it costs to invalidate a tag that covers a million entries, against one that covers a single one.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use athena_cache::{Cache, Invalidated, Memory, Redis};

use crate::spread::Spread;
use crate::support::server::RedisServer;

const ENTRIES: usize = 1_000_000;
/// No more at a time than may wait for Redis to take them.
const PART: usize = 500;
const ROUNDS: usize = 101;

pub(crate) fn print() {
    tokio::runtime::Runtime::new().unwrap().block_on(compare());
}

async fn compare() {
    let server = RedisServer::start();
    let redis = Redis::from_url(server.url()).unwrap();
    let cache = Cache::builder("tag").backend(redis).memory(Memory::off()).build().unwrap();
    load(&cache, "single", 1).await;
    println!("   {ENTRIES} entries are stored, which takes a minute or two");
    load(&cache, "many", ENTRIES).await;
    let mut ratios = Spread::default();
    for _ in 0..ROUNDS {
        let single = invalidate(&cache, "single").await;
        ratios.add(invalidate(&cache, "many").await / single);
    }
    let gone = cache.entry(format!("many:{}", ENTRIES - 1));
    assert_eq!(gone.get::<u32>().await.unwrap(), None);
    println!(
        "{:.2}  times as long takes the invalidation of a tag with {ENTRIES} entries as of one with one",
        ratios.median()
    );
    cache.close().await;
}

/// Stores entries that all have the tag of their name.
async fn load(cache: &Cache, tag: &str, entries: usize) {
    let names: Vec<_> = (0..entries).map(|number| format!("{tag}:{number}")).collect();
    let load = |names: Vec<String>| {
        let values: HashMap<_, _> = names.into_iter().map(|name| (name, 1_u32)).collect();
        async { Ok::<_, Infallible>(values) }
    };
    for part in names.chunks(PART) {
        let batch = cache.batch(part).ttl(Duration::from_secs(3_600)).tags([tag]);
        let Ok(_) = batch.get_or_load_many(load).await;
        cache.settle().await;
    }
    let stats = cache.stats();
    // A machine that stands still costs some.
    assert!(stats.fills * 10 >= stats.loads * 9, "{stats:?}");
}

async fn invalidate(cache: &Cache, tag: &str) -> f64 {
    let begun = Instant::now();
    assert_eq!(cache.invalidate_tag(tag).await, Invalidated::Done);
    begun.elapsed().as_secs_f64()
}
