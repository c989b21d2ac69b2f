//! A server that dies, hangs, or disappears behind the network.

use std::cell::Cell;
use std::time::{Duration, Instant};

use athena_cache_core::backend::{Backend, Class, Node};

use crate::support::proxy::{Direction, Mode, Proxy};
use crate::support::server::RedisServer;
use crate::{HASTE, eventually, failure, hasty, insert, read, redis};

#[tokio::test]
async fn b20_while_the_server_is_down_operations_fail_at_once() {
    let mut server = RedisServer::start();
    let redis = redis(&server.url());
    redis.prove(Node::ONLY).await.unwrap();
    server.kill();
    eventually("the loss is noticed without an operation", async || !redis.is_ready(Node::ONLY))
        .await;

    let mut times = Vec::new();
    for _ in 0..1000 {
        let (class, took) = failure(read(&redis, "value")).await;
        assert_eq!(class, Class::Unreachable);
        times.push(took);
    }
    times.sort();
    let p90 = times[times.len() * 9 / 10];
    assert!(p90 < Duration::from_millis(5), "{p90:?}");
}

#[tokio::test]
async fn a_killed_server_is_found_again_and_counts_as_a_new_epoch() {
    let mut server = RedisServer::start();
    let redis = redis(&server.url());
    for epoch in 1..4 {
        insert(&redis, "value", b"bar").await.unwrap();
        assert_eq!(redis.epoch(Node::ONLY), epoch);
        server.restart();
        eventually("it is connected again", async || redis.prove(Node::ONLY).await.is_ok()).await;
        assert_eq!(read(&redis, "value").await.unwrap(), None, "the server returned empty");
    }
}

#[tokio::test]
async fn operations_in_flight_end_when_the_server_dies() {
    let mut server = RedisServer::start();
    let redis = redis(&server.url());
    redis.prove(Node::ONLY).await.unwrap();
    server.freeze();
    let operation = tokio::spawn({
        let redis = redis.clone();
        async move { failure(redis.prove(Node::ONLY)).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.kill();
    let (class, took) = operation.await.unwrap();
    assert_eq!(class, Class::Disconnected);
    assert!(took < Duration::from_millis(500), "{took:?}");
}

#[tokio::test]
async fn a12_an_operation_on_a_frozen_server_ends_at_the_response_timeout() {
    let server = RedisServer::start();
    let redis = hasty(&server.url());
    redis.prove(Node::ONLY).await.unwrap();
    server.freeze();
    for _ in 0..2 {
        let (class, took) = failure(redis.prove(Node::ONLY)).await;
        assert_eq!(class, Class::Timeout);
        assert!((HASTE..4 * HASTE).contains(&took), "{took:?}");
    }
    server.thaw();
    eventually("it answers again", async || redis.prove(Node::ONLY).await.is_ok()).await;
    assert_eq!(redis.epoch(Node::ONLY), 1, "a short hang costs no connection");
}

#[tokio::test]
async fn a_long_hang_ends_with_the_server_answering_again() {
    let server = RedisServer::start();
    let redis = hasty(&server.url());
    insert(&redis, "value", b"bar").await.unwrap();
    server.freeze();
    for _ in 0..8 {
        assert_eq!(failure(redis.prove(Node::ONLY)).await.0, Class::Timeout);
    }
    assert!(!redis.is_ready(Node::ONLY));
    server.thaw();
    eventually("it answers again", async || redis.is_ready(Node::ONLY)).await;
    assert_eq!(read(&redis, "value").await.unwrap().as_deref(), Some(&b"bar"[..]));
    eventually("one connection is left", async || server.clients("under-test").len() == 1).await;
}

#[tokio::test]
async fn b22_a69_a_connection_that_swallows_everything_is_replaced_once() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let redis = hasty(&proxy.url());
    redis.prove(Node::ONLY).await.unwrap();
    proxy.swallow_existing();

    let start = Instant::now();
    for _ in 0..3 {
        assert_eq!(failure(redis.prove(Node::ONLY)).await.0, Class::Timeout);
    }
    eventually("it was replaced", async || redis.epoch(Node::ONLY) == 2).await;
    redis.prove(Node::ONLY).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(proxy.accepted(), 2, "one new connection is enough");
}

#[tokio::test]
async fn b22_while_nothing_answers_a_silent_connection_is_kept_and_dialed_rarely() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let redis = hasty(&proxy.url());
    redis.prove(Node::ONLY).await.unwrap();
    proxy.swallow_new(true);
    proxy.swallow_existing();
    for _ in 0..12 {
        assert_eq!(failure(redis.prove(Node::ONLY)).await.0, Class::Timeout);
    }
    assert_eq!(redis.epoch(Node::ONLY), 1);
    assert!(proxy.accepted() <= 3, "{} connections in three seconds", proxy.accepted());
}

#[tokio::test]
async fn a_cut_connection_is_replaced_though_nobody_asks() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let redis = redis(&proxy.url());
    redis.prove(Node::ONLY).await.unwrap();
    for epoch in 2..5 {
        proxy.cut();
        eventually("it was replaced", async || redis.epoch(Node::ONLY) == epoch).await;
        eventually("it is ready", async || redis.is_ready(Node::ONLY)).await;
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_on_everyone_is_not_stormed() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let redis = redis(&proxy.url());
    redis.prove(Node::ONLY).await.unwrap();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(2) {
        // After the login, when the connection counts as made.
        if redis.is_ready(Node::ONLY) {
            proxy.cut();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let epoch = redis.epoch(Node::ONLY);
    assert!((3..25).contains(&epoch), "{epoch} connections in two seconds");
}

#[tokio::test]
async fn a_value_that_takes_long_to_arrive_does_not_cost_the_connection() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let redis = hasty(&proxy.url());
    let large = vec![0; 2_000_000];
    server.cli(&[&b"SET"[..], b"large", &large, b"PX", b"600000"]);
    server.cli(&["SET", "small", "bar", "PX", "600000"]);
    assert!(read(&redis, "small").await.unwrap().is_some());
    // Some seconds for the large one.
    proxy.set(Direction::ToClient, Mode::Slice(150));
    let reads = (0..4).map(|_| failure(read(&redis, "large")));
    for (class, _) in futures_util::future::join_all(reads).await {
        assert_eq!(class, Class::Slow);
    }
    // What comes after it waits for as long.
    for _ in 0..4 {
        let _ = read(&redis, "small").await;
    }
    assert_eq!((proxy.accepted(), redis.epoch(Node::ONLY)), (1, 1));
    proxy.set(Direction::ToClient, Mode::Pass);
    eventually("it answers", async || read(&redis, "small").await.is_ok()).await;
    assert_eq!((proxy.accepted(), redis.epoch(Node::ONLY)), (1, 1));
}

#[tokio::test]
async fn announcements_do_not_keep_a_connection_on_which_no_question_arrives() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let redis = hasty(&proxy.url());
    let names: Vec<_> = (0..2_000).map(|number| format!("name:{number}")).collect();
    let all: Vec<_> = names.iter().map(String::as_str).collect();
    redis.read(&all, &[]).await.unwrap();
    proxy.set_existing(Direction::ToServer, Mode::Swallow);
    let changed = Cell::new(0);
    eventually("another connection is made", async || {
        if let Some(name) = names.get(changed.replace(changed.get() + 1)) {
            server.cli(&["SET", name, "another"]);
        }
        redis.epoch(Node::ONLY) > 1
    })
    .await;
    assert!(changed.get() < names.len(), "not before announcements had ended");
}
