//! The primary or sentinels are killed.

use std::time::{Duration, Instant};

use athena_cache::backend::{Ability, Cause, Failover};
use athena_cache::{Moment, Occurrence, OccurrenceKind, Source};

use super::stage::{MARGIN, Member, REDIS, SCRIPTS, Stage, defaults, endpoint, flawless};
use crate::log;
use crate::support::load::Records;
use crate::support::prober::Prober;
use crate::support::sentinel::{Options, SERVICE, SentinelGroup};
use crate::support::writes::Writes;
use crate::world::{Origin, Setup, degraded, eventually, healthy, observe, warm};

const PAUSE: Duration = Duration::from_millis(10);

/// Watches what clients write to the replicas, which is nothing until one of them is promoted.
fn watch_replicas(group: &SentinelGroup) -> [Writes; 2] {
    [1, 2].map(|node| Writes::start(group.node(node).address(), SCRIPTS))
}

/// Waits for the first write of a client to one of them.
async fn first_write(writes: &[Writes], after: Instant) -> Instant {
    let first = || writes.iter().filter_map(|it| it.first_after(after)).min();
    eventually("a promoted node is written to", async || first().is_some()).await;
    first().expect("it was there")
}

/// How long after a moment Redis answered a call that began after it.
fn until_redis(records: &Records, since: Instant) -> Duration {
    let since = records.time_of(since);
    let from_redis = records.filter(|record| record.label == REDIS);
    from_redis.first_right(since).expect("redis answers").saturating_sub(since)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a02_a05_a62_a74_the_primary_is_killed_and_no_caller_notices() {
    log::listen();
    let mut stage = Stage::start(Duration::from_secs(1)).await;
    let deadline = defaults().settings.resilience.deadline;
    let (member, origin) = (Member::join("a02", &stage.group), Origin::default());
    warm(&member.cache, &origin, 0..20).await;
    stage.replicated(0..20);
    let load = member.traffic(20, PAUSE);
    member.hits(200).await;

    let writes = watch_replicas(&stage.group);
    let prober = Prober::start(stage.group.addresses());
    let killed = Instant::now();
    stage.group.node_mut(0).kill();
    let dead = Instant::now();
    let filled = first_write(&writes, killed).await;
    assert!(filled - killed <= Duration::from_secs(6), "{:?}", filled - killed);
    member.hits(500).await;
    let primary = stage.group.wait_settled();
    member.hits(500).await;
    let records = load.stop().await;
    flawless(&records, deadline + MARGIN);

    // One, unless the machine stood still for so long that the sentinels replaced the next as well.
    let promoted = (0..3).filter(|&node| prober.first_primary(node, killed).is_some()).count();
    let failovers = member.told.all();
    assert_eq!(failovers.len(), promoted, "{failovers:?}");
    let (first, last) = (&failovers[0], &failovers[promoted - 1]);
    assert_eq!(first.from, endpoint(&stage.group, 0));
    assert_eq!(last.to, endpoint(&stage.group, primary));
    assert_eq!(first.cause, Cause::Unplanned);
    let outage = filled.saturating_duration_since(dead);
    assert!(first.took.abs_diff(outage) <= Duration::from_secs(1), "{first:?}, {outage:?}");

    let records = log::failovers("a02");
    assert_eq!(records.len(), promoted, "{records:?}");
    for (record, Failover { from, to, cause, took, .. }) in records.iter().zip(&failovers) {
        let cause = cause.name();
        let told = format!("from=\"{from}\" to=\"{to}\" cause=\"{cause}\" took={took:?}");
        assert!(record.contains(&told), "{told} in {record}");
    }

    let stats = member.cache.stats();
    assert_eq!((stats.failovers, stats.last_recovery), (promoted as u64, Some(last.took)));
    assert!(stats.last_failover.is_some());

    // A62.
    let failover = member.cache.status().await.failover;
    assert_eq!(
        (failover.failover_count, failover.recovery_time),
        (promoted as u64, Some(last.took))
    );
    assert_eq!(failover.last_failover_time.map(Moment::unix_millis), stats.last_failover);
    assert_eq!(failover.circuit_breaker_state.as_deref(), Some("Closed"));
    let is_told = |it: &Occurrence| it.kind == OccurrenceKind::Failover;
    let told: Vec<_> = member.cache.timeline().into_iter().filter(is_told).collect();
    assert_eq!(told.len(), promoted, "{told:#?}");
    assert_eq!(told[0].from.as_deref(), Some(&*first.from));

    // What the former primary was told counts as old, since its successor may lack invalidations.
    let current = origin.change();
    for source in [Source::Load, Source::Backend] {
        for id in 0..20 {
            let (value, outcome) = observe(&member.cache, &origin, id).await;
            assert_eq!((value.version, outcome.source), (current, source));
            assert!(!outcome.degraded, "sentinels confirm it by now");
        }
        member.cache.settle().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a03_b09_with_the_settings_of_the_guide_the_outage_is_ridden_out() {
    let options = Options {
        quorum: 2,
        down_after: Duration::from_secs(5),
        failover_timeout: Duration::from_secs(60),
        parallel_syncs: 1,
        ..Options::default()
    };
    let mut stage = Stage::start_with(options).await;
    let deadline = defaults().settings.resilience.deadline;
    has_quorum(&stage.group);
    let member = Member::join("a03", &stage.group);
    let load = member.traffic(10, PAUSE);
    member.hits(200).await;

    let writes = watch_replicas(&stage.group);
    let prober = Prober::start(stage.group.addresses());
    let killed = Instant::now();
    stage.group.node_mut(0).kill();
    let promoted = prober.wait_for_primary_other_than(0, killed);
    let filled = first_write(&writes, promoted).await;
    member.hits(200).await;
    let primary = stage.group.wait_settled();
    assert_ne!(primary, 0);
    assert!(killed.elapsed() <= Duration::from_secs(15), "{:?}", killed.elapsed());
    assert!(filled - promoted <= Duration::from_secs(2), "{:?}", filled - promoted);
    has_quorum(&stage.group);

    let records = load.stop().await;
    flawless(&records, deadline + MARGIN);
    let late = until_redis(&records, promoted);
    assert!(late <= Duration::from_secs(2), "{late:?}");
    assert_eq!(member.told.all().len(), 1);
}

fn has_quorum(group: &SentinelGroup) {
    for sentinel in group.sentinels() {
        let answer = sentinel.cli(&["SENTINEL", "CKQUORUM", SERVICE]).text();
        assert!(answer.starts_with("OK "), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a06_one_sentinel_of_three_suffices_to_connect_and_any_may_die_later() {
    let mut stage = Stage::start(Duration::from_secs(1)).await;
    for dead in [0, 1] {
        stage.group.kill_sentinel(dead);
    }
    let start = Instant::now();
    let member = Member::join("a06", &stage.group);
    // It was told of one sentinel alone, which is the one that will die.
    let one = format!("redis-sentinel://127.0.0.1:{}#{SERVICE}", stage.group.sentinel(2).port());
    let other = Setup::brisk().cache("a06", &one);
    let origin = Origin::default();
    for cache in [&member.cache, &other] {
        warm(cache, &origin, [1]).await;
        healthy(cache).await;
        // One sentinel is no majority, which could confirm that the primary is one still.
        let _ = cache.clear().await;
    }
    assert!(start.elapsed() <= Duration::from_secs(2), "{:?}", start.elapsed());

    for dead in [0, 1] {
        stage.group.restart_sentinel(dead);
    }
    stage.group.wait_settled();
    stage.group.kill_sentinel(2);
    stage.group.node_mut(0).kill();
    member.fails_over(1).await;
    assert_ne!(stage.group.wait_settled(), 0);
    for cache in [&member.cache, &other] {
        eventually("redis answers again", async || {
            observe(cache, &origin, 2).await.1.source == Source::Backend
        })
        .await;
        assert!(cache.stats().failovers >= 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_no_majority_of_the_sentinels_is_left_a_process_is_not_healthy() {
    let mut stage = Stage::start(Duration::from_secs(1)).await;
    let member = Member::join("minority", &stage.group);
    let origin = Origin::default();
    warm(&member.cache, &origin, [1]).await;
    healthy(&member.cache).await;
    for dead in [0, 1] {
        stage.group.kill_sentinel(dead);
    }
    degraded(&member.cache).await;
    assert_eq!(member.cache.nodes()[0].lacks, [Ability::Invalidate]);
    for dead in [0, 1] {
        stage.group.restart_sentinel(dead);
    }
    healthy(&member.cache).await;
    assert!(member.cache.nodes()[0].lacks.is_empty());
}
