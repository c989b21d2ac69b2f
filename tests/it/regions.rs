//! A namespace in two regions, as the processes of both use it (A23–A35).

use std::convert::Infallible;
use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::{Chaos, ChaosBackend, Fault, ManualClock, MemoryBackend};
use athena_cache::{
    Builder, Cache, Invalidated, Observed, RegionSettings, RegionStatus, Resilience, Settings,
};

use crate::world::once;

const EAST: &str = "east";
const WEST: &str = "west";
const STEP: Duration = Duration::from_millis(100);
const TTL: Duration = Duration::from_secs(3_600);

/// Two stores that know nothing of each other; the primary is in the west.
struct TwoRegions {
    clock: ManualClock,
    west: MemoryBackend,
    east: MemoryBackend,
}

/// A process, and its ways to both regions.
struct Site {
    cache: Cache,
    west: Chaos,
    east: Chaos,
}

impl TwoRegions {
    fn new() -> Self {
        let clock = ManualClock::new();
        let [west, east] = [(); 2].map(|()| MemoryBackend::with_clock(&clock));
        Self { clock, west, east }
    }

    fn site(&self, prefer: &str) -> Site {
        self.site_with(prefer, |builder| builder)
    }

    fn site_with(&self, prefer: &str, change: impl FnOnce(Builder) -> Builder) -> Site {
        let mut settings = Settings::default();
        let mut regions = RegionSettings::new(WEST, [EAST]);
        regions.prefer = Some(prefer.to_owned());
        settings.regions = Some(regions);
        settings.resilience = once(Resilience::default());
        settings.ttl = TTL;
        let way = |store: &MemoryBackend| ChaosBackend::with_clock(store.clone(), 1, &self.clock);
        let (west, east) = (way(&self.west), way(&self.east));
        let (to_west, to_east) = (west.chaos(), east.chaos());
        let builder = Cache::builder("test").settings(settings).clock(&self.clock).seed(1);
        let builder = change(builder).region(WEST, west).region(EAST, east);
        Site { cache: builder.build().unwrap(), west: to_west, east: to_east }
    }

    /// Lets time pass, and everybody do what they do meanwhile.
    async fn pass(&self, duration: Duration) {
        let mut left = duration;
        while !left.is_zero() {
            let step = left.min(STEP);
            self.clock.advance(step);
            left -= step;
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
        }
    }

    async fn seconds(&self, seconds: u64) {
        self.pass(Duration::from_secs(seconds)).await;
    }
}

impl Site {
    fn active(&self) -> String {
        let regions = self.cache.regions();
        regions.into_iter().find(|region| region.active).unwrap().name
    }

    fn region(&self, name: &str) -> RegionStatus {
        self.cache.regions().into_iter().find(|region| region.name == name).unwrap()
    }

    /// What a call is answered while the source has this value.
    async fn read(&self, source: u32) -> Observed<Result<u32, Infallible>> {
        self.cache.entry("a").observe(async || Ok(source)).await
    }

    /// The value of a call that nobody flagged.
    async fn fresh(&self, source: u32) -> u32 {
        let seen = self.read(source).await;
        assert!(!seen.outcome.degraded && !seen.outcome.stale, "{seen:?}");
        seen.value.unwrap()
    }

    async fn invalidate(&self) -> Invalidated {
        self.cache.entry("a").invalidate().await
    }
}

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
