//! Primaries that hand over while everybody is well.

use std::time::{Duration, Instant};

use athena_cache::backend::Cause;
use athena_cache::{Invalidated, Memory, MemoryRole};
use tokio::time::sleep;

use super::shards::{
    Running, answers, items, items_on, observe, setup, slot_of_item, warm, watched, with_replicas,
    without_replicas,
};
use super::traffic::{Changes, Traffic};
use super::witness::Seen;
use crate::support::cluster::Cluster;
use crate::world::{Origin, healthy};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b08_b01_a_planned_failover_costs_a_caller_no_more_than_a_second_and_is_called_planned() {
    let cluster = Running::start(with_replicas()).await;
    let (cache, witness) = watched(&cluster, &setup());
    let (origin, all) = (Origin::default(), items(10));
    warm(&cache, &origin, &all).await;
    let read = Traffic::start(&cache, &origin, &all, Changes::None);
    let changed = items(20).into_iter().filter(|id| !all.contains(id)).collect::<Vec<_>>();
    let changed = Traffic::start(&cache, &origin, &changed, Changes::Some);
    read.goes_on(300).await;
    let begun = Instant::now();
    for shard in 0..2 {
        cluster.failover(3 + shard);
        witness.hears_of_failovers(shard + 1).await;
        answers(&cache, &origin, &items_on(shard, 10)).await;
        read.goes_on(300).await;
    }
    for records in [read.stop().await, changed.stop().await] {
        // What the failovers add; the machine may be busy.
        let usual = records.between(Duration::ZERO, records.time_of(begun)).worst();
        let worst = records.worst_but_for_stalls();
        assert!(worst <= usual + Duration::from_secs(1), "{worst:?}, before {usual:?}");
    }
    let expected = [0, 1].map(|shard| Seen::Failover {
        from: cluster.endpoint(shard),
        to: cluster.endpoint(3 + shard),
        cause: Cause::Planned,
    });
    assert_eq!(witness.failovers(), expected);
    assert_eq!((cache.stats().failovers, cache.stats().planned_failovers), (2, 2));
    healthy(&cache).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a19_slots_that_move_to_a_new_primary_under_traffic_fail_nobody() {
    let mut cluster = Running::start(without_replicas()).await;
    let (cache, witness) = watched(&cluster, &setup());
    let (origin, all) = (Origin::default(), items(30));
    let (read, changed): (Vec<_>, Vec<_>) = all.iter().partition(|id| *id % 2 == 0);
    warm(&cache, &origin, &all).await;
    let reading = Traffic::start(&cache, &origin, &read, Changes::None);
    let changing = Traffic::start(&cache, &origin, &changed, Changes::Some);
    reading.goes_on(100).await;
    let new = cluster.add_primary();
    for from in 0..3 {
        // With the generations that the items depend on, which lie in their neighbourhoods.
        let slots = items_on(from, 30).into_iter().take(12).map(slot_of_item);
        let around = slots.flat_map(|slot| slot - slot % 16..slot - slot % 16 + 16);
        let mut around: Vec<_> = around.collect();
        around.sort_unstable();
        around.dedup();
        cluster.move_slots(from, new, around);
    }
    answers(&cache, &origin, &read).await;
    reading.goes_on(100).await;
    let records = reading.stop().await;
    changing.stop().await;

    let labels = records.by_label();
    assert!(!labels.keys().any(|label| label.contains("memory")), "{:?}", labels.keys());
    assert_eq!(witness.failovers(), [], "nobody failed");
    let endpoints: Vec<_> = cache.nodes().into_iter().map(|node| node.endpoint).collect();
    assert!(endpoints.contains(&cluster.endpoint(new)) && endpoints.len() == 4, "{endpoints:?}");
    for node in 0..4 {
        let troubles = witness.troubles_of(&cluster.endpoint(node));
        assert!(!troubles.iter().any(|it| matches!(it, Seen::Breaker { .. })), "{troubles:?}");
    }
    assert_ne!(cluster.node(new).calls("mget"), 0);
    healthy(&cache).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a19_a_slot_that_stays_half_way_for_long_fails_nobody() {
    let cluster = Running::start(without_replicas()).await;
    let (cache, witness) = watched(&cluster, &setup());
    let (origin, all) = (Origin::default(), items(10));
    warm(&cache, &origin, &all).await;
    let half_way = items_on(0, 1)[0];
    let step = cluster.begin_move(0, 1, slot_of_item(half_way));
    let traffic = Traffic::start(&cache, &origin, &all, Changes::Some);
    traffic.goes_on(300).await;
    while cluster.move_keys(step, 100) > 0 {}
    traffic.goes_on(300).await;
    cluster.finish_move(step);
    traffic.goes_on(200).await;
    let records = traffic.stop().await;
    assert!(records.worst_but_for_stalls() <= Duration::from_secs(2), "{:?}", records.worst());
    answers(&cache, &origin, &all).await;
    for node in 0..3 {
        assert_eq!(witness.troubles_of(&cluster.endpoint(node)), [], "{node}");
    }
    let by_name = Cluster::slot(format!("k:item:{half_way}"));
    assert_eq!(cluster.primary_of_slot(by_name), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p2_what_is_invalidated_while_its_slot_stays_open_is_not_served_any_more() {
    let cluster = Running::start(without_replicas()).await;
    let mut tiered = setup();
    tiered.settings.memory = Memory::default();
    for (id, setup) in items_on(0, 2).into_iter().zip([tiered, setup()]) {
        let window = setup.settings.resilience.trust_window;
        let [(here, _), (there, _)] = [(); 2].map(|()| watched(&cluster, &setup));
        let origin = Origin::default();
        warm(&here, &origin, &[id]).await;
        assert_eq!(observe(&there, &origin, id).await.0.version, 0);
        let step = cluster.begin_move(0, 1, slot_of_item(id));
        for is_sent in [false, true] {
            while is_sent && cluster.move_keys(step, 100) > 0 {}
            let current = origin.change();
            assert_eq!(there.invalidate(format!("item:{id}")).await, Invalidated::Done);
            sleep(window + Duration::from_millis(200)).await;
            let (begun, before) = (Instant::now(), origin.loads());
            for _ in 0..100 {
                let (value, outcome) = observe(&here, &origin, id).await;
                assert_eq!(value.version, current, "{outcome:?}, sent: {is_sent}");
            }
            // As without a lease: once in a window, where memory answers first.
            let is_tier = setup.settings.memory.role == MemoryRole::Tier;
            let loads = origin.loads() - before;
            let windows = begun.elapsed().div_duration_f64(window).ceil();
            assert!(!is_tier || f64::from(loads) <= windows + 1.0, "{loads} in {windows}");
        }
        cluster.finish_move(step);
        if setup.settings.memory.role == MemoryRole::Fallback {
            answers(&here, &origin, &[id]).await;
        }
    }
}
