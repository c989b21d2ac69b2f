//! What an answer of a cluster's node proves, and what the node announces.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use athena_cache_core::backend::{Backend, Change, Class, LeaseRequest, Token};
use athena_cache_redis::Redis;

use super::{lease, names_on_all, redis, start, store, with_replicas, without_replicas};
use crate::support::cluster::Cluster;
use crate::told::{Told, connected, unheard};
use crate::{eventually, failure, proposal, read};

#[tokio::test]
async fn what_one_node_answered_is_proven_and_what_several_did_is_not() {
    let (cluster, _place) = start(without_replicas()).await;
    let redis = redis(&cluster.url());
    redis.connect().await.unwrap();
    let names = names_on_all();
    let all: Vec<_> = names.iter().map(String::as_str).collect();
    assert_eq!(redis.read(&all, &[]).await.unwrap().proof, None);
    let proposals: Vec<_> = names.iter().map(|name| proposal(name)).collect();
    assert_eq!(redis.ensure(&proposals).await.unwrap().proof, None);

    let mut histories = HashSet::new();
    for name in &names {
        let proof = redis.prove(redis.node(name)).await.unwrap();
        assert!(proof.tracks && proof.lag.is_zero() && histories.insert(proof.history));
        assert_eq!(proof.epoch, redis.epoch(redis.node(name)));
        assert_eq!(redis.read(&[name], &[]).await.unwrap().proof, Some(proof));
        let ensured = redis.ensure(&[proposal(name)]).await.unwrap();
        assert_eq!(ensured.proof, Some(proof));
        assert_eq!(lease(&redis, &format!("{name}:l"), Token::new(3)).await.proof, proof);
    }
    assert!(!histories.contains(&0));

    // Half-way, the node that will be the owner answers in place of the one that is.
    let absent = Cluster::key_in(100, 7);
    let step = cluster.begin_move(0, 1, 100);
    assert_eq!(redis.read(&[&absent], &[]).await.unwrap().proof, None);
    let held = format!("{absent}:l");
    let life = Duration::from_secs(60);
    let request = LeaseRequest { lease: &held, token: Token::new(3), life, generations: &[] };
    assert_eq!(failure(redis.lease(request)).await.0, Class::Scattered);
    cluster.finish_move(step);
}

#[tokio::test]
async fn changes_are_announced_by_the_node_of_each_name() {
    let (cluster, _place) = start(without_replicas()).await;
    let redis = redis(&cluster.url());
    redis.connect().await.unwrap();
    for name in names_on_all() {
        store(&redis, &name, b"bar").await;
    }
    let told = Told::by(&redis);
    for (node, name) in names_on_all().iter().enumerate() {
        cluster.node(node).cli(&["SET", name, "another"]);
        told.names(&[name]).await;
        let held = format!("{name}:l");
        assert!(lease(&redis, &held, Token::new(9)).await.granted);
        cluster.node(node).cli(&["DEL", &held]);
        told.names(&[&held]).await;
    }
}

#[tokio::test]
async fn a_former_primary_that_empties_itself_empties_nobody() {
    let (cluster, _place) = start(with_replicas()).await;
    let redis = redis(&cluster.url());
    redis.connect().await.unwrap();
    let names = names_on_all();
    for name in &names {
        store(&redis, name, b"bar").await;
    }
    let told = Told::by(&redis);
    let heir = cluster.replica_of(0).expect("it has a replica");
    cluster.failover(heir);
    eventually("the heir is read", async || {
        let found = read(&redis, &names[0]).await;
        let port = cluster.node(heir).port().to_string();
        found.is_ok() && redis.endpoint(redis.node(&names[0])).ends_with(&port)
    })
    .await;
    // As a replica does that is synchronized anew.
    let former = cluster.node(0);
    let ours = former.cli(&["CLIENT", "LIST"]).text();
    assert!(ours.contains("name=under-test"), "it is connected to: {ours}");
    former.cli(&["CONFIG", "SET", "replica-read-only", "no"]);
    former.cli(&["FLUSHALL"]);
    // What another node announces after that is heard.
    read(&redis, &names[1]).await.unwrap();
    cluster.node(1).cli(&["SET", &names[1], "another"]);
    eventually("it is announced", async || told.count(&names[1]) >= 1).await;
    assert!(!told.all().contains(&Change::Flushed), "{:?}", told.all());
    cluster.node(1).cli(&["FLUSHALL"]);
    eventually("a flush of a primary is", async || told.all().contains(&Change::Flushed)).await;
}

#[tokio::test]
async fn a_slot_that_is_moved_is_told_of_by_both_nodes() {
    let (cluster, _place) = start(without_replicas()).await;
    let redis = redis(&cluster.url());
    redis.connect().await.unwrap();
    let names = names_on_all();
    for name in &names {
        store(&redis, name, b"bar").await;
    }
    let [source, target, bystander] = names.each_ref().map(|name| redis.node(name));
    let told = Told::by(&redis);
    cluster.move_slots(0, 1, [100]);
    eventually("the map shows it", async || {
        assert!(read(&redis, &names[0]).await.is_ok());
        redis.node(&names[0]) == target
    })
    .await;
    eventually("it is told", async || told.all().contains(&unheard(source))).await;
    let all = told.all();
    let place = |wanted| all.iter().position(|change| *change == wanted).expect("it is told");
    assert!(place(connected(target)) < place(unheard(source)), "{all:?}");
    assert_eq!(told.of(bystander), []);

    read(&redis, &names[0]).await.unwrap();
    let before = told.count(&names[0]);
    cluster.node(1).cli(&["SET", &names[0], "another"]);
    eventually("the new owner announces it", async || told.count(&names[0]) > before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_lost_the_majority_is_not_proven() {
    let (cluster, _place) = start(without_replicas()).await;
    let redis = Arc::new(Redis::new(crate::config(&cluster.url())).unwrap());
    redis.connect().await.unwrap();
    let node = redis.node(&names_on_all()[0]);
    eventually("it is proven", async || redis.prove(node).await.is_ok()).await;
    for other in [1, 2] {
        cluster.node(other).freeze();
    }
    eventually("it knows that it is alone", async || {
        redis.prove(node).await.is_err_and(|failure| failure.class() == Class::Unready)
    })
    .await;
    for other in [1, 2] {
        cluster.node(other).thaw();
    }
    eventually("it is proven again", async || redis.prove(node).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_took_over_has_a_history_of_its_own() {
    let (cluster, _place) = start(with_replicas()).await;
    let redis = redis(&cluster.url());
    let name = Cluster::key_in(100, 0);
    store(&redis, &name, b"before").await;
    let former = redis.node(&name);
    let before = redis.prove(former).await.unwrap();
    let told = Told::by(&redis);
    cluster.failover(3);
    eventually("the map shows it", async || {
        assert!(read(&redis, &name).await.is_ok());
        redis.node(&name) != former
    })
    .await;
    let now = redis.node(&name);
    eventually("it is proven", async || redis.prove(now).await.is_ok()).await;
    let after = redis.prove(now).await.unwrap();
    assert!(after.history != 0 && after.history != before.history);
    assert_eq!(redis.read(&[&name], &[]).await.unwrap().proof, Some(after));
    let all = told.all();
    let place = |wanted| all.iter().position(|change| *change == wanted).expect("it is told");
    assert!(place(connected(now)) < place(unheard(former)), "{all:?}");
}
