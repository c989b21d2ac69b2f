//! Memory as the first tier, in front of real servers.

use std::sync::Arc;
use std::time::Duration;

use athena_cache::{Cache, Invalidated, Source};
use tokio::sync::Semaphore;

use crate::support::resp::Reply;
use crate::support::server::RedisServer;
use crate::world::{
    CLIENT, Origin, Product, Setup, eventually, healthy, hear, observe, slow, values, warm,
};

fn tiered(server: &RedisServer) -> Cache {
    Setup::patient().tiered().cache("shop", &server.url())
}

/// Warms a product in memory and in Redis.
async fn warm_here(cache: &Cache, origin: &Origin, id: u32) {
    observe(cache, origin, id).await;
    cache.settle().await;
    assert_eq!(observe(cache, origin, id).await.1.source, Source::Memory);
}

#[tokio::test]
async fn t1_a_hit_in_memory_sends_nothing_to_redis() {
    let server = RedisServer::start();
    let (cache, origin) = (tiered(&server), Origin::default());
    warm_here(&cache, &origin, 1).await;
    let before = server.calls("mget");
    for _ in 0..100 {
        assert_eq!(observe(&cache, &origin, 1).await.1.source, Source::Memory);
    }
    assert_eq!(server.calls("mget"), before);
    assert_eq!(origin.loads(), 1);
}

#[tokio::test]
async fn i2_what_another_process_invalidates_leaves_this_memory() {
    let server = RedisServer::start();
    let (here, there, origin) = (tiered(&server), tiered(&server), Origin::default());
    for round in 0..30 {
        warm_here(&here, &origin, 1).await;
        let current = origin.change();
        let done = match round % 3 {
            0 => there.invalidate("product:1").await,
            1 => there.invalidate_tag("products").await,
            _ => there.clear().await,
        };
        assert_eq!(done, Invalidated::Done);
        eventually("it is heard of", async || {
            observe(&here, &origin, 1).await.0.version == current
        })
        .await;
        let _ = here.invalidate("product:1").await;
        hear(&here).await;
    }
}

#[tokio::test]
async fn t6_whoever_deletes_a_value_by_hand_is_heard() {
    let server = RedisServer::start();
    let (cache, origin) = (tiered(&server), Origin::default());
    for command in [["DEL"].as_slice(), &["UNLINK"]] {
        warm_here(&cache, &origin, 1).await;
        let [name] = values(&server, "product:1").try_into().expect("one value");
        let current = origin.change();
        server.cli(&[command, &[&name]].concat());
        hear(&cache).await;
        assert_eq!(observe(&cache, &origin, 1).await.0.version, current);
        cache.settle().await;
    }
    let current = origin.change();
    server.cli(&["FLUSHALL"]);
    hear(&cache).await;
    assert_eq!(observe(&cache, &origin, 1).await.0.version, current);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t6_a_process_that_lost_its_connection_serves_nothing_that_others_have_changed() {
    let server = RedisServer::start();
    let (here, origin) = (tiered(&server), Origin::default());
    let there = Setup::patient().cache("shop", &server.url());
    for _ in 0..20 {
        warm_here(&here, &origin, 1).await;
        let mine = server.cli(&["CLIENT", "LIST"]).text();
        let ids = mine.lines().filter(|line| line.contains(&format!("name={CLIENT}")));
        let ids: Vec<_> = ids.filter_map(|line| line.split(['=', ' ']).nth(1)).collect();
        for id in ids {
            drop::<Reply>(server.cli(&["CLIENT", "KILL", "ID", id]));
        }
        let current = origin.change();
        // The connection of the other process was closed, too.
        eventually("it is told", async || there.invalidate("product:1").await == Invalidated::Done)
            .await;
        eventually("it is heard of", async || {
            let (value, outcome) = observe(&here, &origin, 1).await;
            value.version == current && !outcome.degraded
        })
        .await;
        for cache in [&here, &there] {
            healthy(cache).await;
            cache.settle().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b03_nothing_in_memory_that_is_older_than_a_restart_counts_as_fresh() {
    let mut server = RedisServer::start();
    let (cache, origin) = (Setup::brisk().tiered().cache("shop", &server.url()), Origin::default());
    for _ in 0..3 {
        warm(&cache, &origin, 0..20).await;
        server.kill();
        let current = origin.change();
        server.restart();
        eventually("redis answers again", async || {
            for id in 0..20 {
                let (value, outcome) = observe(&cache, &origin, id).await;
                assert!(outcome.degraded || value.version == current, "{value:?} {outcome:?}");
            }
            cache.settle().await;
            observe(&cache, &origin, 0).await.1.source == Source::Memory
        })
        .await;
        let _ = cache.clear().await;
        eventually("nothing waits", async || cache.stats().journal_depth == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s6_four_processes_that_ask_for_one_cold_key_load_it_once() {
    let server = RedisServer::start();
    let origin = Origin::default();
    let caches: Vec<_> = (0..4).map(|_| tiered(&server)).collect();
    for cache in &caches {
        hear(cache).await;
    }
    for id in 0..10 {
        let before = origin.loads();
        let callers = caches.iter().flat_map(|cache| {
            (0..25).map(|_| {
                let (cache, origin) = (cache.clone(), origin.clone());
                tokio::spawn(async move {
                    let until = tokio::time::sleep(Duration::from_millis(50));
                    slow(&cache, &origin, id, until).await.map(|it| it.id)
                })
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            assert_eq!(caller.await.unwrap().unwrap(), id);
        }
        let stats: Vec<_> = caches.iter().map(Cache::stats).collect();
        assert_eq!(origin.loads() - before, 1, "{stats:?}");
        assert!(stats.iter().all(|stats| stats.unleased_loads == 0), "{stats:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i1_a_namespace_that_is_cleared_while_a_thousand_loads_run_keeps_none_of_them() {
    let server = RedisServer::start();
    let (here, there, origin) = (tiered(&server), tiered(&server), Origin::default());
    let gate = Arc::new(Semaphore::new(0));
    let load = |id| {
        let (cache, origin, gate) = (here.clone(), origin.clone(), Arc::clone(&gate));
        tokio::spawn(async move {
            let until = async { gate.acquire().await.expect("it is never closed").forget() };
            slow(&cache, &origin, id, until).await
        })
    };
    let callers: Vec<_> = (0..1_000).map(load).collect();
    eventually("all of them load", async || origin.loads() == 1_000).await;
    let current = origin.change();
    assert_eq!(there.clear().await, Invalidated::Done);
    gate.add_permits(1_000);
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap().version, 0, "it began before");
    }
    here.settle().await;
    hear(&here).await;
    for cache in [&here, &there] {
        for id in 0..1_000 {
            let seen = slow(cache, &origin, id, async {}).await.unwrap();
            assert_eq!(seen, Product { id, version: current });
        }
        cache.settle().await;
    }
    assert_eq!(origin.loads(), 2_000, "{:?} {:?}", here.stats(), there.stats());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_redis_evicts_is_loaded_again_and_never_comes_back() {
    let server = RedisServer::start();
    let (here, there, origin) = (tiered(&server), tiered(&server), Origin::default());
    for cache in [&here, &there] {
        hear(cache).await;
    }
    server.cli(&["CONFIG", "SET", "maxmemory-policy", "allkeys-random"]);
    // Room for half of them.
    let empty = server.info::<u64>("used_memory");
    warm(&here, &origin, 0..300).await;
    let full = server.info::<u64>("used_memory").max(empty);
    server.cli(&["CONFIG", "SET", "maxmemory", &full.midpoint(empty).to_string()]);
    for round in 0..10 {
        for id in 0..300 {
            observe(&here, &origin, id).await;
            observe(&there, &origin, id).await;
        }
        let current = origin.change();
        let done = match round % 2 {
            0 => there.invalidate_tag("products").await,
            _ => there.clear().await,
        };
        assert_eq!(done, Invalidated::Done);
        // Not all that is evicted is announced, so it may take the trust window.
        for id in 0..300 {
            eventually("it is noticed", async || {
                observe(&here, &origin, id).await.0.version == current
            })
            .await;
        }
        for id in 0..300 {
            assert_eq!(observe(&here, &origin, id).await.0.version, current, "{id} in {round}");
        }
    }
    let evicted: u64 = server.info("evicted_keys");
    assert!(evicted > 1_000, "{evicted}");
}
