//! Nodes stand still for a while and go on.

use std::time::{Duration, Instant};

use athena_cache::Source;
use athena_cache::backend::Cause;

use super::stage::{MARGIN, Member, SCRIPTS, Stage, flawless};
use crate::support::prober::Prober;
use crate::support::writes::Writes;
use crate::world::{CLIENT, Origin, Setup, eventually, healthy, observe};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b10_a_stall_of_a_second_switches_nothing_and_a_lasting_one_switches_once() {
    let stage = Stage::start(Duration::from_secs(3)).await;
    let group = &stage.group;
    let setup = Setup::brisk();
    let deadline = setup.settings.resilience.deadline;
    let member = Member::join_as(setup, "b10", group);
    let load = member.traffic(10, Duration::from_millis(10));
    member.hits(100).await;

    group.node(0).freeze();
    tokio::time::sleep(Duration::from_secs(1)).await;
    group.node(0).thaw();
    member.hits(100).await;
    assert_eq!(group.named(), Some(0));
    assert!(member.told.all().is_empty(), "{:?}", member.told.all());

    let prober = Prober::start(group.addresses());
    let old = Writes::start(group.node(0).address(), SCRIPTS);
    let frozen = Instant::now();
    group.node(0).freeze();
    prober.wait_for_primary_other_than(0, frozen);
    member.fails_over(1).await;
    member.hits(100).await;
    group.node(0).thaw();
    let thawed = Instant::now();
    // It says that it is the primary, and takes writes, until the sentinels turn it round.
    group.hurry();
    let primary = group.wait_settled();
    assert_ne!(primary, 0);
    member.hits(100).await;
    // What had been sent before it was replaced it still executes, at once when it goes on.
    assert_eq!(old.after(thawed + Duration::from_millis(500)), 0, "writes that are lost");
    flawless(&load.stop().await, deadline + MARGIN);
    let [failover] = member.told.all().try_into().expect("one failover");
    assert_eq!(failover.cause, Cause::Unplanned);
    assert_eq!(member.cache.stats().failovers, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b13_all_nodes_stall_together_and_no_caller_notices() {
    let stage = Stage::start(Duration::from_secs(2)).await;
    let group = &stage.group;
    let setup = Setup::brisk();
    let deadline = setup.settings.resilience.deadline;
    let member = Member::join_as(setup, "b13", group);
    let load = member.traffic(10, Duration::from_millis(10));
    member.hits(100).await;
    for node in group.nodes() {
        node.freeze();
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    for node in group.nodes() {
        node.thaw();
    }
    member.hits(100).await;
    let primary = group.wait_settled();
    member.hits(100).await;
    healthy(&member.cache).await;
    flawless(&load.stop().await, deadline + MARGIN);
    let failovers = member.told.all();
    assert!(failovers.len() <= 1, "{failovers:?}");
    assert_eq!(failovers.len(), usize::from(primary != 0));

    let origin = Origin::default();
    eventually("redis keeps what is loaded", async || {
        observe(&member.cache, &origin, 1).await.1.source == Source::Backend
    })
    .await;
    assert!(!group.node(primary).clients(CLIENT).is_empty());
}
