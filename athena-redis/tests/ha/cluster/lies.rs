//! Nodes that lie about a cluster, beside those that are it.

use std::fmt::Write;
use std::time::{Duration, Instant};

use athena_cache_core::backend::Backend;
use athena_cache_redis::Redis;

use super::{names_on_all, redis, start, store, without_replicas};
use crate::support::liar::node::FakeNode;
use crate::support::liar::sentinel::places;
use crate::{eventually, read};

/// Whether a node serves anything.
fn serves(redis: &Redis, node: &FakeNode) -> bool {
    let endpoint = format!("127.0.0.1:{}", node.port());
    redis.nodes().into_iter().any(|it| redis.endpoint(it) == endpoint)
}

/// What a node says that has all slots by an epoch that no other will reach.
fn all_slots(port: u16) -> String {
    format!("liar 127.0.0.1:{port}@1 myself,master - 0 0 {} connected 0-16383\n", u64::MAX)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seed_that_claims_all_slots_is_outvoted_by_nodes_that_do_not_know_it() {
    let (cluster, _place) = start(without_replicas()).await;
    let liar = FakeNode::start();
    liar.say(&all_slots(liar.port()));
    // Of three seeds all are asked at once; of four the liar may be asked later.
    for seeds in [&[0, 1][..], &[1, 2], &[2, 0], &[0, 1, 2], &[0, 1, 2]] {
        let redis = redis(&format!("{},127.0.0.1:{}", cluster.url_of(seeds), liar.port()));
        redis.connect().await.unwrap();
        eventually("it serves nothing", async || {
            !serves(&redis, &liar) && redis.nodes().len() == 3
        })
        .await;
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(1) {
            for name in names_on_all() {
                store(&redis, &name, b"bar").await;
                assert_eq!(read(&redis, &name).await.unwrap().as_deref(), Some(&b"bar"[..]));
            }
            assert!(!serves(&redis, &liar), "after {:?}", start.elapsed());
        }
        redis.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_nodes_that_one_lists_are_not_connected_to() {
    let (cluster, _place) = start(without_replicas()).await;
    let (liar, crowd) = (FakeNode::start(), FakeNode::start());
    let mut nodes = all_slots(liar.port()).replace(" 0-16383", "");
    for (number, (host, port)) in places(10_000, crowd.port()).into_iter().enumerate() {
        let role = if number % 2 == 0 { "master -" } else { "slave liar" };
        writeln!(nodes, "c{number} {host}:{port}@1 {role} 0 0 {number} connected").unwrap();
    }
    liar.say(&nodes);
    // Three seeds are all asked at once.
    let redis = redis(&format!("{},127.0.0.1:{}", cluster.url_of(&[0, 1]), liar.port()));
    redis.connect().await.unwrap();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(3) {
        for name in names_on_all() {
            store(&redis, &name, b"bar").await;
        }
    }
    assert_eq!(redis.nodes().len(), 3);
    assert_eq!(crowd.liar().accepted(), 0);
    assert!(liar.liar().heard().iter().any(|words| words == &["CLUSTER", "NODES"]));
}
