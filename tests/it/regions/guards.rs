//! What each rule of docs/protocol-regions.md is kept by, where nothing else would show that it is gone.

use std::convert::Infallible;
use std::time::Duration;

use athena_cache::testing::Fault;
use athena_cache::{Builder, Invalidated, Memory, Source};

use super::{EAST, Site, TwoRegions, WEST};

/// Longer than whatever is silent may be trusted.
const DOUBT: Duration = Duration::from_secs(60);

/// Where a call is answered from while the source has this value, and with what.
async fn seen(site: &Site, source: u32) -> (Source, u32) {
    let seen = site.read(source).await;
    assert!(!seen.outcome.degraded && !seen.outcome.stale, "{seen:?}");
    (seen.outcome.source, seen.value.unwrap())
}

/// Names of a store that are those of leases.
fn leases(names: &[String]) -> usize {
    names.iter().filter(|name| name.ends_with(":l")).count()
}

#[tokio::test]
async fn regions_18_a_process_that_pumps_hears_of_what_it_removes() {
    let world = TwoRegions::new();
    let (p, q) = (world.site(WEST), world.site(EAST));
    // Nobody but q reaches both.
    p.east.always(Fault::Hang);
    world.seconds(12).await;
    assert_eq!(seen(&q, 1).await, (Source::Load, 1));
    world.seconds(1).await;
    assert_eq!(seen(&q, 2).await, (Source::Memory, 1));
    assert_eq!(p.invalidate().await, Invalidated::Done);
    world.seconds(1).await;
    assert_eq!(seen(&q, 2).await, (Source::Load, 2));
}

#[tokio::test]
async fn regions_16_what_is_under_way_from_a_region_that_was_left_is_not_kept() {
    let world = TwoRegions::new();
    let (p, q) = (world.site(WEST), world.site(EAST));
    world.seconds(5).await;
    assert_eq!(q.fresh(1).await, 1);
    p.cache.use_region(EAST).await.unwrap();
    p.east.on("read", Fault::LateAck(Duration::from_millis(200)));
    let switch = async {
        p.cache.use_region(WEST).await.unwrap();
        world.seconds(1).await;
    };
    let (read, ()) = tokio::join!(p.read(2), switch);
    assert_eq!((read.outcome.source, read.value), (Source::Backend, Ok(1)));
    assert_eq!(seen(&p, 3).await, (Source::Load, 3), "the west has none");
}

#[tokio::test]
async fn regions_8_a_region_is_not_heard_by_the_word_of_a_node_that_nobody_confirms() {
    let world = TwoRegions::new();
    let q = world.site(EAST);
    q.west.confirm_late(DOUBT);
    world.seconds(10).await;
    assert!(!q.region(EAST).heard);
    q.west.confirm_late(Duration::ZERO);
    world.seconds(5).await;
    assert!(q.region(EAST).heard);
    q.west.confirm_late(DOUBT);
    world.seconds(10).await;
    assert!(!q.region(EAST).heard);
}

#[tokio::test]
async fn a_load_ends_in_the_region_that_it_began_in() {
    let world = TwoRegions::new();
    let q = world.site(EAST);
    world.seconds(5).await;
    let load = q.cache.entry("a").observe(async || {
        assert_eq!(leases(&world.east.names()), 1);
        q.cache.use_region(WEST).await.unwrap();
        Ok::<u32, Infallible>(1)
    });
    assert_eq!(load.await.value, Ok(1));
    q.cache.settle().await;
    assert_eq!((leases(&world.east.names()), leases(&world.west.names())), (0, 0));
    let has_it = |names: Vec<String>| names.iter().any(|name| name.starts_with("test:{k:a}"));
    assert_eq!((has_it(world.east.names()), has_it(world.west.names())), (true, false));
}

#[tokio::test]
async fn a_call_asks_on_where_it_has_begun_to_ask() {
    let world = TwoRegions::new();
    let q = world.site(EAST);
    world.seconds(5).await;
    q.east.on("read", Fault::LateAck(Duration::from_millis(200)));
    let switch = async {
        q.cache.use_region(WEST).await.unwrap();
        world.seconds(1).await;
    };
    let (read, ()) = tokio::join!(q.read(1), switch);
    assert_eq!(read.value, Ok(1));
    q.cache.settle().await;
    let has_it = |names: Vec<String>| names.iter().any(|name| name.starts_with("test:{k:a}"));
    assert_eq!((has_it(world.east.names()), has_it(world.west.names())), (true, false));
}

#[tokio::test]
async fn regions_11_memory_answers_as_soon_as_a_region_is_heard() {
    let world = TwoRegions::new();
    let q = world.site(EAST);
    let step = Duration::from_millis(10);
    for _ in 0..500 {
        world.pass(step).await;
        let node = &q.cache.nodes()[0];
        assert_eq!(node.trusted, q.region(EAST).heard);
        if node.trusted {
            return;
        }
    }
    panic!("nothing is heard");
}

#[tokio::test]
async fn what_a_slow_secondary_holds_is_answered_and_not_loaded_anew() {
    for late in [50, 200, 400].map(Duration::from_millis) {
        let world = TwoRegions::new();
        let by_backend = |builder: Builder| builder.memory(Memory::fallback_only(1_000));
        let (p, q) = (world.site(WEST), world.site_with(EAST, by_backend));
        world.seconds(5).await;
        p.cache.use_region(EAST).await.unwrap();
        assert_eq!(p.fresh(1).await, 1);
        q.east.always(Fault::LateAck(late));
        let load = async |source| {
            let loaded = q.cache.entry("b").observe(async || Ok::<u32, Infallible>(source));
            tokio::join!(loaded, world.seconds(2)).0.value
        };
        assert_eq!((load(1).await, load(2).await), (Ok(1), Ok(1)), "{late:?} late");
        for wait in [0, 1, 5, 60] {
            world.seconds(wait).await;
            let (read, ()) = tokio::join!(q.read(2), world.seconds(1));
            assert_eq!(read.value, Ok(1), "{late:?} late, after {wait} s: {:?}", read.outcome);
            assert_eq!(read.outcome.source, Source::Backend);
            assert!(!read.outcome.degraded, "{late:?} late, after {wait} s");
        }
    }
}
