//! Primaries that are killed, frozen and started again.

use std::time::{Duration, Instant};

use athena_cache::backend::{Cause, Class};
use athena_cache::{BreakerState, Cache, Source};

use super::shards::{
    Running, answers, durable, items, items_on, observe, setup, short_setup, slot_of_item, warm,
    watched, with_replicas, without_replicas,
};
use super::traffic::{CALLERS, Changes, Traffic, are_unharmed, missed, on};
use super::witness::Seen;
use crate::support::cluster::Options;
use crate::support::load::Record;
use crate::support::role::Role;
use crate::support::writes::Writes;
use crate::world::{Origin, eventually, healthy};

/// What commands of the cache write, with and without a script.
const WRITES: &[&str] = &["set", "del", "pexpire"];
/// What a busy machine may add to a call.
const MARGIN: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a17_a74_r5_only_keys_of_a_killed_primary_notice_it_and_are_back_within_ten_seconds() {
    // As row A17 has it: two seconds until a node is held for dead.
    let mut cluster = Running::start(Options::default()).await;
    let (cache, witness) = watched(&cluster, &setup());
    let (origin, all) = (Origin::default(), items(10));
    warm(&cache, &origin, &all).await;
    cluster.is_copied().await;
    let loads = origin.loads();
    let traffic = Traffic::start(&cache, &origin, &all, Changes::None);
    traffic.goes_on(200).await;

    let killed = Instant::now();
    cluster.node_mut(0).kill();
    // Before that it may serve the last of what it was sent.
    eventually("it is noticed", async || !witness.troubles_of(&cluster.endpoint(0)).is_empty())
        .await;
    answers(&cache, &origin, &items_on(0, 10)).await;
    traffic.goes_on(200).await;
    let records = traffic.stop().await;

    are_unharmed(&[1, 2], &cluster, &records, &witness);
    // Copies answered before; what the heir has counts as old, since it may not know of invalidations.
    let again = origin.loads() - loads;
    assert!(again <= 2 * 10, "{again} loads for 10 items");
    let last = missed(&records).iter().map(Record::end).max().expect("it was noticed");
    assert!(last <= records.time_of(killed) + Duration::from_secs(10), "{last:?}");
    witness.hears_of_failovers(1).await;
    let heir = cluster.primary_of_slot(slot_of_item(items_on(0, 1)[0]));
    let (from, to) = (cluster.endpoint(0), cluster.endpoint(heir));
    assert_eq!(witness.failovers(), [Seen::Failover { from, to, cause: Cause::Unplanned }]);
    assert_eq!((cache.stats().failovers, cache.stats().planned_failovers), (1, 0));
    assert_all_closed(&cache, &[cluster.endpoint(heir), cluster.endpoint(1), cluster.endpoint(2)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b05_r5_while_a_shard_without_an_heir_is_down_the_others_answer_everything() {
    let mut cluster = Running::start(without_replicas()).await;
    let (cache, witness) = watched(&cluster, &setup());
    let (origin, all) = (Origin::default(), items(10));
    warm(&cache, &origin, &all).await;
    let cold = items_on(1, 20).split_off(10);
    let traffic = Traffic::start(&cache, &origin, &all, Changes::None);
    traffic.goes_on(200).await;

    cluster.node_mut(1).kill();
    eventually("its breaker opens", async || cache.breaker() == Some(BreakerState::Open)).await;
    traffic.goes_on(500).await;
    for id in cold {
        assert_eq!(observe(&cache, &origin, id).await.1.source, Source::Load);
    }
    cluster.node_mut(1).restart();
    answers(&cache, &origin, &all).await;
    traffic.goes_on(200).await;
    let records = traffic.stop().await;

    are_unharmed(&[0, 2], &cluster, &records, &witness);
    assert_ne!(missed(&on(1, &records)).count(), 0);
    assert_eq!(witness.failovers(), [], "it came back itself");
    healthy(&cache).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r3_a_cluster_that_serves_again_is_used_as_soon_as_it_says_so() {
    let options = Options { require_full_coverage: true, ..without_replicas() };
    let cluster = Running::start(options).await;
    let setup = setup().but(|resilience| {
        resilience.breaker.recovery_time = Duration::from_secs(600);
        resilience.breaker.max_recovery_time = Duration::from_secs(600);
    });
    let (cache, _witness) = watched(&cluster, &setup);
    let (origin, ids) = (Origin::default(), items_on(0, 3));
    warm(&cache, &origin, &ids).await;
    // A slot of none of these: the node knows of nobody who serves it, and so serves nothing.
    let lost = (0..16_384).find(|slot| ids.iter().all(|id| slot_of_item(*id) != *slot));
    let lost = lost.expect("few slots are used").to_string();
    cluster.node(0).cli(&["CLUSTER", "DELSLOTS", &lost]);
    eventually("it is given up", async || {
        let seen = observe(&cache, &origin, ids[0]).await.1;
        seen.source != Source::Backend && cache.breaker() == Some(BreakerState::Open)
    })
    .await;
    cluster.node(0).cli(&["CLUSTER", "ADDSLOTS", &lost]);
    eventually("it is used", async || {
        observe(&cache, &origin, ids[0]).await.1.source == Source::Backend
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_b05_a_frozen_primary_holds_up_its_own_keys_only_and_is_sent_no_writes_after_it() {
    let cluster = Running::start(with_replicas()).await;
    let (cache, witness) = watched(&cluster, &short_setup());
    let (origin, all) = (Origin::default(), items(10));
    warm(&cache, &origin, &all).await;
    cluster.is_copied().await;
    let renewed = items_on(0, 20).split_off(10);
    let writes = Writes::start(cluster.node(0).address(), WRITES);
    let traffic = Traffic::start(&cache, &origin, &all, Changes::None);
    let changes = Traffic::start(&cache, &origin, &renewed, Changes::Some);
    traffic.goes_on(200).await;

    cluster.node(0).freeze();
    let heir = cluster.wait_for_primary_other_than(0, slot_of_item(all[0]));
    answers(&cache, &origin, &items_on(0, 10)).await;
    let thawed = Instant::now();
    cluster.node(0).thaw();
    eventually("the old primary follows the new one", async || {
        let of = cluster.node(heir).port();
        cluster.node(0).role() == Some(Role::Replica { of, synced: true })
    })
    .await;
    traffic.goes_on(200).await;
    let (records, changes) = (traffic.stop().await, changes.stop().await);

    are_unharmed(&[1, 2], &cluster, &records, &witness);
    witness.hears_of_failovers(1).await;
    let (from, to) = (cluster.endpoint(0), cluster.endpoint(heir));
    assert_eq!(witness.failovers(), [Seen::Failover { from, to, cause: Cause::Unplanned }]);
    let worst = records.worst_but_for_stalls().max(changes.worst_but_for_stalls());
    assert!(worst <= MARGIN + short_setup().settings.resilience.write_deadline, "{worst:?}");
    // What it was sent before its silence was noticed it still finds when it wakes up: at most a lease,
    // a fill and a removal for each caller.
    let late = writes.after(thawed);
    assert!(late <= 3 * 2 * CALLERS, "{late}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a01_a_cluster_whose_nodes_all_died_is_found_again_with_its_data() {
    let mut cluster = Running::start(durable()).await;
    let (cache, witness) = watched(&cluster, &setup());
    let (origin, all) = (Origin::default(), items(5));
    warm(&cache, &origin, &all).await;
    die(&mut cluster, &cache, &origin).await;
    let loads = origin.loads();
    origin.change();
    (0..3).for_each(|node| cluster.node_mut(node).restart());
    answers(&cache, &origin, &all).await;
    for id in &all {
        // Their data is from before: it may lack invalidations, and counts as old.
        assert_eq!(observe(&cache, &origin, *id).await.0.version, 1);
    }
    let again = origin.loads() - loads;
    assert!(again as usize <= 2 * all.len(), "{again} loads for {} items", all.len());
    assert_eq!(witness.failovers(), []);
    healthy(&cache).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b03_of_a_cluster_whose_nodes_all_came_back_empty_nothing_older_is_fresh() {
    let mut cluster = Running::start(without_replicas()).await;
    let (cache, _) = watched(&cluster, &setup());
    let (origin, all) = (Origin::default(), items(5));
    warm(&cache, &origin, &all).await;
    die(&mut cluster, &cache, &origin).await;
    let current = origin.change();
    (0..3).for_each(|node| cluster.node_mut(node).restart());
    eventually("the cluster answers", async || {
        let mut hits = 0;
        for id in &all {
            let (value, outcome) = observe(&cache, &origin, *id).await;
            assert!(outcome.degraded || value.version == current, "{value:?} {outcome:?}");
            hits += usize::from(outcome.source == Source::Backend);
        }
        hits == all.len()
    })
    .await;
    healthy(&cache).await;
}

/// Kills all nodes, and calls for what is known and what is not.
async fn die(cluster: &mut Running, cache: &Cache, origin: &Origin) {
    (0..3).for_each(|node| cluster.node_mut(node).kill());
    for round in 0..50 {
        for shard in 0..3 {
            let (known, new) = (items_on(shard, 5)[0], items_on(shard, 60)[6 + round]);
            assert_eq!(observe(cache, origin, known).await.1.source, Source::Memory);
            assert_eq!(observe(cache, origin, new).await.1.source, Source::Load);
        }
    }
    assert_eq!(cache.breaker(), Some(BreakerState::Open));
    assert_eq!(cache.stats().failures(Class::Timeout), 0, "who is dead is not waited for");
}

/// The cache uses these nodes, and lets everything pass to them.
fn assert_all_closed(cache: &Cache, endpoints: &[String]) {
    let nodes = cache.nodes();
    assert_eq!(nodes.len(), endpoints.len(), "{nodes:?}");
    for node in nodes {
        assert!(endpoints.contains(&node.endpoint), "{node:?}");
        let closed = (BreakerState::Closed, BreakerState::Closed);
        assert_eq!((node.breaker, node.write_breaker), closed, "{node:?}");
        assert!(node.ready, "{node:?}");
    }
}
