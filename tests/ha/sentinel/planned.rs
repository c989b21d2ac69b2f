//! The primary is replaced as planned.

use std::time::{Duration, Instant};

use athena_cache::backend::Cause;
use athena_cache::{Invalidated, MemoryRole};

use super::stage::{
    LATE, MARGIN, MEMORY, Member, REDIS, SCRIPTS, Stage, defaults, endpoint, flawless,
};
use crate::support::prober::Prober;
use crate::support::writes::Writes;
use crate::world::{Origin, Setup, eventually, observe, warm};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b01_failovers_are_told_apart_by_whether_they_were_planned() {
    let mut stage = Stage::start(Duration::from_secs(2)).await;
    let member = Member::join("b01", &stage.group);
    let load = member.traffic(5, Duration::from_millis(10));
    member.hits(50).await;

    stage.group.failover();
    member.fails_over(1).await;
    stage.group.hurry();
    let primary = stage.group.wait_settled();
    assert_ne!(primary, 0);
    member.hits(50).await;
    let stats = member.cache.stats();
    assert_eq!((stats.failovers, stats.planned_failovers), (1, 1));

    stage.group.node_mut(primary).kill();
    let failovers = member.fails_over(2).await;
    member.hits(50).await;
    let causes: Vec<_> = failovers.iter().map(|failover| failover.cause).collect();
    assert_eq!(causes, [Cause::Planned, Cause::Unplanned]);
    let stats = member.cache.stats();
    assert_eq!((stats.failovers, stats.planned_failovers), (2, 1));
    flawless(&load.stop().await, defaults().settings.resilience.deadline + MARGIN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b07_nothing_is_written_to_a_primary_that_was_replaced() {
    is_replaced(&defaults()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b07_with_memory_first_nothing_is_written_to_a_primary_that_was_replaced() {
    is_replaced(&defaults().tiered()).await;
}

async fn is_replaced(setup: &Setup) {
    let stage = Stage::start(LATE).await;
    let group = &stage.group;
    let [here, there] = [(); 2].map(|()| Member::join_as(setup.clone(), "b07", group));
    let origin = Origin::default();
    warm(&here.cache, &origin, 0..20).await;
    let loads = [&here, &there].map(|member| member.traffic(10, Duration::from_millis(10)));
    here.fills(50).await;
    there.fills(50).await;

    let [old, one, two] = [0, 1, 2].map(|node| Writes::start(group.node(node).address(), SCRIPTS));
    let prober = Prober::start(group.addresses());
    let begun = Instant::now();
    eventually("the primary is written to", async || old.last().is_some()).await;
    group.failover();
    let switched = prober.wait_for_primary_other_than(0, begun);
    for member in [&here, &there] {
        member.fills(100).await;
    }
    // It goes on taking writes from whoever still sends it any until it is told to follow.
    group.hurry();
    let primary = group.wait_settled();
    assert!(prober.first_demotion(0, switched).is_some());
    assert_eq!(old.after(switched + Duration::from_millis(500)), 0, "writes that are lost");
    assert!(one.after(switched) + two.after(switched) > 0);
    for load in loads {
        flawless(&load.stop().await, defaults().settings.resilience.deadline + MARGIN);
    }
    for member in [&here, &there] {
        let [failover] = member.told.all().try_into().expect("one failover");
        assert_eq!(failover.from, endpoint(group, 0));
        assert_eq!(failover.to, endpoint(group, primary));
        assert_eq!(failover.cause, Cause::Planned);
    }

    let version = origin.change();
    assert_eq!(here.cache.clear().await, Invalidated::Done);
    for member in [&here, &there] {
        for id in 0..20 {
            eventually("it is heard of", async || {
                observe(&member.cache, &origin, id).await.0.version == version
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b08_a_planned_failover_delays_no_call_by_more_than_a_second() {
    let stage = Stage::start(LATE).await;
    let member = Member::join("b08", &stage.group);
    let load = member.traffic(10, Duration::from_millis(20));
    member.hits(500).await;
    stage.group.failover();
    member.fails_over(1).await;
    member.hits(500).await;
    let records = load.stop().await;
    flawless(&records, Duration::from_secs(1));
    assert_eq!(member.told.all().len(), 1);
    let from_redis = records.filter(|record| record.label == REDIS);
    let (_, outage) = from_redis.longest_gap();
    assert!(outage <= Duration::from_secs(2), "no answer of redis for {outage:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b11_nodes_restarted_one_by_one_lose_nothing_that_was_warm() {
    restart_one_by_one(defaults()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b11_with_memory_first_nodes_restarted_one_by_one_lose_nothing_that_was_warm() {
    restart_one_by_one(defaults().tiered()).await;
}

async fn restart_one_by_one(setup: Setup) {
    const PRODUCTS: u32 = 200;
    let first = setup.settings.memory.role;
    let mut stage = Stage::start(LATE).await;
    let (member, origin) = (Member::join_as(setup, "b11", &stage.group), Origin::default());
    warm(&member.cache, &origin, 0..PRODUCTS).await;
    let load = member.reading(&origin, 10, PRODUCTS);
    let answered = async || match first {
        MemoryRole::Tier => member.hits_in_memory(100).await,
        _ => member.hits(100).await,
    };
    answered().await;
    stage.group.hurry();
    for replica in [1, 2] {
        stage.group.node_mut(replica).restart();
        stage.group.wait_settled();
    }
    stage.replicated(0..PRODUCTS);
    stage.group.failover();
    eventually("the sentinels name another", async || {
        stage.group.named().is_some_and(|named| named != 0)
    })
    .await;
    member.fails_over(1).await;
    stage.group.node_mut(0).restart();
    let primary = stage.group.wait_settled();
    assert_ne!(primary, 0);
    answered().await;

    let records = load.stop().await;
    flawless(&records, defaults().settings.resilience.deadline + MARGIN);
    let warm: &[_] = if first == MemoryRole::Tier { &[MEMORY, REDIS] } else { &[REDIS] };
    let hits = records.filter(|record| warm.contains(&record.label)).count();
    assert!(hits * 10 > records.count() * 9, "{hits} of {}", records.count());
    assert_eq!(member.told.all().len(), 1);
    stage.replicated(0..PRODUCTS);
}
