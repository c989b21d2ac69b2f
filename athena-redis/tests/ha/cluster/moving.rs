//! Slots that move, and nodes that are replaced.

use std::time::Duration;

use athena_cache_core::backend::{
    Absent, Backend, Bump, Class, Fill, Filled, Generation, LeaseRequest, Leased, Proof, Token,
};
use tokio::task::JoinSet;

use super::{
    LIFE, bytes, item, lease, names_in, names_on_all, redis, start, store, with_replicas,
    without_replicas,
};
use crate::support::cluster::Cluster;
use crate::support::role::Role;
use crate::{eventually, failure, proposal, read};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a19_names_of_a_slot_that_is_half_way_are_read_and_written_on_both_sides() {
    let (cluster, _place) = start(without_replicas()).await;
    let redis = redis(&cluster.url());
    let names = names_in(100, 12);
    for name in &names[..10] {
        store(&redis, name, name.as_bytes()).await;
    }
    let elsewhere = Cluster::key_in(12_000, 0);
    store(&redis, &elsewhere, b"elsewhere").await;
    let step = cluster.begin_move(0, 1, 100);
    assert_eq!(cluster.move_keys(step, 5), 5);

    // Each alone, all of the slot together, and together with others.
    let expected: Vec<_> = names.iter().map(|it| Some(it.clone().into_bytes())).collect();
    let mut expected = [expected[..10].to_vec(), vec![None, None]].concat();
    for (name, expected) in names.iter().zip(&expected) {
        assert_eq!(read(&redis, name).await.unwrap(), *expected, "{name}");
    }
    let mut asked: Vec<_> = names.iter().map(String::as_str).collect();
    assert_eq!(bytes(redis.read(&asked, &[]).await.unwrap()), expected);
    asked.push(&elsewhere);
    expected.push(Some(b"elsewhere".to_vec()));
    assert_eq!(bytes(redis.read(&asked, &[]).await.unwrap()), expected);

    // A generation and a lease on either side.
    let generations: Vec<_> = names_in(100, 30).split_off(20);
    let proposals: Vec<_> = generations.iter().map(|name| proposal(name)).collect();
    let ensured = redis.ensure(&proposals).await.unwrap().generations;
    assert!(ensured.iter().all(|it| it.generation == Generation::new(7)), "{ensured:?}");
    let bump = |name| Bump { name, generation: Generation::new(8), absent: Absent::Stays };
    let bumps: Vec<_> = generations[..5].iter().map(|name| bump(name)).collect();
    redis.bump(&bumps).await.unwrap();
    let now = redis.ensure(&proposals).await.unwrap().generations;
    let now: Vec<_> = now.iter().map(|it| it.generation.get()).collect();
    assert_eq!(now, [[8; 5], [7; 5]].concat());
    for name in &names {
        let (held, token) = (format!("{name}:l"), Token::new(3));
        // Nobody could fill under it: it is as good as refused, and given back.
        let request = LeaseRequest { lease: &held, token, life: LIFE, generations: &[] };
        assert_eq!(failure(redis.lease(request)).await.0, Class::Scattered, "{name}");
        redis.release(&held, token).await.unwrap();
        assert_eq!(read(&redis, &held).await.unwrap(), None, "{name}");
    }
    redis.shorten(&names, LIFE / 2).await.unwrap();
    let removed = [&names[..3], &names[8..]].concat();
    redis.remove(&removed).await.unwrap();
    for name in &removed {
        assert_eq!(read(&redis, name).await.unwrap(), None, "{name}");
    }
    for name in &names[3..8] {
        assert_eq!(read(&redis, name).await.unwrap().as_deref(), Some(name.as_bytes()), "{name}");
    }

    cluster.finish_move(step);
    for name in &names[3..8] {
        assert_eq!(read(&redis, name).await.unwrap().as_deref(), Some(name.as_bytes()), "{name}");
        store(&redis, name, b"after").await;
    }
    eventually("the map shows it", async || {
        redis.node(&names[0]) == redis.node(&Cluster::key_in(6_000, 0))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a19_scripts_that_meet_a_slot_half_way_are_executed_once_it_has_moved() {
    let (cluster, _place) = start(without_replicas()).await;
    let redis = redis(&cluster.url());
    let names = names_in(100, 4);
    store(&redis, &names[0], b"before").await;
    store(&redis, &names[1], b"before").await;
    let step = cluster.begin_move(0, 1, 100);
    assert_eq!(cluster.move_keys(step, 1), 1);
    let mut inserts = JoinSet::new();
    for name in names.clone() {
        let redis = redis.clone();
        inserts.spawn(async move { store(&redis, &name, b"after").await });
    }
    // Redis executes no script of which some names are there and some are not.
    tokio::time::sleep(Duration::from_millis(100)).await;
    cluster.finish_move(step);
    inserts.join_all().await;
    for name in &names {
        assert_eq!(read(&redis, name).await.unwrap().as_deref(), Some(&b"after"[..]), "{name}");
    }
}

#[tokio::test]
async fn a19_a_fill_is_refused_if_its_slot_has_moved_since_the_lease() {
    let (cluster, _place) = start(without_replicas()).await;
    let redis = redis(&cluster.url());
    let name = &names_in(100, 1)[0];
    let (held, token) = (format!("{name}:l"), Token::new(3));
    let Leased { granted, proof: Proof { epoch, .. }, .. } = lease(&redis, &held, token).await;
    assert!(granted);
    cluster.move_slots(0, 1, [100]);
    let fill = Fill { item: item(name, b"bar"), lease: &held, token, epoch };
    assert_eq!(redis.fill(fill).await.unwrap(), Filled::Refused);
    assert_eq!(read(&redis, name).await.unwrap(), None);

    redis.release(&held, token).await.unwrap();
    let Leased { granted, proof: Proof { epoch, .. }, .. } = lease(&redis, &held, token).await;
    assert!(granted);
    let fill = Fill { item: item(name, b"bar"), lease: &held, token, epoch };
    assert_eq!(redis.fill(fill).await.unwrap(), Filled::Stored);
    assert_eq!(read(&redis, name).await.unwrap().as_deref(), Some(&b"bar"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b02_a_fill_is_refused_if_another_node_took_over_since_the_lease() {
    let (mut cluster, _place) = start(with_replicas()).await;
    let redis = redis(&cluster.url());
    let [planned, unplanned] = [12_000, 100].map(|slot| Cluster::key_in(slot, 0));
    let names = [&planned, &unplanned].map(|name| format!("{name}:l"));
    let token = Token::new(3);
    let mut epochs = Vec::new();
    for held in &names {
        let leased = lease(&redis, held, token).await;
        assert!(leased.granted);
        epochs.push(leased.proof.epoch);
    }
    for node in [0, 2] {
        let size = |node: usize| cluster.node(node).cli(&["DBSIZE"]).number();
        eventually("its replica has the lease", async || size(node + 3) == size(node)).await;
    }
    cluster.failover(5);
    cluster.node_mut(0).kill();
    cluster.wait_for_primary_other_than(0, 100);
    for ((name, held), epoch) in [&planned, &unplanned].into_iter().zip(&names).zip(epochs) {
        eventually("the new node answers", async || read(&redis, name).await.is_ok()).await;
        let fill = Fill { item: item(name, b"bar"), lease: held, token, epoch };
        assert_eq!(redis.fill(fill).await.unwrap(), Filled::Refused, "{name}");
        assert_eq!(read(&redis, name).await.unwrap(), None, "{name}");
        assert!(!lease(&redis, held, Token::new(4)).await.granted, "the heir knows of it: {name}");
        store(&redis, name, b"after").await;
    }
}

#[tokio::test]
async fn a_node_that_came_back_empty_learns_the_scripts_again() {
    let (mut cluster, _place) = start(without_replicas()).await;
    let redis = redis(&cluster.url());
    let names = names_on_all();
    for name in &names {
        store(&redis, name, b"before").await;
    }
    cluster.node(1).cli(&["SCRIPT", "FLUSH"]);
    cluster.node_mut(0).restart();
    cluster.wait_ok();
    for name in &names {
        eventually("it answers", async || read(&redis, name).await.is_ok()).await;
        store(&redis, name, b"after").await;
        let (held, token) = (format!("{name}:l"), Token::new(3));
        let Leased { granted, proof: Proof { epoch, .. }, .. } = lease(&redis, &held, token).await;
        assert!(granted);
        let fill = Fill { item: item(name, b"filled"), lease: &held, token, epoch };
        assert_eq!(redis.fill(fill).await.unwrap(), Filled::Stored);
        redis.release(&held, token).await.unwrap();
        redis.shorten(std::slice::from_ref(name), LIFE / 2).await.unwrap();
        assert_eq!(read(&redis, name).await.unwrap().as_deref(), Some(&b"filled"[..]));
    }
}

#[tokio::test]
async fn b20_what_belongs_to_a_dead_node_fails_at_once_and_the_rest_does_not() {
    let (mut cluster, _place) = start(without_replicas()).await;
    let redis = redis(&cluster.url());
    let [dead, live, other] = names_on_all();
    for name in [&dead, &live, &other] {
        store(&redis, name, b"bar").await;
    }
    let node = redis.node(&dead);
    cluster.node_mut(0).kill();
    eventually("the loss is noticed without an operation", async || !redis.is_ready(node)).await;
    let mut times = Vec::new();
    for _ in 0..500 {
        for asked in [vec![dead.as_str()], vec![live.as_str(), &dead, &other]] {
            let (class, took) = failure(redis.read(&asked, &[])).await;
            assert_eq!(class, Class::Unreachable);
            times.push(took);
        }
        let found = bytes(redis.read(&[&live, &other], &[]).await.unwrap());
        assert!(found.iter().all(Option::is_some));
    }
    times.sort();
    let p99 = times[times.len() * 99 / 100];
    assert!(p99 < Duration::from_millis(500), "{p99:?}");
    // A write for several nodes reaches those that are there.
    let names = [live.clone(), dead.clone(), other.clone()];
    assert_eq!(failure(redis.remove(&names)).await.0, Class::Unreachable);
    assert_eq!(bytes(redis.read(&[&live, &other], &[]).await.unwrap()), [None, None]);

    let epoch = redis.epoch(redis.node(&live));
    cluster.node_mut(0).restart();
    eventually("it answers again", async || read(&redis, &dead).await.is_ok()).await;
    assert_eq!(redis.node(&dead), node, "the same address is the same node");
    assert_eq!(redis.epoch(redis.node(&live)), epoch);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_to_a_node_after_it_was_replaced_as_planned() {
    let (cluster, _place) = start(with_replicas()).await;
    let redis = redis(&cluster.url());
    let name = Cluster::key_in(100, 0);
    store(&redis, &name, b"before").await;
    let former = redis.node(&name);
    cluster.failover(3);
    eventually("the map shows it", async || {
        assert!(read(&redis, &name).await.is_ok(), "no read fails on the way");
        redis.node(&name) != former
    })
    .await;
    eventually("it follows", async || matches!(cluster.node(0).role(), Some(Role::Replica { .. })))
        .await;
    let monitor = cluster.node(0).monitor();
    for _ in 0..100 {
        store(&redis, &name, b"after").await;
    }
    let evaluated = |line: &String| line.contains("EVALSHA") || line.contains("MGET");
    assert!(!monitor.lines().iter().any(evaluated));
    eventually("its connection is closed", async || {
        cluster.node(0).clients("under-test").is_empty()
    })
    .await;
}
