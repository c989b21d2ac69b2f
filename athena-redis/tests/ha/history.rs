//! The past of a store, the word of its node, and connections that begin and end.

use std::sync::Arc;
use std::time::Duration;

use athena_cache_core::backend::{Backend, Class, Node, Proof};
use athena_cache_redis::Redis;

use crate::support::proxy::Proxy;
use crate::support::role::Role;
use crate::support::server::RedisServer;
use crate::told::{Told, connected, unheard};
use crate::{eventually, failure, read, redis};

async fn proof(redis: &Redis) -> Proof {
    redis.prove(Node::ONLY).await.expect("the node is proven")
}

/// Proven once it answers again.
async fn proof_soon(redis: &Redis) -> Proof {
    eventually("it answers", async || redis.prove(Node::ONLY).await.is_ok()).await;
    proof(redis).await
}

#[tokio::test]
async fn a_history_is_the_same_on_every_connection_and_another_after_a_restart() {
    let mut server = RedisServer::start();
    let redis = redis(&server.url());
    let read = redis.read(&["value"], &[]).await.unwrap().proof.unwrap();
    let first = proof(&redis).await;
    assert_eq!(read, first, "it is known from the login on");
    assert!(first.history != 0 && first.epoch == 1 && first.tracks);
    assert_eq!(first.lag, Duration::ZERO);

    server.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
    eventually("it is connected again", async || redis.epoch(Node::ONLY) == 2).await;
    let second = proof_soon(&redis).await;
    assert_eq!((second.epoch, second.history), (2, first.history));

    server.restart();
    let third = proof_soon(&redis).await;
    assert!(third.history != 0 && third.history != first.history);
}

#[tokio::test]
async fn a_replica_is_not_proven_and_has_a_history_of_its_own_once_it_is_promoted() {
    let (primary, replica) = (RedisServer::start(), RedisServer::start());
    let former = proof(&redis(&primary.url())).await;
    let port = primary.port().to_string();
    replica.cli(&["REPLICAOF", "127.0.0.1", &port]);
    let synced = Some(Role::Replica { of: primary.port(), synced: true });
    eventually("it follows", async || replica.role() == synced).await;

    let proxy = Proxy::start(replica.port());
    let redis = redis(&proxy.url());
    let found = redis.read(&["value"], &[]).await.unwrap();
    assert_eq!(found.proof.unwrap().history, 0, "what it has is another one's");
    // On this connection alone: a primary is looked for where the name leads to.
    proxy.refuse_new(true);
    assert_eq!(failure(redis.prove(Node::ONLY)).await.0, Class::Moved);

    replica.cli(&["REPLICAOF", "NO", "ONE"]);
    let promoted = proof(&redis).await;
    assert_eq!(promoted.epoch, 1, "on the same connection");
    assert!(promoted.history != 0 && promoted.history != former.history);
    let found = redis.read(&["value"], &[]).await.unwrap();
    assert_eq!(found.proof, Some(promoted));

    replica.cli(&["REPLICAOF", "127.0.0.1", &port]);
    assert_eq!(failure(redis.prove(Node::ONLY)).await.0, Class::Moved);
    let found = redis.read(&["value"], &[]).await.unwrap();
    assert_eq!(found.proof.unwrap().history, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_loading_is_not_proven() {
    let slow = ["--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"];
    let mut server = RedisServer::start_with(&slow);
    let populate = "for number = 1, 2000 do redis.call('SET', 'key' .. number, 'bar') end";
    server.cli(&["EVAL", populate, "0"]);
    server.cli(&["SAVE"]);
    let redis = redis(&server.url());
    proof(&redis).await;
    let restart = tokio::task::spawn_blocking(move || {
        server.restart();
        server
    });
    let mut classes = Vec::new();
    while !restart.is_finished() {
        classes.extend(redis.prove(Node::ONLY).await.err().map(|failure| failure.class()));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(classes.contains(&Class::Unready), "{classes:?}");
    let _server = restart.await.unwrap();
    assert!(proof_soon(&redis).await.history != 0);
}

#[tokio::test]
async fn the_end_of_a_connection_is_told_before_the_beginning_of_the_next() {
    let mut server = RedisServer::start();
    let redis = redis(&server.url());
    let told = Told::by(&redis);
    proof(&redis).await;
    // Nothing was sent on it when it was told of.
    assert_eq!(told.of(Node::ONLY), [(connected(Node::ONLY), 0)]);
    for epoch in 1..4 {
        told.take();
        server.kill();
        eventually("the end is told", async || told.all() == [unheard(Node::ONLY)]).await;
        server.restart();
        eventually("it answers", async || redis.prove(Node::ONLY).await.is_ok()).await;
        let expected = [(unheard(Node::ONLY), epoch), (connected(Node::ONLY), epoch)];
        assert_eq!(told.of(Node::ONLY), expected);
    }
}

#[tokio::test]
async fn a_connection_that_is_replaced_ends_once_operations_use_the_next() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    let told = Told::by(&redis);
    proof(&redis).await;
    for epoch in 1..6 {
        read(&redis, "name").await.unwrap();
        told.take();
        redis.force_reconnect();
        eventually("it was replaced", async || told.of(Node::ONLY).len() >= 2).await;
        let expected = [(connected(Node::ONLY), epoch), (unheard(Node::ONLY), epoch + 1)];
        assert_eq!(told.of(Node::ONLY), expected);
        eventually("one is left", async || server.clients("under-test").len() == 1).await;
        assert_eq!(told.of(Node::ONLY), expected, "its end is told once");
        read(&redis, "name").await.unwrap();
        told.take();
        server.cli(&["SET", "name", &epoch.to_string()]);
        told.names(&["name"]).await;
    }
}

#[tokio::test]
async fn a_wedged_connection_is_told_of_when_it_is_replaced_and_not_while_it_is_kept() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let redis = redis(&proxy.url());
    proof(&redis).await;
    let told = Told::by(&redis);
    proxy.swallow_new(true);
    proxy.swallow_existing();
    for _ in 0..5 {
        assert_eq!(failure(redis.prove(Node::ONLY)).await.0, Class::Timeout);
    }
    assert_eq!(told.of(Node::ONLY), []);
    proxy.swallow_new(false);
    eventually("it was replaced", async || told.of(Node::ONLY).len() >= 2).await;
    assert_eq!(told.of(Node::ONLY), [(connected(Node::ONLY), 1), (unheard(Node::ONLY), 2)]);
}

#[tokio::test]
async fn closing_and_dropping_tell_of_the_end() {
    let server = RedisServer::start();
    for closes in [true, false] {
        let redis: Arc<Redis> = redis(&server.url());
        proof(&redis).await;
        let told = Told::by(&redis);
        if closes {
            redis.close().await;
        }
        drop(redis);
        eventually("it is told", async || told.all() == [unheard(Node::ONLY)]).await;
    }
}
