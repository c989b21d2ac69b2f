//! A server that returns without its data.

use std::sync::Arc;

use athena_cache::{Source, of};
use tokio::sync::Semaphore;

use crate::support::server::RedisServer;
use crate::world::{Origin, Setup, cache, eventually, healthy, observe, slow, values, warm};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b03_a_restart_without_data_is_misses_and_nothing_older_counts_as_fresh() {
    let mut server = RedisServer::start();
    let (cache, origin) = (Setup::brisk().cache("shop", &server.url()), Origin::default());
    warm(&cache, &origin, 0..20).await;
    for _ in 0..3 {
        server.kill();
        let current = origin.change();
        server.restart();
        let mut recovered = 0;
        eventually("redis answers again", async || {
            for id in 0..20 {
                let (value, outcome) = observe(&cache, &origin, id).await;
                assert!(
                    outcome.degraded || value.version == current,
                    "{value:?} is older than the restart: {outcome:?}"
                );
                recovered += u32::from(outcome.source == Source::Backend);
            }
            recovered >= 40
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b03_a_load_that_began_before_the_restart_does_not_reach_the_new_server() {
    let mut server = RedisServer::start();
    let (cache, origin) = (cache(&server), Origin::default());
    let gate = Arc::new(Semaphore::new(0));
    let caller = tokio::spawn({
        let (cache, origin, gate) = (cache.clone(), origin.clone(), Arc::clone(&gate));
        async move { slow(&cache, &origin, 1, async { drop(gate.acquire().await) }).await }
    });
    eventually("the load runs", async || origin.loads() == 1).await;
    server.restart();
    let old = origin.change() - 1;
    // Another function brings the link up again.
    eventually("redis answers again", async || {
        observe(&cache, &origin, 2).await.1.source == Source::Backend
    })
    .await;
    healthy(&cache).await;
    gate.add_permits(1);
    assert_eq!(caller.await.unwrap().unwrap().version, old, "its caller began before");
    cache.settle().await;
    assert_eq!(values(&server, "slow:1").len(), 0);
    let seen = of(slow(&cache, &origin, 1, async {})).observe().await.unwrap();
    assert_eq!((seen.value.unwrap().version, seen.outcome.source), (old + 1, Source::Load));
}
