//! Which region is used, and what users of the others notice of one that is away.

use std::time::Duration;

use athena_cache::Invalidated;
use athena_cache::backend::Class;
use athena_cache::testing::Fault;

use super::{EAST, TwoRegions, WEST};

#[tokio::test]
async fn a26_a28_a_silent_primary_is_left_within_five_seconds_and_returned_to_after_the_grace() {
    let world = TwoRegions::new();
    let p = world.site(WEST);
    world.seconds(5).await;
    assert_eq!(p.fresh(1).await, 1);
    p.west.always(Fault::Hang);
    world.seconds(2).await;
    assert_eq!(p.active(), WEST, "a short silence is none");
    world.seconds(3).await;
    assert_eq!(p.active(), EAST);
    assert_eq!(p.read(1).await.value, Ok(1));
    p.west.heal();
    world.seconds(50).await;
    assert_eq!(p.active(), EAST);
    world.seconds(25).await;
    assert_eq!(p.active(), WEST);
    assert_eq!(p.fresh(1).await, 1);
}

#[tokio::test]
async fn a23_x6_a_secondary_that_is_away_changes_nothing_for_who_uses_the_primary() {
    let world = TwoRegions::new();
    let p = world.site(WEST);
    world.seconds(5).await;
    p.east.always(Fault::Hang);
    world.seconds(10).await;
    for value in 1..10 {
        assert_eq!(p.fresh(value).await, value);
        assert_eq!(p.invalidate().await, Invalidated::Done, "nobody waits: the clock stands still");
        world.seconds(1).await;
    }
    assert_eq!(p.active(), WEST);
}

#[tokio::test]
async fn a_region_is_used_by_hand_once_it_answers_and_nothing_is_owed() {
    let world = TwoRegions::new();
    let (p, q) = (world.site(WEST), world.site(EAST));
    world.seconds(5).await;
    let refusal = p.cache.use_region("north").await.unwrap_err().to_string();
    assert!(refusal.contains("expected one of `west`, `east`"), "{refusal}");
    p.cache.use_region(EAST).await.unwrap();
    assert_eq!(p.active(), EAST);
    assert_eq!(p.fresh(1).await, 1);
    assert_eq!(q.fresh(2).await, 1, "they share it");
    world.seconds(120).await;
    assert_eq!(p.active(), EAST, "it is preferred from now on");
    // Nobody carries what it owes.
    for site in [&p, &q] {
        site.west.always(Fault::Error(Class::Unreachable));
    }
    world.seconds(2).await;
    assert_eq!(p.invalidate().await, Invalidated::Pending);
    p.west.on("execute", Fault::Error(Class::Unreachable));
    world.pass(Duration::from_millis(600)).await;
    let refusal = p.cache.use_region(WEST).await.unwrap_err().to_string();
    assert!(refusal.contains("`east` holds 1 invalidations"), "{refusal}");
    p.west.heal();
    q.west.heal();
    world.seconds(10).await;
    p.cache.use_region(WEST).await.unwrap();
    assert_eq!(p.fresh(3).await, 3);
}
