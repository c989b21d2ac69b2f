//! A namespace in two regions, as the processes of both use it (A23–A35).

mod guards;
mod missed;
mod promises;
mod settings;
mod shown;
mod switches;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use athena_cache::testing::{Chaos, ChaosBackend, Guard, ManualClock, MemoryBackend};
use athena_cache::{
    Builder, Cache, Event, Invalidated, Observed, Observer, RegionSettings, RegionStatus,
    Resilience, Settings,
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

    /// A process that lacks a guard, if one is named.
    fn site_without(&self, prefer: &str, guard: Option<Guard>) -> Site {
        self.site_with(prefer, |builder| match guard {
            Some(guard) => builder.without(guard),
            None => builder,
        })
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
