//! What each guard of "Regions" is for: the same story with it and without it.

use std::convert::Infallible;

use athena_cache::backend::Class;
use athena_cache::testing::{Fault, Guard};
use athena_cache::{Invalidated, Observed};

use super::{EAST, TwoRegions, WEST};

/// A value of a call that nobody flagged, if it was not.
fn unflagged(seen: &Observed<Result<u32, Infallible>>) -> Option<u32> {
    let is_fresh = !seen.outcome.degraded && !seen.outcome.stale;
    is_fresh.then(|| seen.value.unwrap())
}

/// q tells its own region alone.
async fn tells_both(guard: Option<Guard>) -> bool {
    let world = TwoRegions::new();
    let (p, q) = (world.site(WEST), world.site_without(EAST, guard));
    world.seconds(5).await;
    assert_eq!((p.fresh(1).await, q.fresh(1).await), (1, 1));
    world.seconds(1).await;
    assert_eq!(q.invalidate().await, Invalidated::Done);
    world.seconds(10).await;
    p.fresh(2).await == 2
}

/// The primary dies before its log was read, and p goes on in the other region.
async fn tells_what_it_may_not_know(guard: Option<Guard>) -> bool {
    let world = TwoRegions::new();
    let (p, q) = (world.site_without(WEST, guard), world.site(EAST));
    world.seconds(5).await;
    assert_eq!((p.fresh(1).await, q.fresh(1).await), (1, 1));
    world.seconds(1).await;
    q.west.always(Fault::Hang);
    p.east.on("take_turn", Fault::Hang);
    assert_eq!(p.invalidate().await, Invalidated::Done);
    p.west.always(Fault::Hang);
    p.east.heal();
    world.seconds(5).await;
    assert_eq!(p.active(), EAST);
    p.read(2).await.value == Ok(2)
}

/// The regions are cut off from each other for longer than what was loaded counts.
async fn counts_by_age_alone(guard: Option<Guard>) -> bool {
    let world = TwoRegions::new();
    let (p, q) = (world.site(WEST), world.site_without(EAST, guard));
    world.seconds(5).await;
    assert_eq!((p.fresh(1).await, q.fresh(1).await), (1, 1));
    p.east.always(Fault::Hang);
    q.west.always(Fault::Hang);
    world.seconds(1).await;
    assert_eq!(p.invalidate().await, Invalidated::Done);
    world.seconds(35).await;
    unflagged(&q.read(2).await) != Some(1)
}

/// A load in a region that is cut off takes long.
async fn counts_from_the_load(guard: Option<Guard>) -> bool {
    let world = TwoRegions::new();
    let (p, q) = (world.site(WEST), world.site_without(EAST, guard));
    world.seconds(5).await;
    p.east.always(Fault::Hang);
    q.west.always(Fault::Hang);
    world.seconds(10).await;
    let load = async || {
        world.seconds(20).await;
        Ok::<u32, Infallible>(1)
    };
    assert_eq!(q.cache.entry("a").observe(load).await.value, Ok(1));
    world.seconds(15).await;
    unflagged(&q.read(2).await) != Some(1)
}

/// q cannot tell the primary, and ends.
async fn leaves_word(guard: Option<Guard>) -> bool {
    let world = TwoRegions::new();
    let (p, q) = (world.site(WEST), world.site_without(EAST, guard));
    world.seconds(5).await;
    assert_eq!((p.fresh(1).await, q.fresh(1).await), (1, 1));
    q.west.always(Fault::Error(Class::Unreachable));
    world.seconds(1).await;
    assert_eq!(q.invalidate().await, Invalidated::Pending);
    q.cache.close().await;
    drop(q);
    world.seconds(8).await;
    p.fresh(2).await == 2
}

/// p sees in the other region what the primary has not been told, and could return.
async fn waits_for_what_is_owed(guard: Option<Guard>) -> bool {
    let world = TwoRegions::new();
    let (p, q) = (world.site_without(WEST, guard), world.site(EAST));
    world.seconds(5).await;
    assert_eq!((p.fresh(1).await, q.fresh(1).await), (1, 1));
    world.seconds(1).await;
    for site in [&p, &q] {
        site.west.always(Fault::Hang);
    }
    world.seconds(5).await;
    assert_eq!(p.active(), EAST);
    let (done, ()) = tokio::join!(q.invalidate(), world.seconds(2));
    assert_eq!(done, Invalidated::Pending);
    q.cache.close().await;
    drop(q);
    assert_eq!(p.read(2).await.value, Ok(2));
    // Nobody reads what is owed.
    p.east.on("read_log", Fault::Error(Class::Unreachable));
    p.west.heal();
    world.seconds(80).await;
    unflagged(&p.read(2).await) != Some(1)
}

/// q carries what p has invalidated, and the answer is lost; p carries it once more, which changes nothing any more.
async fn hears_itself(guard: Option<Guard>) -> bool {
    let world = TwoRegions::new();
    let (p, q) = (world.site(WEST), world.site_without(EAST, guard));
    p.east.always(Fault::Hang);
    world.seconds(12).await;
    assert_eq!(q.fresh(1).await, 1);
    world.seconds(1).await;
    q.east.on("remove", Fault::LostAck);
    assert_eq!(p.invalidate().await, Invalidated::Done);
    world.seconds(1).await;
    q.west.always(Fault::Hang);
    q.east.heal();
    p.east.heal();
    world.seconds(5).await;
    assert!(q.region(EAST).heard);
    q.fresh(2).await == 2
}

/// A story has to end well with a guard, and to end badly without it.
macro_rules! is_missed {
    ($name:ident, $guard:expr, $story:expr) => {
        #[tokio::test]
        async fn $name() {
            assert!($story(None).await, "with it");
            assert!(!$story(Some($guard)).await, "without it");
        }
    };
}

is_missed!(the_primary_is_told_too, Guard::BothRegions, tells_both);
is_missed!(a_region_is_told_what_it_may_not_know, Guard::Untold, tells_what_it_may_not_know);
is_missed!(a_region_that_is_not_heard_counts_by_age, Guard::Heard, counts_by_age_alone);
is_missed!(age_counts_from_the_load, Guard::LoadAge, counts_from_the_load);
is_missed!(what_the_primary_was_not_told_is_kept, Guard::Outbox, leaves_word);
is_missed!(nobody_returns_before_that_has_arrived, Guard::Drain, waits_for_what_is_owed);
is_missed!(who_pumps_hears_itself, Guard::PumpHears, hears_itself);
