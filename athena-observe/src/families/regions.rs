//! What is told of the regions of a namespace; nothing where a cache has none.

use athena_cache_core::{RegionStatus, Report};

use super::{Family, Samples, Values, number};

/// In the order in which they are told.
pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "region_active",
        unit: "{region}",
        help: "Whether this process uses the region.",
        values: Values::Levels(|report, _, samples| {
            each(report, samples, |region| Some(number(region.active.into())));
        }),
    },
    Family {
        name: "region_heard",
        unit: "{region}",
        help: "Whether the region is known to follow the primary.",
        values: Values::Levels(|report, _, samples| {
            each(report, samples, |region| Some(number(region.heard.into())));
        }),
    },
    Family {
        name: "region_untold",
        unit: "{invalidation}",
        help: "Invalidations of this process that it was not told of.",
        values: Values::Levels(|report, _, samples| {
            each(report, samples, |region| Some(number(region.untold as u64)));
        }),
    },
    Family {
        name: "region_parked",
        unit: "{record}",
        help: "Records that it has rejected from this process.",
        values: Values::Levels(|report, _, samples| {
            each(report, samples, |region| Some(number(region.parked)));
        }),
    },
    Family {
        name: "region_lag_seconds",
        unit: "s",
        help: "How old the last word is by which the region follows the primary.",
        values: Values::Levels(|report, _, samples| {
            each(report, samples, |region| region.lag.map(|known| known.as_secs_f64()));
        }),
    },
];

fn each(report: &Report, samples: &mut Samples<'_, f64>, value: fn(&RegionStatus) -> Option<f64>) {
    for region in &report.regions {
        if let Some(known) = value(region) {
            samples.add(&[("region", &region.name)], &known);
        }
    }
}
