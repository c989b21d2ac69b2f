//! What users of each region meet of what was invalidated: the promises X1 to X4.

use std::convert::Infallible;

use athena_cache::Invalidated;
use athena_cache::backend::Class;
use athena_cache::testing::Fault;

use super::{EAST, Site, TwoRegions, WEST};

#[tokio::test]
async fn x1_x2_what_the_primary_has_invalidated_is_gone_in_the_other_region_within_moments() {
    let world = TwoRegions::new();
    let (p, q) = (world.site(WEST), world.site(EAST));
    world.seconds(5).await;
    assert!(q.region(EAST).heard, "{:?}", q.region(EAST));
    assert_eq!((p.fresh(1).await, q.fresh(1).await), (1, 1));
    world.seconds(1).await;
    assert_eq!(q.fresh(2).await, 1, "it is cached there");
    assert_eq!(p.invalidate().await, Invalidated::Done);
    world.seconds(2).await;
    assert_eq!((p.fresh(2).await, q.fresh(2).await), (2, 2));
    world.seconds(1).await;
    assert_eq!(q.invalidate().await, Invalidated::Done, "by both");
    assert_eq!(p.fresh(3).await, 3, "the primary was told at once");
    assert_eq!((p.active(), q.active()), (WEST.to_owned(), EAST.to_owned()));
}

#[tokio::test]
async fn x1_a_region_that_is_cut_off_flags_what_is_older_than_it_may_be() {
    let world = TwoRegions::new();
    let (p, q) = (world.site(WEST), world.site(EAST));
    world.seconds(5).await;
    assert_eq!((p.fresh(1).await, q.fresh(1).await), (1, 1));
    world.seconds(1).await;
    // Each reaches its own region only.
    p.east.always(Fault::Hang);
    q.west.always(Fault::Hang);
    world.seconds(1).await;
    assert_eq!(p.invalidate().await, Invalidated::Done);
    assert_eq!(p.fresh(2).await, 2);
    world.seconds(8).await;
    assert!(!q.region(EAST).heard);
    assert_eq!(q.fresh(2).await, 1, "it was loaded less than 30 s ago");
    world.seconds(25).await;
    let seen = q.read(2).await;
    assert!(seen.outcome.degraded, "{seen:?}");
    assert_eq!((q.active(), p.active()), (EAST.to_owned(), WEST.to_owned()));
    p.east.heal();
    q.west.heal();
    world.seconds(8).await;
    assert_eq!(q.fresh(2).await, 2);
}

#[tokio::test]
async fn x1_a_load_is_as_old_as_its_question_where_the_primary_is_not_heard() {
    let world = TwoRegions::new();
    let (p, q) = (world.site(WEST), world.site(EAST));
    world.seconds(5).await;
    p.east.always(Fault::Hang);
    q.west.always(Fault::Hang);
    world.seconds(10).await;
    let loaded = q.cache.entry("a").observe(async || {
        world.seconds(20).await;
        Ok::<u32, Infallible>(1)
    });
    assert_eq!(loaded.await.value, Ok(1));
    world.seconds(5).await;
    assert_eq!(q.fresh(2).await, 1, "25 s");
    world.seconds(10).await;
    let seen = q.read(2).await;
    assert!(seen.outcome.degraded, "35 s: {seen:?}");
}

#[tokio::test]
async fn x3_nobody_meets_in_the_other_region_what_they_have_invalidated_themselves() {
    let world = TwoRegions::new();
    let (p, q) = (world.site(WEST), world.site(EAST));
    world.seconds(5).await;
    assert_eq!((p.fresh(1).await, q.fresh(1).await), (1, 1));
    world.seconds(1).await;
    // The primary acknowledges, and is gone for everybody before its log was read.
    q.west.always(Fault::Hang);
    p.east.on("take_turn", Fault::Hang);
    assert_eq!(p.invalidate().await, Invalidated::Done);
    p.west.always(Fault::Hang);
    p.east.heal();
    world.seconds(5).await;
    assert_eq!(p.active(), EAST);
    assert_eq!(p.read(2).await.value, Ok(2));
}

#[tokio::test]
async fn x4_what_the_primary_could_not_be_told_reaches_it_though_its_process_is_gone() {
    let world = TwoRegions::new();
    let (p, q) = (world.site(WEST), world.site(EAST));
    world.seconds(5).await;
    assert_eq!((p.fresh(1).await, q.fresh(1).await), (1, 1));
    q.west.always(Fault::Error(Class::Unreachable));
    world.seconds(1).await;
    assert_eq!(q.invalidate().await, Invalidated::Pending);
    assert_eq!(q.read(2).await.value, Ok(2));
    q.cache.close().await;
    drop(q);
    world.seconds(8).await;
    assert_eq!(p.fresh(2).await, 2);
}

#[tokio::test]
async fn x4_what_the_primary_in_use_could_not_be_told_waits_in_the_other_region() {
    let world = TwoRegions::new();
    let (p, q) = (world.site(WEST), world.site(EAST));
    world.seconds(5).await;
    assert_eq!((p.fresh(1).await, q.fresh(1).await), (1, 1));
    world.seconds(1).await;
    p.west.always(Fault::Error(Class::Unreachable));
    assert_eq!(p.invalidate().await, Invalidated::Pending);
    p.cache.close().await;
    drop(p);
    world.seconds(8).await;
    assert_eq!(world.site(WEST).fresh(2).await, 2);
}

#[tokio::test]
async fn what_is_not_written_outdates_what_the_region_in_use_has() {
    let world = TwoRegions::new();
    let q = world.site(EAST);
    world.seconds(5).await;
    assert_eq!(q.fresh(1).await, 1);
    world.seconds(1).await;
    let too_long = "x".repeat(10_000);
    q.cache.entry("a").tags([too_long]).insert(2_u32).await.unwrap_err();
    assert_eq!(q.read(3).await.value, Ok(3));
}

#[tokio::test]
async fn a32_what_is_inserted_in_one_region_outdates_what_the_other_has() {
    let world = TwoRegions::new();
    let (p, q) = (world.site(WEST), world.site(EAST));
    world.seconds(5).await;
    assert_eq!((p.fresh(1).await, q.fresh(1).await), (1, 1));
    world.seconds(1).await;
    p.cache.entry("a").insert(2_u32).await.unwrap();
    world.seconds(2).await;
    assert_eq!((p.fresh(3).await, q.fresh(3).await), (2, 3));
    q.cache.entry("a").insert(4_u32).await.unwrap();
    assert_eq!(p.fresh(5).await, 5);
}

#[tokio::test]
async fn all_kinds_of_invalidations_reach_the_other_region() {
    let world = TwoRegions::new();
    let (p, q) = (world.site(WEST), world.site(EAST));
    world.seconds(5).await;
    let read = async |site: &Site, source: u32| {
        let entry = site.cache.entry("tagged").tags(["books"]);
        entry.get_or_load(async || Ok::<_, Infallible>(source)).await.unwrap()
    };
    for (round, (from, to)) in (1..).zip([(&p, &q), (&q, &p)]) {
        let values = [round * 10, round * 10 + 1, round * 10 + 2, round * 10 + 3];
        assert_eq!(from.cache.clear().await, Invalidated::Done);
        world.seconds(2).await;
        assert_eq!(
            (read(from, values[0]).await, read(to, values[0]).await),
            (values[0], values[0])
        );
        world.seconds(1).await;
        assert_eq!(from.cache.invalidate_tag("books").await, Invalidated::Done);
        world.seconds(2).await;
        assert_eq!(
            (read(from, values[1]).await, read(to, values[1]).await),
            (values[1], values[1])
        );
        world.seconds(1).await;
        assert_eq!(from.cache.clear().await, Invalidated::Done);
        world.seconds(2).await;
        assert_eq!(
            (read(from, values[2]).await, read(to, values[2]).await),
            (values[2], values[2])
        );
        world.seconds(1).await;
        from.cache.entry("tagged").expire().await.unwrap();
        world.seconds(2).await;
        assert_eq!(
            (read(from, values[3]).await, read(to, values[3]).await),
            (values[3], values[3])
        );
        world.seconds(1).await;
    }
}
