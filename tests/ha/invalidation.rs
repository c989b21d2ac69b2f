//! Two processes on one server, and invalidations that cannot arrive at once.

use std::task::{Context, Waker};
use std::time::Duration;

use athena_cache::testing::{ChaosBackend, Fault};
use athena_cache::{Cache, Invalidated, Source, athena_cache, athena_invalidate, of};

use crate::support::proxy::Proxy;
use crate::support::server::RedisServer;
use crate::world::{
    Broken, Origin, Setup, degraded, eventually, healthy, names, observe, product, slow, warm,
};

/// Two caches on one server, as two processes would have them.
fn two(server: &RedisServer) -> [Cache; 2] {
    [(); 2].map(|()| Setup::patient().cache("shop", &server.url()))
}

#[athena_invalidate(tags = ["products"], cache = cache)]
async fn change(cache: &Cache, origin: &Origin) -> Result<u32, Broken> {
    Ok(origin.change())
}

#[tokio::test]
async fn i1_i2_an_invalidation_by_key_tag_or_namespace_reaches_the_other_process() {
    let server = RedisServer::start();
    let [here, there] = two(&server);
    let origin = Origin::default();
    for round in 0..4 {
        for id in 0..5 {
            observe(&here, &origin, id).await;
            here.settle().await;
            assert_eq!(observe(&there, &origin, id).await.1.source, Source::Backend);
        }
        let done = match round {
            0 => {
                let version = change(&here, &origin).await.unwrap();
                assert_eq!(version, 1);
                Invalidated::Done
            }
            1 => {
                origin.change();
                here.clear().await
            }
            2 => {
                origin.change();
                for id in 0..4 {
                    assert_eq!(here.invalidate(format!("product:{id}")).await, Invalidated::Done);
                }
                of(product(&here, &origin, 4)).invalidate().await.unwrap()
            }
            _ => {
                origin.change();
                here.invalidate_tag("products").await
            }
        };
        assert_eq!(done, Invalidated::Done);
        for id in 0..5 {
            let (value, outcome) = observe(&there, &origin, id).await;
            assert_eq!((value.version, outcome.source), (round + 1, Source::Load));
            there.settle().await;
            assert_eq!(observe(&here, &origin, id).await.1.source, Source::Backend);
        }
    }
}

#[athena_cache(ttl = "1h", grouped, skip(cache, origin), cache = cache)]
async fn stock(cache: &Cache, origin: &Origin, id: u32) -> u32 {
    origin.make(id).version
}

#[athena_invalidate(functions = [stock], cache = cache)]
async fn recount(cache: &Cache, origin: &Origin) -> u32 {
    origin.change()
}

#[tokio::test]
async fn i1_i2_all_entries_of_a_function_are_invalidated_in_the_other_process_by_one_write() {
    let server = RedisServer::start();
    let [here, there] = two(&server);
    let origin = Origin::default();
    for id in 0..20 {
        stock(&here, &origin, id).await;
        observe(&here, &origin, id).await;
        here.settle().await;
        let seen = of(stock(&there, &origin, id)).observe().await.unwrap();
        assert_eq!(seen.outcome.source, Source::Backend);
    }
    let (removals, before) =
        (|| server.calls("del") + server.calls("unlink"), names(&server).len());
    let removed = removals();
    assert_eq!(recount(&here, &origin).await, 1);
    assert_eq!(removals(), removed, "no entry is touched");
    assert!(names(&server).len() >= before, "but for the generation of any tag, which may be new");
    for id in 0..20 {
        let seen = of(stock(&there, &origin, id)).observe().await.unwrap();
        assert_eq!((seen.value, seen.outcome.source), (1, Source::Load));
        there.settle().await;
        let seen = of(stock(&here, &origin, id)).observe().await.unwrap();
        assert_eq!((seen.value, seen.outcome.source), (1, Source::Backend));
        assert_ne!(observe(&here, &origin, id).await.1.source, Source::Load);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_a_load_that_the_other_process_invalidated_meanwhile_is_not_kept() {
    let server = RedisServer::start();
    let [here, there] = two(&server);
    let origin = Origin::default();
    let (open, gate) = tokio::sync::oneshot::channel::<()>();
    let caller = tokio::spawn({
        let (here, origin) = (here.clone(), origin.clone());
        async move { slow(&here, &origin, 1, async { drop(gate.await) }).await }
    });
    eventually("the load runs", async || origin.loads() == 1).await;
    assert_eq!(there.invalidate("slow:1").await, Invalidated::Done);
    origin.change();
    open.send(()).unwrap();
    assert_eq!(caller.await.unwrap().unwrap().version, 0, "its caller began before");
    here.settle().await;
    assert_eq!(here.stats().refused, 1);
    for cache in [&here, &there] {
        let seen = of(slow(cache, &origin, 1, async {})).observe().await.unwrap();
        assert_eq!(seen.value.unwrap().version, 1);
    }
}

#[tokio::test]
async fn i3_p5_what_was_invalidated_while_the_server_was_frozen_never_comes_back() {
    let server = RedisServer::start();
    let (cache, origin) = (Setup::brisk().cache("shop", &server.url()), Origin::default());
    warm(&cache, &origin, 0..3).await;
    server.freeze();
    for (id, scope) in ["key", "tag", "namespace"].into_iter().enumerate() {
        let id = u32::try_from(id).unwrap();
        let current = origin.change();
        let done = match scope {
            "key" => cache.invalidate("product:0").await,
            "tag" => cache.invalidate_tag("products").await,
            _ => cache.clear().await,
        };
        assert_eq!(done, Invalidated::Pending, "{scope}");
        assert_eq!(observe(&cache, &origin, id).await.0.version, current, "{scope}");
    }
    assert_eq!(cache.stats().journal_depth, 3);
    server.thaw();
    let current = origin.change();
    assert_eq!(cache.clear().await, Invalidated::Pending, "{:?}", cache.stats());
    eventually("redis answers again", async || {
        let mut hits = 0;
        for id in 0..3 {
            let (value, outcome) = observe(&cache, &origin, id).await;
            assert_eq!(value.version, current, "{outcome:?}");
            hits += u32::from(outcome.source == Source::Backend);
        }
        hits == 3
    })
    .await;
    assert_eq!(cache.stats().journal_depth, 0);
}

/// Cuts one process off, lets it invalidate, and connects it again.
async fn invalidated_while_cut_off(here: &Cache, origin: &Origin, proxy: &Proxy) {
    warm(here, origin, [1]).await;
    proxy.refuse_new(true);
    proxy.cut();
    degraded(here).await;
    origin.change();
    assert_eq!(here.invalidate("product:1").await, Invalidated::Pending);
    assert_eq!(observe(here, origin, 1).await.0.version, 1);
    proxy.refuse_new(false);
    healthy(here).await;
}

#[tokio::test]
async fn i3_a_process_that_was_cut_off_tells_the_server_before_it_reads() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let origin = Origin::default();
    let here = Setup::patient().cache("shop", &proxy.url());
    let there = Setup::patient().cache("shop", &server.url());
    invalidated_while_cut_off(&here, &origin, &proxy).await;
    assert_eq!(observe(&there, &origin, 1).await.0.version, 0, "it could not know");
    assert_eq!(observe(&here, &origin, 2).await.0.version, 1);
    assert_eq!(here.stats().journal_depth, 0);
    for cache in [&there, &here] {
        assert_eq!(observe(cache, &origin, 1).await.0.version, 1);
    }
}

#[tokio::test]
async fn p4_a_process_that_was_cut_off_tells_the_server_though_nobody_calls_it() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let origin = Origin::default();
    let here = Setup::patient().cache("shop", &proxy.url());
    let there = Setup::patient().cache("shop", &server.url());
    invalidated_while_cut_off(&here, &origin, &proxy).await;
    eventually("the other process sees the invalidation", async || {
        observe(&there, &origin, 1).await.0.version == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s6_two_processes_that_ask_for_one_cold_key_both_get_it() {
    let server = RedisServer::start();
    let [here, there] = two(&server);
    let origin = Origin::default();
    let call = |cache: &Cache, id| {
        let (cache, origin) = (cache.clone(), origin.clone());
        tokio::spawn(async move {
            let work = tokio::time::sleep(Duration::from_millis(20));
            slow(&cache, &origin, id, work).await
        })
    };
    // The first use of a namespace creates its generation, which is a change for whoever looked before.
    call(&here, 99).await.unwrap().unwrap();
    here.settle().await;
    for id in 0..20 {
        let before = origin.loads();
        let (one, two) = (call(&here, id), call(&there, id));
        assert_eq!(one.await.unwrap().unwrap().id, id);
        assert_eq!(two.await.unwrap().unwrap().id, id);
        assert!((1..=2).contains(&(origin.loads() - before)));
        here.settle().await;
        there.settle().await;
        let seen = of(slow(&here, &origin, id, async {})).observe().await.unwrap();
        let stats = [&here, &there].map(Cache::stats);
        assert_eq!(seen.outcome.source, Source::Backend, "{id}, {stats:?}");
    }
}

#[tokio::test]
async fn s7_a_caller_dropped_at_any_moment_leaves_no_lease() {
    let server = RedisServer::start();
    let (cache, origin) = (Setup::patient().cache("shop", &server.url()), Origin::default());
    warm(&cache, &origin, [1]).await;
    for polls in 1..8 {
        let mut call = Box::pin(slow(&cache, &origin, polls, std::future::pending()));
        for _ in 0..polls {
            assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            // Long enough for an answer to arrive, so that each poll comes a step further.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        drop(call);
        eventually("no lease remains", async || {
            !names(&server).iter().any(|name| name.ends_with(":l"))
        })
        .await;
    }
}

#[tokio::test]
async fn s7_a_lease_whose_grant_was_not_heard_does_not_keep_the_key_out_of_redis() {
    let server = RedisServer::start();
    let setup = Setup::patient();
    let backend = ChaosBackend::new(setup.redis(&server.url()), 1);
    let chaos = backend.chaos();
    let cache = Cache::builder("shop").settings(setup.settings).backend(backend).build().unwrap();
    let origin = Origin::default();
    chaos.on("lease", Fault::LostAck);
    observe(&cache, &origin, 1).await;
    cache.settle().await;
    chaos.heal();
    eventually("redis has it", async || {
        observe(&cache, &origin, 1).await.1.source == Source::Backend
    })
    .await;
}
