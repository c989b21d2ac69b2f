//! How a cluster is found, and what it says while it cannot serve.

use std::time::{Duration, Instant};

use athena_cache_core::backend::{Backend, Class};
use athena_cache_redis::Redis;

use super::{config, names_on_all, redis, start, store, without_replicas};
use crate::support::cluster::{Options, give_slots};
use crate::support::proxy::Proxy;
use crate::support::server::{RedisServer, free_port};
use crate::support::slots::SLOTS;
use crate::{eventually, failure, read};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_whose_slots_nobody_has_yet_says_so_at_once_and_serves_when_somebody_has() {
    let mut server = RedisServer::prepare_member(&[]);
    server.restart();
    let url = format!("redis-cluster://127.0.0.1:{}", server.port());
    let redis = redis(&url);
    let begun = Instant::now();
    let failed = read(&redis, "name").await.unwrap_err();
    assert_eq!(failed.class(), Class::Unready, "{failed}");
    assert!(failed.to_string().contains("serves no slots yet"), "{failed}");
    let opened = config(&url).connect_retry(2).abort_on_connect_fail(true);
    let error = Redis::open(opened).await.unwrap_err();
    assert!(error.to_string().contains("serves no slots yet"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());

    give_slots(&server, 0..usize::from(SLOTS));
    eventually("it serves", async || read(&redis, "name").await.is_ok()).await;
}

#[tokio::test]
async fn a19_one_live_seed_among_dead_ones_is_enough() {
    let (cluster, _place) = start(without_replicas()).await;
    // One of them accepts connections and never answers.
    let silent = Proxy::start(cluster.node(0).port());
    silent.swallow_new(true);
    let dead: Vec<_> = (0..4).map(|_| format!("127.0.0.1:{}", free_port())).collect();
    let silent = silent.url().replace("redis://", "");
    let live = cluster.url_of(&[1]);
    let url = format!("redis-cluster://{silent},{},", dead.join(","));
    let url = live.replace("redis-cluster://", &url);
    let redis = redis(&url);
    let start = Instant::now();
    redis.connect().await.unwrap();
    for name in names_on_all() {
        store(&redis, &name, b"bar").await;
        assert_eq!(read(&redis, &name).await.unwrap().as_deref(), Some(&b"bar"[..]));
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(redis.nodes().len(), 3, "only those that serve slots count");
}

#[tokio::test]
async fn a_cluster_that_starts_later_is_found() {
    let (mut cluster, _place) = start(without_replicas()).await;
    let url = cluster.url();
    (0..3).for_each(|node| cluster.node_mut(node).kill());
    let redis = redis(&url);
    for _ in 0..10 {
        assert_eq!(failure(read(&redis, "ns:{a}")).await.0, Class::Unreachable);
    }
    assert!(redis.nodes().is_empty());
    (0..3).for_each(|node| cluster.node_mut(node).restart());
    cluster.wait_ok();
    for name in names_on_all() {
        eventually("it answers", async || read(&redis, &name).await.is_ok()).await;
    }
}

#[tokio::test]
async fn a_wrong_password_is_denied_at_once_and_the_nodes_are_not_stormed() {
    let password = Some("right".to_owned());
    let (cluster, _place) = start(Options { password, ..without_replicas() }).await;
    let logins = || cluster.nodes().iter().map(|node| node.calls("hello")).sum::<u64>();
    for (config, code) in [
        (config(&cluster.url()).password("s3cret"), "WRONGPASS"),
        (config(&cluster.url()), "NOAUTH"),
    ] {
        let before = logins();
        let redis = Redis::new(config).unwrap();
        let (start, mut failures) = (Instant::now(), 0);
        while start.elapsed() < Duration::from_secs(2) {
            let failure = read(&redis, "ns:{a}").await.unwrap_err();
            assert_eq!(failure.class(), Class::Denied, "{failure}");
            let shown = format!("{failure} {failure:?} {redis:?}");
            assert!(shown.contains(code) && !shown.contains("s3cret"), "{shown}");
            failures += 1;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(failures > 100, "every one of {failures} was refused at once");
        // As many to each of the three nodes as to one that stands alone.
        let attempts = logins() - before;
        assert!((1..=12).contains(&attempts), "{attempts} logins in two seconds");
    }
}

#[tokio::test]
async fn a_node_that_is_no_cluster_is_refused_with_a_reason() {
    let server = RedisServer::start();
    let redis = redis(&server.url().replace("redis://", "redis-cluster://"));
    let error = redis.connect().await.unwrap_err();
    assert!(error.to_string().contains("begin the url with `redis://`"), "{error}");
    let (class, took) = failure(read(&redis, "ns:{a}")).await;
    assert!(took < Duration::from_secs(1), "{class} {took:?}");
    assert_eq!(server.cli(&["PING"]).text(), "PONG");
}
