//! What calls came to, and how long they took.

use athena_cache_core::{Report, SiteReport};

use super::{Family, Samples, Values};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "requests_total",
        unit: "{call}",
        help: "Calls, each once, by what they came to.",
        values: Values::Counts(|report, _, samples| {
            for site in &report.sites {
                for (result, count) in [
                    ("memory", site.memory_hits),
                    ("backend", site.backend_hits),
                    ("stale", site.stale_hits),
                    ("joined", site.joined),
                    ("miss", site.misses),
                    ("bypass", site.bypassed),
                    ("failed", site.failed),
                ] {
                    samples.add(&[("site", site.site), ("result", result)], &count);
                }
            }
        }),
    },
    Family {
        name: "degraded_total",
        unit: "{call}",
        help: "Calls answered without the backend's word.",
        values: Values::Counts(|report, _, samples| {
            each(report, samples, |site| &site.degraded_hits);
        }),
    },
    Family {
        name: "load_failures_total",
        unit: "{load}",
        help: "Loads that returned the function's error.",
        values: Values::Counts(|report, _, samples| {
            each(report, samples, |site| &site.load_failures);
        }),
    },
    Family {
        name: "load_timeouts_total",
        unit: "{load}",
        help: "Loads given up at the hard timeout.",
        values: Values::Counts(|report, _, samples| {
            each(report, samples, |site| &site.load_timeouts);
        }),
    },
    Family {
        name: "refreshes_total",
        unit: "{load}",
        help: "Loads begun in the background.",
        values: Values::Counts(|report, _, samples| {
            each(report, samples, |site| &site.refreshes);
        }),
    },
    Family {
        name: "load_duration_seconds",
        unit: "s",
        help: "What loads took that returned something to keep or to hand on.",
        values: Values::Distributions(|report, _, samples| {
            each(report, samples, |site| &site.load_time);
        }),
    },
    Family {
        name: "request_duration_seconds",
        unit: "s",
        help: "How long callers waited, by what answered; of hits in memory a sample.",
        values: Values::Distributions(|report, _, samples| {
            for wait in &report.waits {
                samples.add(&[("tier", wait.tier.name())], &wait.took);
            }
        }),
    },
    Family {
        name: "stale_age_seconds",
        unit: "s",
        help: "How old stale answers were.",
        values: Values::Distributions(|report, _, samples| {
            if let Some(all) = report.stale_age() {
                samples.add(&[], &all);
            }
        }),
    },
];

/// What there is of each function.
fn each<V>(report: &Report, samples: &mut Samples<'_, V>, of: fn(&SiteReport) -> &V) {
    for site in &report.sites {
        samples.add(&[("site", site.site)], of(site));
    }
}
