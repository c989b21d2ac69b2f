//! Troubles that are no failover.

use std::time::{Duration, Instant};

use super::stage::{MARGIN, Member, Stage, flawless};
use crate::support::resp::Reply;
use crate::support::sentinel::SERVICE;
use crate::support::server::RedisServer;
use crate::world::{CLIENT, Setup, eventually};

/// How many replicas a sentinel holds for dead.
fn dead_replicas(sentinel: &RedisServer) -> usize {
    let Ok(replicas) = sentinel.ask(&["SENTINEL", "REPLICAS", SERVICE]) else {
        return 0;
    };
    let is_dead = |fields: &&[Reply]| {
        fields[0].text() == "flags" && fields[1].text().split(',').any(|flag| flag == "s_down")
    };
    replicas.list().iter().filter(|it| it.list().chunks_exact(2).any(|it| is_dead(&it))).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b04_replicas_that_die_or_hang_have_no_effect() {
    let mut stage = Stage::start(Duration::from_secs(2)).await;
    let member = Member::join_as(Setup::patient(), "b04", &stage.group);
    let load = member.traffic(10, Duration::from_millis(10));
    member.hits(100).await;
    stage.group.node_mut(1).kill();
    stage.group.node(2).freeze();
    let sentinels = stage.group.sentinels();
    eventually("the sentinels hold them for dead", async || {
        sentinels.iter().all(|sentinel| dead_replicas(sentinel) == 2)
    })
    .await;
    member.hits(300).await;
    flawless(&load.stop().await, MARGIN);
    let stats = member.cache.stats();
    assert!(stats.backend_failures.is_empty(), "{stats:?}");
    let troubles =
        [stats.failovers, stats.retries, stats.reconnects, stats.breaker_openings, stats.bypassed];
    assert_eq!(troubles, [0; 5], "{stats:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b06_connections_closed_a_hundred_times_are_made_again_unnoticed() {
    // The connections of sentinels are closed as well, for which they must not hold the node dead.
    let stage = Stage::start(Duration::from_secs(10)).await;
    let setup = Setup::brisk();
    let deadline = setup.settings.resilience.deadline;
    let member = Member::join_as(setup, "b06", &stage.group);
    let load = member.traffic(20, Duration::from_millis(5));
    member.hits(200).await;
    let mut client = stage.group.node(0).client().expect("connect");
    let name = format!(" name={CLIENT} ");
    // One that was closed soon is made again with a pause, in which there is nothing to close.
    let (mut met, mut times, begun) = (0, 0, Instant::now());
    while times < 100 || met < 20 {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "only {met} of {times} met a connection"
        );
        times += 1;
        let list = client.call(&["CLIENT", "LIST"]).expect("list").text();
        met += u32::from(list.contains(&name));
        client.call(&["CLIENT", "KILL", "TYPE", "normal"]).expect("kill").number();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    member.hits(200).await;
    flawless(&load.stop().await, deadline + MARGIN);
    assert!(member.told.all().is_empty(), "{:?}", member.told.all());
    assert_eq!(stage.group.named(), Some(0));
}
