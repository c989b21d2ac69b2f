//! Regions that cannot be.

use std::time::Duration;

use athena_cache::testing::MemoryBackend;
use athena_cache::{Builder, Cache, RegionReplication, RegionSettings, Settings};

use super::{EAST, WEST};

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
