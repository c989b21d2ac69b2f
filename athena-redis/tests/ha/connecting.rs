//! The first connection.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use athena_cache_core::backend::{Backend, Class, Node};
use athena_cache_redis::Redis;

use crate::support::server::{RedisServer, free_port};
use crate::{HASTE, config, eventually, failure, hasty, insert, read, redis};

#[test]
fn a_backend_is_built_without_a_runtime_and_without_io() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    assert!(!redis.is_ready(Node::ONLY));
    assert_eq!(redis.epoch(Node::ONLY), 0);
    assert_eq!(redis.endpoint(Node::ONLY), format!("127.0.0.1:{}", server.port()));
    assert_eq!(server.clients("under-test").len(), 0);
}

#[tokio::test]
async fn the_first_operation_of_a_cold_process_is_answered() {
    let server = RedisServer::start();
    server.cli(&["SET", "value", "bar", "PX", "60000"]);
    for _ in 0..20 {
        let redis = redis(&server.url());
        let found = read(&redis, "value").await.unwrap();
        assert_eq!(found.as_deref(), Some(&b"bar"[..]));
        assert_eq!(redis.epoch(Node::ONLY), 1);
        assert!(redis.is_ready(Node::ONLY));
    }
}

#[tokio::test]
async fn many_first_operations_share_one_connection() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    let pings = (0..100).map(|_| redis.prove(Node::ONLY));
    let outcomes = futures_util::future::join_all(pings).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(server.clients("under-test").len(), 1);
}

#[tokio::test]
async fn a_backend_polled_outside_of_tokio_fails_without_a_panic() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    let class = std::thread::spawn(move || {
        let failure = futures_executor(redis.prove(Node::ONLY)).unwrap_err();
        (failure.class(), failure.to_string())
    })
    .join()
    .expect("no panic");
    // No word of the node, which others reach.
    assert_eq!(class.0, Class::Overloaded);
    assert!(class.1.contains("tokio runtime"), "{}", class.1);
}

/// Polls a future that does not wait.
fn futures_executor<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("the future waits"),
    }
}

#[tokio::test]
async fn a09_an_attempt_to_connect_ends_at_the_connect_timeout() {
    // Connections are accepted by the kernel and never answered.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", silent.local_addr().unwrap());
    let limit = Duration::from_millis(600);
    let redis = Redis::new(config(&url).connect_timeout(limit)).unwrap();
    let start = Instant::now();
    let error = redis.connect().await.unwrap_err();
    let took = start.elapsed();
    assert!(took >= limit.mul_f64(0.9) && took <= limit.mul_f64(1.1), "{took:?}");
    assert_eq!(error.class(), Some(Class::Unreachable));
    assert!(error.to_string().contains("no connection within 600ms"), "{error}");
}

#[tokio::test]
async fn a_first_operation_waits_no_longer_than_the_response_timeout() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let redis = hasty(&format!("redis://{}", silent.local_addr().unwrap()));
    for _ in 0..2 {
        let (class, took) = failure(redis.prove(Node::ONLY)).await;
        assert_eq!(class, Class::Unreachable);
        assert!(took < 4 * HASTE, "{took:?}");
    }
}

#[tokio::test]
async fn a10_a_backend_is_built_without_a_server_and_finds_it_when_it_appears() {
    let mut server = RedisServer::prepare(&[]);
    let start = Instant::now();
    let redis = hasty(&server.url());
    let first = redis.prove(Node::ONLY).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(first.class(), Class::Unreachable);
    let endpoint = redis.endpoint(Node::ONLY);
    assert!(first.to_string().contains(&endpoint), "{first}");
    assert!(first.to_string().to_lowercase().contains("connection refused"), "{first}");

    server.restart();
    let appeared = Instant::now();
    eventually("the server is found", async || redis.prove(Node::ONLY).await.is_ok()).await;
    assert!(appeared.elapsed() < Duration::from_secs(5), "{:?}", appeared.elapsed());
    insert(&redis, "value", b"bar").await.unwrap();
}

#[tokio::test]
async fn a10_with_abort_on_connect_fail_opening_fails_fast() {
    let nobody = config(&format!("redis://127.0.0.1:{}", free_port()));
    let start = Instant::now();
    let error = Redis::open(nobody.clone().abort_on_connect_fail(true)).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(error.is_connect(), "{error}");
    assert!(Redis::open(nobody.clone()).await.is_ok(), "by default there need be no server");

    let error = Redis::new(nobody.abort_on_connect_fail(true)).unwrap_err();
    assert!(error.is_settings() && error.to_string().contains("`Redis::open`"), "{error}");

    let server = RedisServer::start();
    let redis = Redis::open(config(&server.url()).abort_on_connect_fail(true)).await.unwrap();
    assert!(redis.is_ready(Node::ONLY));
}

#[tokio::test]
async fn a_name_is_looked_up_and_an_unknown_one_is_reported() {
    let server = RedisServer::start();
    let named = redis(&server.url().replace("127.0.0.1", "localhost"));
    named.connect().await.unwrap();

    let error = redis("redis://no-such-host.invalid").connect().await.unwrap_err();
    assert_eq!(error.class(), Some(Class::Unreachable));
    assert!(error.to_string().contains("no-such-host.invalid:6379"), "{error}");
}

#[test]
fn a_backend_outlives_the_runtime_it_was_first_used_in() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    for round in 1..=3 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { redis.prove(Node::ONLY).await.unwrap() });
        assert_eq!(redis.epoch(Node::ONLY), round);
    }
}
