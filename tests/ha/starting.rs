//! A process that starts before its Redis.

use std::time::{Duration, Instant};

use athena_cache::{Health, Source};

use crate::support::server::RedisServer;
use crate::world::{Origin, Setup, eventually, healthy, observe, values};

#[tokio::test]
async fn a10_c1_a_cache_is_built_without_its_server_and_finds_it_later() {
    let mut server = RedisServer::prepare(&[]);
    let start = Instant::now();
    let cache = Setup::patient().cache("shop", &server.url());
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(cache.health(), Health::Degraded);
    let origin = Origin::default();
    for id in 0..10 {
        assert_eq!(observe(&cache, &origin, id).await.1.source, Source::Load);
    }
    assert_eq!(cache.health(), Health::Degraded);

    server.restart();
    let start = Instant::now();
    healthy(&cache).await;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    observe(&cache, &origin, 10).await;
    cache.settle().await;
    assert_eq!(values(&server, "product:10").len(), 1);
    assert_eq!(observe(&cache, &origin, 10).await.1.source, Source::Backend);
}

#[tokio::test]
async fn a10_a_cache_that_nobody_has_used_finds_its_server_too() {
    let mut server = RedisServer::prepare(&[]);
    let cache = Setup::patient().cache("shop", &server.url());
    assert_eq!(cache.health(), Health::Degraded);
    server.restart();
    healthy(&cache).await;
}

#[tokio::test]
async fn a_first_call_on_a_running_server_is_answered_by_it() {
    let server = RedisServer::start();
    let origin = Origin::default();
    let writer = Setup::patient().cache("shop", &server.url());
    crate::world::warm(&writer, &origin, [1]).await;
    let reader = Setup::patient().cache("shop", &server.url());
    assert_eq!(observe(&reader, &origin, 1).await.1.source, Source::Backend);
    eventually("it is healthy", async || reader.health() == Health::Healthy).await;
}
