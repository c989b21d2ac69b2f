//! What the calls of one piece of work came to.

use std::time::Duration;

use athena_cache::{Cache, CacheOutcomes, Collector, athena_cache};
use tokio::sync::Notify;

use crate::world::{Fault, Remote, World};

#[athena_cache(ttl = "10s", grace = "1h", name = "collected::price", skip(result), cache = cache)]
async fn price(cache: &Cache, id: u8, result: Result<u8, Fault>) -> Result<u8, Fault> {
    let _ = id;
    result
}

#[athena_cache(ttl = "10s", name = "collected::slow", skip(go), cache = cache)]
async fn slow(cache: &Cache, go: &Notify) -> u8 {
    go.notified().await;
    1
}

#[athena_cache(ttl = "10s", name = "collected::rate", when = !name.is_empty(), cache = cache)]
fn rate(cache: &Cache, name: &str) -> usize {
    name.len()
}

#[athena_cache(ttl = "10s", name = "collected::uncached")]
async fn uncached() -> u8 {
    1
}

async fn collected(calls: impl Future) -> CacheOutcomes {
    let collector = Collector::new();
    collector.scope(calls).await;
    collector.outcomes()
}

#[tokio::test]
async fn the_worst_call_is_told_and_the_oldest_value() {
    let world = World::in_memory();
    let cache = &world.cache;
    assert_eq!(collected(async {}).await.worst(), None, "no call");

    let miss = collected(price(cache, 1, Ok(1))).await;
    assert_eq!((miss.worst(), miss.age(), miss.calls()), (Some("MISS"), None, 1));

    world.advance(Duration::from_secs(4));
    let hit = collected(price(cache, 1, Ok(2))).await;
    assert_eq!((hit.worst(), hit.age()), (Some("HIT"), Some(Duration::from_secs(4))));

    let two = collected(async {
        let _ = (price(cache, 1, Ok(1)).await, price(cache, 2, Ok(1)).await);
    });
    let two = two.await;
    assert_eq!((two.worst(), two.calls(), two.hits()), (Some("MISS"), 2, 1));
    assert_eq!(two.age(), None, "one of them was loaded");

    world.advance(Duration::from_secs(36));
    let stale = collected(async {
        let _ = price(cache, 1, Err(Fault::Down)).await;
    });
    let stale = stale.await;
    assert_eq!((stale.worst(), stale.age()), (Some("STALE"), Some(Duration::from_secs(40))));
}

#[tokio::test]
async fn what_runs_without_a_cache_is_told_too() {
    let world = World::in_memory();
    let closed = Cache::in_memory("closed");
    closed.close().await;
    assert_eq!(collected(price(&closed, 1, Ok(1))).await.worst(), Some("BYPASS"), "closed");
    assert_eq!(collected(uncached()).await.worst(), Some("BYPASS"), "there is no cache");
    let blocking = collected(async {
        rate(&world.cache, "a");
        rate(&world.cache, "a");
    });
    let blocking = blocking.await;
    assert_eq!((blocking.misses, blocking.fresh), (1, 1));
    assert_eq!(collected(async { rate(&world.cache, "") }).await.worst(), Some("BYPASS"));
}

#[tokio::test]
async fn each_of_those_that_join_is_a_miss_of_its_own_work() {
    let world = World::in_memory();
    let (cache, go) = (&world.cache, Notify::new());
    let (first, second, ()) =
        tokio::join!(collected(slow(cache, &go)), collected(slow(cache, &go)), async {
            tokio::task::yield_now().await;
            go.notify_one();
        });
    assert_eq!((first.worst(), first.joined), (Some("MISS"), 0));
    assert_eq!((second.worst(), second.joined), (Some("MISS"), 1));
}

#[tokio::test]
async fn a_spawned_task_is_work_of_its_own() {
    let world = World::in_memory();
    let cache = world.cache.clone();
    let apart = collected(async {
        let _ = tokio::spawn(async move { price(&cache, 1, Ok(1)).await }).await;
    });
    assert_eq!(apart.await.worst(), None);
}

#[tokio::test]
async fn calls_inside_a_load_and_an_inner_collection() {
    let world = World::in_memory();
    let cache = &world.cache;
    let inside = collected(async {
        let load = async || price(cache, 1, Ok(1)).await;
        cache.entry("outer").get_or_load(load).await.unwrap();
    });
    assert_eq!(inside.await.calls(), 2, "both are of this work");
    let inner = Collector::new();
    let outer = collected(inner.scope(price(cache, 1, Ok(1)))).await;
    assert_eq!((outer.calls(), inner.outcomes().calls()), (0, 1));
}

#[tokio::test]
async fn batches_and_copies_count_entry_by_entry() {
    let remote = Remote::new();
    let cache = &remote.world.cache;
    cache.entry("a").insert(1_u8).await.unwrap();
    let load =
        async |names: Vec<String>| Ok::<_, Fault>(names.into_iter().map(|it| (it, 1_u8)).collect());
    let batch = collected(cache.batch(["a", "b", "c"]).get_or_load_many(load)).await;
    assert_eq!((batch.fresh, batch.misses), (1, 2));
}
