//! What is told of regions, and that nothing is done where there are none.

use std::time::Duration;

use athena_cache::testing::{ChaosBackend, Fault, ManualClock, MemoryBackend};
use athena_cache::{Cache, Health, Invalidated, RegionStanding};

use super::{EAST, Told, TwoRegions, WEST};

#[tokio::test]
async fn what_regions_are_said_to_be_is_told_by_status_health_and_the_report() {
    let world = TwoRegions::new();
    let p = world.site(WEST);
    let check = async || {
        let report = p.cache.health_checks().report().await;
        let entry = &report.entries["regions"];
        (entry.status, entry.description.clone().unwrap_or_default())
    };
    world.seconds(5).await;
    assert_eq!(check().await.0, Some(Health::Healthy));
    let west = p.region(WEST);
    assert!(west.primary && west.active && west.preferred && west.heard && west.lag.is_none());
    let east = p.region(EAST);
    assert!(east.lag.is_some_and(|lag| lag < Duration::from_secs(2)), "{east:?}");
    assert_eq!(east.standing, RegionStanding::Well);
    p.west.always(Fault::Hang);
    world.seconds(20).await;
    let (health, why) = check().await;
    assert_eq!(
        (health, why.contains("`west` is preferred")),
        (Some(Health::Degraded), true),
        "{why}"
    );
    let regions = p.cache.report().regions;
    assert!(regions[1].active && !regions[1].heard && regions[0].standing == RegionStanding::Away);
    let shown = serde_json::to_value(p.cache.status().await).unwrap();
    assert_eq!(shown["regions"][1]["name"], EAST);
    let alone = Cache::in_memory("alone");
    assert!(alone.regions().is_empty());
    assert!(serde_json::to_value(alone.status().await).unwrap().get("regions").is_none());
}

#[tokio::test]
async fn regions_that_are_one_store_are_told_and_never_count_as_heard() {
    let mut world = TwoRegions::new();
    world.east = world.west.clone();
    let told = Told::default();
    let p = world.site_with(WEST, |builder| builder.observer(told.clone()));
    world.seconds(5).await;
    assert!(!p.region(EAST).heard);
    assert_eq!(told.count("RegionsAlike"), 1);
}

#[tokio::test]
async fn a29_without_regions_no_log_is_kept_and_none_is_asked_for() {
    let clock = ManualClock::new();
    let store = MemoryBackend::with_clock(&clock);
    let backend = ChaosBackend::with_clock(store.clone(), 1, &clock);
    let chaos = backend.chaos();
    let cache = Cache::builder("test").clock(&clock).seed(1).backend(backend).build().unwrap();
    cache.entry("a").insert(1_u32).await.unwrap();
    for done in [
        cache.entry("a").invalidate().await,
        cache.invalidate_tag("books").await,
        cache.clear().await,
    ] {
        assert_eq!(done, Invalidated::Done);
    }
    assert!(store.names().iter().all(|name| !name.contains('>')), "{:?}", store.names());
    let of_logs = ["execute", "read_log", "settle", "log_length", "take_turn", "advance", "pulse"];
    assert!(chaos.operations().iter().all(|operation| !of_logs.contains(operation)));
}
