//! What answers while the server cannot.

use std::sync::Arc;
use std::time::{Duration, Instant};

use athena_cache::backend::Class;
use athena_cache::{BreakerState, Cache, Invalidated, Redis, Resilience, Source, athena_cache};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::support::PATIENCE;
use crate::support::proxy::Proxy;
use crate::support::server::RedisServer;
use crate::world::{
    ATTEMPT, Broken, Origin, Product, Setup, degraded, eventually, observe, product, warm,
};

#[tokio::test]
async fn a42_a46_what_was_written_or_read_is_served_from_memory_once_the_server_is_killed() {
    let mut server = RedisServer::start();
    let origin = Origin::default();
    let [writer, reader] = [(); 2].map(|()| Setup::patient().cache("shop", &server.url()));
    warm(&writer, &origin, [1]).await;
    assert_eq!(observe(&reader, &origin, 1).await.1.source, Source::Backend);
    server.kill();
    origin.change();
    for cache in [writer, reader] {
        for _ in 0..20 {
            let (value, outcome) = observe(&cache, &origin, 1).await;
            assert_eq!((value.version, outcome.source), (0, Source::Memory));
            assert!(outcome.degraded && !outcome.stale);
        }
        assert_eq!(cache.stats().degraded_hits, 20);
    }
    assert_eq!(origin.loads(), 1);
}

#[tokio::test]
async fn a_server_that_is_known_to_be_away_is_not_waited_for() {
    let mut server = RedisServer::start();
    // So that each call asks.
    let setup = Setup::brisk().but(|resilience| resilience.breaker.enabled = false);
    let (cache, origin) = (setup.cache("shop", &server.url()), Origin::default());
    warm(&cache, &origin, [1]).await;
    server.kill();
    // Found out by the first attempt to connect again, which its port refuses.
    eventually("a call is not tried again", async || {
        let before = cache.stats();
        observe(&cache, &origin, 1).await;
        let after = cache.stats();
        let has_failed = after.failures(Class::Unreachable) > before.failures(Class::Unreachable);
        has_failed && after.retries == before.retries
    })
    .await;
    let before = cache.stats();
    for id in [1, 2] {
        for _ in 0..50 {
            observe(&cache, &origin, id).await;
        }
        assert_eq!(cache.invalidate(format!("product:{id}")).await, Invalidated::Pending);
    }
    assert_eq!(cache.stats().retries, before.retries);
    assert_eq!(cache.stats().failures(Class::Open), 0);
}

#[tokio::test]
async fn a12_r8_a_frozen_server_costs_a_call_one_attempt_and_not_one_per_operation() {
    let server = RedisServer::start();
    let attempt = Duration::from_secs(1);
    let mut setup = Setup::brisk().but(|resilience| {
        resilience.attempt_timeout = attempt;
        resilience.deadline = 4 * attempt;
    });
    setup.response_timeout = attempt;
    let (cache, origin) = (setup.cache("shop", &server.url()), Origin::default());
    warm(&cache, &origin, [1]).await;
    server.freeze();
    for (id, source) in [(1, Source::Memory), (2, Source::Load)] {
        let start = Instant::now();
        let (_, outcome) = observe(&cache, &origin, id).await;
        let took = start.elapsed();
        assert_eq!(outcome.source, source);
        assert!(took >= attempt / 2 && took < 2 * attempt, "{took:?}");
    }
    assert_eq!(cache.stats().failures(Class::Timeout), 2);
}

#[tokio::test]
async fn a_connection_that_swallows_everything_is_replaced() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let (cache, origin) = (Setup::brisk().cache("shop", &proxy.url()), Origin::default());
    warm(&cache, &origin, [1]).await;
    proxy.swallow_existing();
    eventually("another connection answers", async || {
        observe(&cache, &origin, 1).await.1.source == Source::Backend
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_swallows_everything_is_replaced_though_attempts_are_short() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let setup = Setup::brisk().but(|resilience| resilience.attempt_timeout = ATTEMPT / 2);
    let (cache, origin) = (setup.cache("shop", &proxy.url()), Origin::default());
    warm(&cache, &origin, [1]).await;
    proxy.swallow_existing();
    eventually("another connection answers", async || {
        observe(&cache, &origin, 1).await.1.source == Source::Backend
    })
    .await;
}

#[tokio::test]
async fn a38_an_attempt_may_take_as_long_as_the_cache_allows() {
    let server = RedisServer::start();
    let attempt = Duration::from_secs(2);
    let mut resilience = Resilience::guide();
    resilience.attempt_timeout = attempt;
    let builder = Cache::builder("shop").resilience(resilience);
    let cache = builder.backend(Redis::from_url(server.url()).unwrap()).build().unwrap();
    let origin = Origin::default();
    warm(&cache, &origin, [1]).await;
    server.freeze();
    let start = Instant::now();
    observe(&cache, &origin, 2).await;
    let took = start.elapsed();
    assert!(took >= attempt / 2, "{took:?}");
}

/// Calls another cached function once `CALLERS` of it run.
#[athena_cache(key = "outer:{id}", skip(origin, all), cache = cache)]
async fn outer(cache: &Cache, origin: &Origin, all: &Barrier, id: u32) -> Result<Product, Broken> {
    all.wait().await;
    product(cache, origin, id).await
}

#[tokio::test]
async fn r7_cached_functions_that_call_cached_functions_end_while_the_server_is_down() {
    let mut server = RedisServer::start();
    let (cache, origin) = (Setup::brisk().cache("shop", &server.url()), Origin::default());
    let callers = u32::try_from(Setup::brisk().settings.degraded_loads).unwrap();
    let all = Arc::new(Barrier::new(callers as usize));
    warm(&cache, &origin, [0]).await;
    server.kill();
    degraded(&cache).await;
    let mut calls = JoinSet::new();
    for id in 1..=callers {
        let (cache, origin, all) = (cache.clone(), origin.clone(), Arc::clone(&all));
        calls.spawn(async move { outer(&cache, &origin, &all, id).await });
    }
    let ended = tokio::time::timeout(PATIENCE, calls.join_all()).await;
    assert!(ended.is_ok(), "no call of {callers} has ended after {PATIENCE:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s10_a_thousand_callers_of_warm_keys_are_answered_by_a_healthy_server() {
    let server = RedisServer::start();
    let (cache, origin) = (Setup::patient().cache("shop", &server.url()), Origin::default());
    warm(&cache, &origin, 0..1_000).await;
    let all = Arc::new(Barrier::new(1_000));
    let mut calls = JoinSet::new();
    for id in 0..1_000 {
        let (cache, origin, all) = (cache.clone(), origin.clone(), Arc::clone(&all));
        calls.spawn(async move {
            all.wait().await;
            observe(&cache, &origin, id).await.1
        });
    }
    let outcomes = calls.join_all().await;
    let hits = outcomes.iter().filter(|outcome| outcome.source == Source::Backend).count();
    assert_eq!(hits, 1_000, "{:?}", cache.stats());
}

#[tokio::test]
async fn a_full_server_that_evicts_nothing_fails_no_caller() {
    let server = RedisServer::start();
    let setup = Setup::patient().but(|resilience| {
        resilience.breaker.recovery_time = Duration::from_millis(100);
        resilience.breaker.max_recovery_time = Duration::from_millis(100);
    });
    let (cache, origin) = (setup.cache("shop", &server.url()), Origin::default());
    warm(&cache, &origin, 0..3).await;
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    assert_eq!(observe(&cache, &origin, 1).await.1.source, Source::Backend);
    for id in 3..20 {
        assert_eq!(observe(&cache, &origin, id).await.1.source, Source::Load);
    }
    assert_eq!(cache.invalidate("product:1").await, Invalidated::Done);
    let current = origin.change();
    assert_eq!(observe(&cache, &origin, 1).await.0.version, current);
    let node = &cache.nodes()[0];
    assert_eq!(node.breaker, BreakerState::Closed, "it serves");
    assert_ne!(node.write_breaker, BreakerState::Closed, "and takes no writes");

    // A generation that cannot be changed is removed, which counts as changed.
    assert_eq!(cache.invalidate_tag("products").await, Invalidated::Done);
    let current = origin.change();
    for id in 0..3 {
        assert_eq!(observe(&cache, &origin, id).await.0.version, current);
    }
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    for id in 0..3 {
        eventually("it is kept again", async || {
            assert_eq!(observe(&cache, &origin, id).await.0.version, current);
            cache.settle().await;
            observe(&cache, &origin, id).await.1.source == Source::Backend
        })
        .await;
    }
}
