//! Health checks: a registry, its report, and what probes ask.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use athena_cache::backend::{Ability, Class};
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{Builder, Finding, Health, HealthPolicy, HealthReport, Memory, Need, Settings};
use serde_json::{Value, json};

use crate::world::{Remote, World, until};

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
async fn a57_a_check_that_panics_or_hangs_is_its_own_trouble() {
    let world = World::in_memory();
    let checks = world.cache.health_checks();
    checks.add("panics", Need::Quality, || async { panic!("of a user") });
    checks.add("panics at once", Need::Quality, panics_at_once);
    checks.add("hangs", Need::Quality, pending);
    checks.add("works", Need::Quality, || async { Finding::healthy("fine") });
    let asked = checks.clone();
    let report = tokio::spawn(async move { asked.report().await });
    while world.clock.sleepers() < 1 {
        tokio::task::yield_now().await;
    }
    world.advance(SECOND);
    let report = report.await.unwrap();
    assert_eq!(report.status, Health::Degraded);
    assert_eq!(description(&report, "hangs"), "no answer in 1s");
    for name in ["panics", "panics at once"] {
        assert_eq!(description(&report, name), "the check panicked: of a user");
    }
    assert_eq!(report.entries["works"].status, Some(Health::Healthy));
}

fn panics_at_once() -> std::future::Ready<Finding> {
    panic!("of a user")
}

#[tokio::test]
async fn a57_a_hundred_who_ask_at_once_run_it_once_and_so_does_who_asks_within_a_second() {
    let world = World::in_memory();
    let checks = world.cache.health_checks();
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    checks.add("counted", Need::Quality, move || {
        let counted = Arc::clone(&counted);
        async move {
            tokio::task::yield_now().await;
            counted.fetch_add(1, Ordering::Relaxed);
            Finding::healthy("fine")
        }
    });
    futures_util::future::join_all((0..100).map(|_| checks.report())).await;
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    world.advance(SECOND - Duration::from_millis(1));
    checks.report().await;
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    world.advance(Duration::from_millis(1));
    checks.report().await;
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a57_one_who_asks_and_leaves_keeps_nobody_from_an_answer() {
    let world = World::in_memory();
    let checks = world.cache.health_checks();
    checks.add("hangs", Need::Quality, pending);
    let [leaves, stays] = [(); 2].map(|()| {
        let checks = checks.clone();
        tokio::spawn(async move { checks.report().await.status })
    });
    while world.clock.sleepers() < 1 {
        tokio::task::yield_now().await;
    }
    leaves.abort();
    let _ = leaves.await;
    while world.clock.sleepers() < 1 {
        tokio::task::yield_now().await;
    }
    world.advance(SECOND);
    assert_eq!(stays.await.unwrap(), Health::Degraded);
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
async fn what_was_not_found_out_is_null_and_no_reason_for_anything() {
    let world = World::in_memory();
    let checks = world.cache.health_checks();
    checks.add("moon", Need::Ready, || async { Finding::unknown("it is cloudy") });
    checks.add("sun", Need::Ready, || async { Finding::healthy("it shines") });
    let report = checks.report().await;
    assert_eq!((report.status, report.entries["moon"].status), (Health::Healthy, None));
    assert!(checks.is_ready().await);
    let shown = serde_json::to_value(&*report).unwrap();
    assert_eq!(shown["entries"]["moon"]["status"], Value::Null);
    assert_eq!(shown["entries"]["moon"]["description"], "it is cloudy");
    let neutral = serde_json::to_value(report.neutral()).unwrap();
    let moon = &neutral["checks"]["moon"][0];
    assert!(moon.get("status").is_none(), "the draft has no word for it: {neutral}");
    assert_eq!(moon["output"], "it is cloudy");
    let known = HealthReport::clone(&report).known();
    assert_eq!(known.entries.keys().collect::<Vec<_>>(), ["sun"]);
}

#[tokio::test]
async fn who_asks_while_a_report_is_made_is_given_that_however_short_it_is_good_for() {
    let world = World::with(|builder| {
        let mut settings = Settings::default();
        settings.health.cache_for = Duration::ZERO;
        builder.settings(settings)
    });
    let checks = world.cache.health_checks();
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    checks.add("counted", Need::Quality, move || {
        let counted = Arc::clone(&counted);
        async move {
            tokio::task::yield_now().await;
            counted.fetch_add(1, Ordering::Relaxed);
            Finding::healthy("fine")
        }
    });
    futures_util::future::join_all((0..100).map(|_| checks.report())).await;
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    checks.report().await;
    assert_eq!(runs.load(Ordering::Relaxed), 2, "who asks later is not given an old one");
}

#[tokio::test]
async fn a_report_without_a_check_that_was_added_meanwhile_is_kept_for_nobody() {
    let world = World::in_memory();
    let checks = world.cache.health_checks();
    let (tell, told) = tokio::sync::oneshot::channel();
    let told = Arc::new(tokio::sync::Mutex::new(Some(told)));
    checks.add("slow", Need::Quality, move || {
        let told = Arc::clone(&told);
        async move {
            if let Some(told) = told.lock().await.take() {
                told.await.unwrap();
            }
            Finding::healthy("fine")
        }
    });
    let asked = checks.clone();
    let first = tokio::spawn(async move { asked.report().await });
    while world.clock.sleepers() < 1 {
        tokio::task::yield_now().await;
    }
    checks.add("new", Need::Quality, || async { Finding::healthy("fine") });
    tell.send(()).unwrap();
    assert_eq!(first.await.unwrap().entries.len(), 1);
    assert_eq!(checks.report().await.entries.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_that_holds_up_its_thread_is_not_begun_again_before_it_has_ended() {
    let world = World::in_memory();
    let checks = world.cache.health_checks();
    let (free, held) = std::sync::mpsc::channel::<()>();
    let held = Arc::new(std::sync::Mutex::new(held));
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    checks.add("holds up", Need::Quality, move || {
        counted.fetch_add(1, Ordering::SeqCst);
        let held = Arc::clone(&held);
        async move {
            let _ = held.lock().unwrap().recv();
            Finding::healthy("at last")
        }
    });
    let late = async || {
        // The report before is good no more.
        world.advance(2 * SECOND);
        let asked = checks.clone();
        let report = tokio::spawn(async move { asked.report().await });
        until("it has begun", || runs.load(Ordering::SeqCst) > 0).await;
        while !report.is_finished() {
            world.advance(2 * SECOND);
            tokio::task::yield_now().await;
        }
        description(&report.await.unwrap(), "holds up")
    };
    assert_eq!(late().await, "no answer in 1s");
    for _ in 0..3 {
        assert_eq!(late().await, "it still runs, since an earlier report");
    }
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    free.send(()).unwrap();
    drop(free);
    // As soon as it has ended it is begun again.
    while late().await != "at last" {}
    assert!(runs.load(Ordering::SeqCst) >= 2);
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
async fn a59_the_document_is_that_of_the_guide_and_the_neutral_one_is_nobodys() {
    let world = World::in_memory();
    let checks = world.cache.health_checks();
    checks.add("disk", Need::Ready, || async { Finding::degraded("2 GiB free on /var") });
    checks.add("sun", Need::Quality, || async { Finding::healthy("it shines") });
    let report = checks.report().await;
    let shown = serde_json::to_value(&*report).unwrap();
    assert_eq!(
        shown,
        json!({
            "status": "Degraded",
            "totalDuration": "00:00:00",
            "entries": {
                "disk": {
                    "status": "Degraded", "duration": "00:00:00",
                    "description": "2 GiB free on /var", "data": {}, "tags": ["ready"],
                },
                "sun": {
                    "status": "Healthy", "duration": "00:00:00",
                    "description": "it shines", "data": {},
                },
            },
        })
    );
    let neutral = serde_json::to_value(report.neutral()).unwrap();
    assert_eq!(neutral["status"], "warn");
    assert_eq!(neutral["checks"]["disk"][0]["status"], "warn");
    assert_eq!(neutral["checks"]["disk"][0]["output"], "2 GiB free on /var");
    assert_eq!(neutral["checks"]["sun"][0]["output"], Value::Null, "what passes has none");

    let hidden = HealthReport::clone(&report).without_details();
    let hidden = serde_json::to_string(&hidden).unwrap()
        + &serde_json::to_string(&hidden.neutral()).unwrap();
    assert!(!hidden.contains("GiB") && !hidden.contains("shines"), "{hidden}");
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

#[tokio::test]
async fn settings_of_checks_that_cannot_be_used_are_told() {
    let mut settings = Settings::default();
    settings.health.limit = Duration::ZERO;
    settings.health.ping = Duration::ZERO;
    let error = athena_cache::Cache::builder("shop").settings(settings).build().unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("`health.limit` is 0ns") && text.contains("`health.ping` is 0"),
        "{text}"
    );
    let read: Settings = toml::from_str("[health]\npolicy = \"guide\"\nping = \"20ms\"").unwrap();
    assert_eq!(read.health.policy, HealthPolicy::Guide);
    assert_eq!(read.health.ping, Duration::from_millis(20));
}
