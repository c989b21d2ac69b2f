//! Nodes that lie about a cluster, beside those that are it.

use std::fmt::Write;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use athena_cache_core::backend::Backend;
use athena_cache_redis::Redis;

use super::{names_on_all, redis, start, store, without_replicas};
use crate::support::cluster::Cluster;
use crate::support::liar::node::FakeNode;
use crate::support::liar::sentinel::places;
use crate::support::liar::{Answer, Liar, hello, text};
use crate::support::resp::Reply;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_thousand_nodes_that_one_says_serve_slots_are_dialed_when_they_are_asked_for() {
    let (liar, crowd) = (FakeNode::start(), FakeNode::start());
    let mut nodes = all_slots(liar.port()).replace(" 0-16383", " 0-3");
    for (number, (host, port)) in places(4_095, crowd.port()).into_iter().enumerate() {
        let (first, last) = (4 * number + 4, 4 * number + 7);
        writeln!(nodes, "c{number} {host}:{port}@1 master - 0 0 1 connected {first}-{last}")
            .unwrap();
    }
    liar.say(&nodes);
    let redis = redis(&format!("redis-cluster://:secret@127.0.0.1:{}/0", liar.port()));
    redis.connect().await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let dialed = crowd.liar().accepted();
    // Sixteen that it names, and of those that are known three in each round of questions.
    assert!((16..=32).contains(&dialed), "{dialed}");
    for number in 0..20 {
        // They answer nothing that is of use.
        drop(read(&redis, &format!("name{number}")).await);
    }
    let needed = crowd.liar().accepted();
    assert!(needed > dialed && needed <= dialed + 32, "{dialed} {needed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_is_followed_for_the_slot_that_was_asked_for_whichever_it_names() {
    let elsewhere = FakeNode::start();
    let (moved, stays) = (Cluster::key_in(100, 0), Cluster::key_in(6_000, 0));
    let (port, sent_on, to) = (OnceLock::new(), moved.clone(), elsewhere.port());
    let port = Arc::new(port);
    let own = Arc::clone(&port);
    let liar = Liar::start(move |words| {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        Answer::Reply(match &words[..] {
            ["HELLO", ..] => hello("cluster", "master"),
            ["PING"] => Reply::Status("PONG".into()),
            ["CLUSTER", "NODES"] => text(all_slots(*own.get().expect("it is known by then"))),
            ["CLIENT" | "SELECT", ..] => Reply::Status("OK".into()),
            ["PTTL" | "MGET", names @ ..] if names.contains(&sent_on.as_str()) => {
                Reply::Error(format!("MOVED 6000 127.0.0.1:{to}"))
            }
            ["PTTL", ..] => Reply::Number(-2),
            ["MGET", names @ ..] => Reply::List(names.iter().map(|_| Reply::Nothing).collect()),
            _ => Reply::Error("ERR unknown command".into()),
        })
    });
    port.set(liar.port()).expect("once");
    let redis = redis(&format!("redis-cluster://127.0.0.1:{}/0", liar.port()));
    redis.connect().await.unwrap();
    for _ in 0..50 {
        // It knows nothing of that slot.
        drop(read(&redis, &moved).await);
        assert_eq!(read(&redis, &stays).await.unwrap(), None);
    }
    assert!(elsewhere.liar().was_told(&moved) > 0);
    assert_eq!(elsewhere.liar().was_told(&stays), 0);
}
