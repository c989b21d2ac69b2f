//! What answers while the server cannot.

use std::time::{Duration, Instant};

use athena_cache::Source;
use athena_cache::backend::Class;

use crate::support::proxy::Proxy;
use crate::support::server::RedisServer;
use crate::world::{ATTEMPT, Origin, Setup, eventually, observe, warm};

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
#[ignore = "BUG: attempts that the cache gives up on are not counted by the link"]
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
