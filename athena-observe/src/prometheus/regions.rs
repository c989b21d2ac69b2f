//! What is written of the regions of a report.

use athena_cache_core::{RegionStatus, Report};

use super::families::Row;
use super::text::{Kind, Text};

/// How the regions fare; nothing where no cache has any.
pub(super) fn regions(text: &mut Text, reports: &[Report]) {
    if reports.iter().all(|report| report.regions.is_empty()) {
        return;
    }
    let gauges: [Row<RegionStatus, u64>; 4] = [
        ("region_active", "Whether this process uses the region.", |region| region.active.into()),
        ("region_heard", "Whether the region is known to follow the primary.", |region| {
            region.heard.into()
        }),
        ("region_untold", "Invalidations of this process that it was not told of.", |region| {
            region.untold as u64
        }),
        ("region_parked", "Records that it has rejected from this process.", |region| {
            region.parked
        }),
    ];
    for (name, help, value) in gauges {
        let mut family = text.family(Kind::Gauge, name, help);
        for (cache, region) in each(reports) {
            family.sample(&[("cache", cache), ("region", &region.name)], value(region));
        }
    }
    let help = "How old the last word is by which the region follows the primary.";
    let mut lag = text.family(Kind::Gauge, "region_lag_seconds", help);
    for (cache, region) in each(reports) {
        if let Some(known) = region.lag {
            lag.sample(&[("cache", cache), ("region", &region.name)], known.as_secs_f64());
        }
    }
}

fn each(reports: &[Report]) -> impl Iterator<Item = (&str, &RegionStatus)> {
    reports
        .iter()
        .flat_map(|report| report.regions.iter().map(move |region| (report.cache.as_str(), region)))
}
