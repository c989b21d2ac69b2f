//! The connections of one node, and those of the others.

use std::collections::BTreeSet;

use super::shards::{Running, answers, items, items_on, setup, warm, watched, without_replicas};
use super::traffic::{Changes, Traffic, are_unharmed};
use crate::world::{CLIENT, Origin, eventually};

/// The connections of the cache to a node, by the numbers that the node gave them.
fn connections(cluster: &Running, node: usize) -> BTreeSet<String> {
    let clients = cluster.node(node).clients(CLIENT).into_iter();
    clients.filter_map(|line| line.split(' ').next().map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b12_connections_lost_at_one_node_leave_those_of_the_others_alone() {
    let cluster = Running::start(without_replicas()).await;
    let (cache, witness) = watched(&cluster, &setup());
    let (origin, all) = (Origin::default(), items(10));
    warm(&cache, &origin, &all).await;
    let before = [0, 1, 2].map(|node| connections(&cluster, node));
    assert!(before.iter().all(|connections| connections.len() == 1), "{before:?}");
    let traffic = Traffic::start(&cache, &origin, &all, Changes::None);
    traffic.goes_on(100).await;
    for _ in 0..3 {
        let connected = connections(&cluster, 1);
        cluster.node(1).cli(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        eventually("it is connected again", async || {
            let now = connections(&cluster, 1);
            !now.is_empty() && now.is_disjoint(&connected)
        })
        .await;
        answers(&cache, &origin, &items_on(1, 10)).await;
    }
    traffic.goes_on(100).await;
    let records = traffic.stop().await;

    for node in [0, 2] {
        assert_eq!(connections(&cluster, node), before[node]);
    }
    are_unharmed(&[0, 2], &cluster, &records, &witness);
    assert_eq!(connections(&cluster, 1).len(), 1);
}

#[tokio::test]
async fn c3_closing_leaves_no_connection_to_any_node_and_no_task() {
    let cluster = Running::start(without_replicas()).await;
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let (cache, _) = watched(&cluster, &setup());
    warm(&cache, &Origin::default(), &items(3)).await;
    assert!(tasks() > before);
    assert_eq!(cache.close().await.pending_invalidations, 0);
    assert_eq!(tasks(), before);
    for node in 0..3 {
        eventually("the socket is closed", async || connections(&cluster, node).is_empty()).await;
    }
}
