//! Health checks: a registry, its report, and what probes ask.

mod documents;
mod runs;

use std::sync::Arc;
use std::time::Duration;

use athena_cache::backend::{Ability, Class};
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{Builder, Finding, Health, HealthPolicy, HealthReport, Memory, Need, Settings};
use serde_json::json;

use crate::world::{Remote, World};

const SECOND: Duration = Duration::from_secs(1);

fn under(policy: HealthPolicy, memory: Memory) -> impl FnOnce(Builder) -> Builder {
    let mut settings = Settings::default();
    settings.health.policy = policy;
    settings.memory = memory;
    settings.resilience.retry.enabled = false;
    move |builder| builder.settings(settings)
}

async fn report(remote: &Remote) -> Arc<HealthReport> {
    remote.world.advance(2 * SECOND);
    remote.world.cache.health_checks().report().await
}

fn description(report: &HealthReport, name: &str) -> String {
    report.entries[name].description.clone().unwrap_or_default()
}

#[tokio::test]
async fn a56_a_backend_that_is_away_is_degraded_and_by_the_guide_as_well() {
    for policy in [HealthPolicy::Graceful, HealthPolicy::Guide] {
        let remote = Remote::with(under(policy, Memory::default()));
        let calm = report(&remote).await;
        assert_eq!(calm.status, Health::Healthy, "{calm:#?}");
        remote.chaos.always(Chaotic::Error(Class::Unreachable));
        let away = report(&remote).await;
        assert_eq!(away.status, Health::Degraded, "{away:#?}");
        for name in ["redis_connectivity", "distributed_cache"] {
            assert_eq!(away.entries[name].status, Some(Health::Unhealthy));
        }
    }
}

#[tokio::test]
async fn a56_without_any_tier_it_is_unhealthy() {
    let remote = Remote::with(under(HealthPolicy::Graceful, Memory::off()));
    assert_eq!(report(&remote).await.status, Health::Healthy);
    remote.chaos.always(Chaotic::Error(Class::Unreachable));
    assert_eq!(report(&remote).await.status, Health::Unhealthy);
    assert!(!remote.world.cache.health_checks().is_ready().await);
}

#[tokio::test]
async fn a56_who_is_let_in_nowhere_is_degraded_until_it_is_and_stays_in_rotation() {
    let remote = Remote::tiered();
    remote.chaos.always(Chaotic::Error(Class::Denied));
    // The sign of life tells it; the next report knows.
    report(&remote).await;
    let shut_out = report(&remote).await;
    assert_eq!(
        (shut_out.status, remote.world.cache.health()),
        (Health::Degraded, Health::Degraded)
    );
    assert!(remote.world.cache.health_checks().is_ready().await, "functions answer");
    assert_eq!(shut_out.entries["access"].status, Some(Health::Unhealthy));
    remote.chaos.heal();
    report(&remote).await;
    assert_eq!(report(&remote).await.entries["access"].status, Some(Health::Healthy));
}

#[tokio::test]
async fn a_right_that_is_lacking_is_told_as_what_it_costs() {
    for (ability, status) in
        [(Ability::Lease, Health::Degraded), (Ability::Announce, Health::Healthy)]
    {
        let remote = Remote::tiered();
        remote.chaos.withhold(&[ability]);
        let report = report(&remote).await;
        let access = &report.entries["access"];
        assert_eq!(access.status, Some(status), "{report:#?}");
        assert!(description(&report, "access").contains(ability.name()), "{report:#?}");
    }
}

#[tokio::test]
async fn a_closed_cache_is_unhealthy() {
    let world = World::in_memory();
    let checks = world.cache.health_checks();
    assert_eq!(
        (checks.report().await.status, world.cache.health()),
        (Health::Healthy, Health::Healthy)
    );
    world.cache.close().await;
    world.advance(2 * SECOND);
    assert_eq!(
        (checks.report().await.status, world.cache.health()),
        (Health::Unhealthy, Health::Unhealthy)
    );
}

#[tokio::test]
async fn a57_checks_are_added_replaced_and_removed() {
    let remote = Remote::tiered();
    let checks = remote.world.cache.health_checks();
    checks.add("disk", Need::Quality, || async {
        Finding::degraded("2 GiB free").with("freeGiB", 2_u64)
    });
    let found = checks.report().await;
    assert_eq!(
        (found.status, found.entries["disk"].status),
        (Health::Degraded, Some(Health::Degraded))
    );
    let shown = serde_json::to_value(&*found).unwrap();
    assert_eq!(shown["entries"]["disk"]["data"], json!({"freeGiB": 2}));
    assert_eq!(shown["entries"]["disk"]["description"], "2 GiB free");

    checks.add("disk", Need::Ready, || async { Finding::unhealthy("full") });
    let found = checks.report().await;
    assert_eq!(
        (found.status, &*found.entries["disk"].tags),
        (Health::Unhealthy, &["ready".into()][..])
    );

    assert!(checks.remove("disk") && !checks.remove("disk"));
    assert!(checks.remove("trust"));
    let names = checks.names();
    assert_eq!(checks.report().await.entries.keys().cloned().collect::<Vec<_>>(), names);
    assert!(names.iter().all(|name| name != "disk" && name != "trust"), "{names:?}");
}

#[tokio::test]
async fn checks_pass_a_breaker_that_is_open_and_neither_close_nor_open_one() {
    let remote = Remote::tiered();
    let cache = &remote.world.cache;
    remote.chaos.always(Chaotic::Error(Class::Unreachable));
    for _ in 0..20 {
        report(&remote).await;
    }
    assert_eq!(cache.stats().breaker_openings, 0, "checks are no operations");
    let failures = cache.stats().backend_failures.clone();
    assert!(failures.is_empty(), "{failures:?}");
    for id in 0..20 {
        let _ = cache.entry(format!("k{id}")).get::<u8>().await;
    }
    let breaker = cache.breaker();
    remote.chaos.heal();
    let found = remote.world.cache.health_checks().report().await;
    assert_eq!(
        found.entries["redis_connectivity"].status,
        Some(Health::Unhealthy),
        "that of before"
    );
    remote.world.advance(SECOND);
    let found = remote.world.cache.health_checks().report().await;
    assert_eq!(found.entries["redis_connectivity"].status, Some(Health::Healthy));
    assert_eq!(cache.breaker(), breaker, "it is still what calls made of it");
}

#[tokio::test]
async fn a_node_that_is_isolated_is_told_and_not_asked() {
    let remote = Remote::tiered();
    let cache = &remote.world.cache;
    cache.settle().await;
    cache.isolate(Duration::from_secs(600));
    let before = remote.chaos.operations().len();
    let found = report(&remote).await;
    assert_eq!(remote.chaos.operations().len(), before);
    assert_eq!(found.entries["maintenance"].status, Some(Health::Degraded));
    for untold in ["redis_connectivity", "distributed_cache", "memory", "sentinel_quorum"] {
        assert_eq!(found.entries[untold].status, None, "nobody was asked: {found:#?}");
    }
    let status = cache.status().await;
    assert_eq!(status.maintenance.state.as_deref(), Some("active"));
    // Nor does anybody else ask it: of nodes is told what the process knows.
    let cluster = &status.redis_cluster;
    assert_eq!((cluster.total_nodes, cluster.connected_nodes, &cluster.kind), (None, None, &None));
    assert_eq!((status.nodes.len(), status.nodes[0].is_connected), (1, None));
    cache.resume();
    assert_eq!(cache.status().await.redis_cluster.total_nodes, Some(1));
}

#[tokio::test]
async fn a55_what_a_check_writes_is_gone_however_it_ends() {
    let remote = Remote::tiered();
    remote.world.cache.settle().await;
    let before = remote.store.names();
    for fault in [None, Some("read"), Some("fill"), Some("lease")] {
        if let Some(operation) = fault {
            remote.chaos.on(operation, Chaotic::Error(Class::Timeout));
        }
        let found = report(&remote).await;
        let status = if fault.is_some() { Health::Unhealthy } else { Health::Healthy };
        assert_eq!(found.entries["distributed_cache"].status, Some(status), "{fault:?}");
        assert_eq!(remote.store.names(), before, "{fault:?}");
        remote.chaos.heal();
    }
}

#[tokio::test]
async fn a_service_that_has_nobody_to_wait_for_has_started_and_is_alive() {
    let remote = Remote::tiered();
    for cache in [&remote.world.cache, &World::in_memory().cache] {
        let checks = cache.health_checks();
        assert!(checks.has_started() && checks.is_live() && checks.is_ready().await);
    }
    remote.chaos.always(Chaotic::Error(Class::Unreachable));
    let checks = remote.world.cache.health_checks();
    assert!(checks.has_started() && checks.is_live(), "for ever, and whatever Redis does");
}
