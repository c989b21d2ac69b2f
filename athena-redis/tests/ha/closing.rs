//! Nothing is left behind.

use std::time::Duration;

use athena_cache_core::backend::{Backend, Class, Node};

use crate::support::server::RedisServer;
use crate::support::wait_for;
use crate::{eventually, failure, redis};

#[tokio::test]
async fn closing_leaves_no_connection_and_no_task() {
    let server = RedisServer::start();
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let redis = redis(&server.url());
    redis.prove(Node::ONLY).await.unwrap();
    assert_eq!(server.clients("under-test").len(), 1);
    assert!(tasks() > before);

    redis.close().await;
    assert_eq!(tasks(), before);
    eventually("the socket is closed", async || server.clients("under-test").is_empty()).await;
    assert_eq!(failure(redis.prove(Node::ONLY)).await.0, Class::Closed);
    assert_eq!(failure(redis.prove(Node::ONLY)).await.0, Class::Closed);
    assert!(server.clients("under-test").is_empty());
}

#[tokio::test]
async fn dropping_a_backend_ends_everything_too() {
    let server = RedisServer::start();
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    for _ in 0..20 {
        redis(&server.url()).prove(Node::ONLY).await.unwrap();
    }
    eventually("the sockets are closed", async || server.clients("under-test").is_empty()).await;
    eventually("the tasks have ended", async || tasks() == before).await;
}

#[tokio::test]
async fn closing_ends_operations_in_flight_and_attempts_to_connect() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    redis.prove(Node::ONLY).await.unwrap();
    server.freeze();
    let operation = tokio::spawn({
        let redis = redis.clone();
        async move { failure(redis.prove(Node::ONLY)).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    redis.close().await;
    let (class, took) = operation.await.unwrap();
    assert_eq!(class, Class::Disconnected);
    assert!(took < Duration::from_millis(500), "{took:?}");
    server.thaw();

    let nobody = crate::redis("redis://127.0.0.1:1");
    assert_eq!(failure(nobody.prove(Node::ONLY)).await.0, Class::Unreachable);
    nobody.close().await;
    assert_eq!(failure(nobody.prove(Node::ONLY)).await.0, Class::Closed);
}

#[tokio::test]
async fn closing_before_the_first_use_is_final() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    redis.close().await;
    assert_eq!(failure(redis.prove(Node::ONLY)).await.0, Class::Closed);
    assert!(redis.connect().await.is_err());
    assert_eq!(redis.epoch(Node::ONLY), 0);
}

#[test]
fn closing_ends_though_the_runtime_of_the_tasks_stands_still() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let standing = runtime();
    standing.block_on(redis.prove(Node::ONLY)).unwrap();
    runtime().block_on(redis.close());
    drop(standing);
    wait_for("the socket is closed", || server.clients("under-test").is_empty().then_some(()));
}
