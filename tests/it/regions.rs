//! A namespace in two regions, as the processes of both use it (A23–A35).

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::{Chaos, ChaosBackend, Fault, ManualClock, MemoryBackend};
use athena_cache::{
    Builder, Cache, Event, Health, Invalidated, Observed, Observer, RegionReplication,
    RegionSettings, RegionStanding, RegionStatus, Resilience, Settings,
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

#[test]
fn a24_regions_that_cannot_be_are_refused_with_what_to_do() {
    let refusal = |change: fn(Builder, Settings) -> Builder| {
        let mut settings = Settings::default();
        settings.regions = Some(RegionSettings::new(WEST, [EAST]));
        change(Cache::builder("test"), settings).build().unwrap_err().to_string()
    };
    for (text, message) in [
        (
            refusal(|it, settings| it.settings(settings).region(WEST, MemoryBackend::new())),
            "region `east` has no store: give it one with `Builder::region`",
        ),
        (
            refusal(|it, settings| {
                let it = it
                    .settings(settings)
                    .region(WEST, MemoryBackend::new())
                    .region(EAST, MemoryBackend::new());
                it.region(EAST, MemoryBackend::new())
            }),
            "region `east` is given a store twice",
        ),
        (
            refusal(|it, settings| {
                let it = it
                    .settings(settings)
                    .region(WEST, MemoryBackend::new())
                    .region(EAST, MemoryBackend::new());
                it.region("north", MemoryBackend::new())
            }),
            "region `north` is given a store, expected one of `west`, `east`",
        ),
        (
            refusal(|it, settings| {
                let it = it
                    .settings(settings)
                    .region(WEST, MemoryBackend::new())
                    .region(EAST, MemoryBackend::new());
                it.backend(MemoryBackend::new())
            }),
            "there are a backend and `regions`",
        ),
        (refusal(|it, _| it.region(WEST, MemoryBackend::new())), "no `regions` are set"),
        (
            refusal(|it, mut settings| {
                let regions = settings.regions.as_mut().unwrap();
                regions.replication = RegionReplication::Values;
                it.settings(settings)
                    .region(WEST, MemoryBackend::new())
                    .region(EAST, MemoryBackend::new())
            }),
            "`regions.replication` is Values, which this version cannot do",
        ),
        (
            refusal(|it, mut settings| {
                let regions = settings.regions.as_mut().unwrap();
                regions.source_lag = Duration::from_secs(1);
                it.settings(settings)
                    .region(WEST, MemoryBackend::new())
                    .region(EAST, MemoryBackend::new())
            }),
            "`regions.source_lag` is 1s, which this version cannot do",
        ),
    ] {
        assert!(text.contains(message), "{text}");
    }
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

/// Counts events by their names.
#[derive(Debug, Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn count(&self, name: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|told| *told == name).count()
    }
}

impl Observer for Told {
    fn observe(&self, event: &Event<'_>) {
        let shown = format!("{event:?}");
        let name = shown.split([' ', '{']).next().unwrap_or_default().to_owned();
        self.0.lock().unwrap().push(name);
    }
}
