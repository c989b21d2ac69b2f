//! What is written of a report, family by family.

use athena_cache_core::{Report, SiteReport};

use super::text::{Kind, Labels, Text};

/// A family of which each has one value: its name, what it is, and where that stands.
pub(super) type Row<Of, Value> = (&'static str, &'static str, fn(&Of) -> Value);

/// What calls came to.
pub(super) fn calls(text: &mut Text, reports: &[Report]) {
    let mut requests =
        text.family(Kind::Counter, "requests_total", "Calls, each once, by what they came to.");
    each_site(reports, |labels, site| {
        for (result, count) in [
            ("memory", site.memory_hits),
            ("backend", site.backend_hits),
            ("stale", site.stale_hits),
            ("joined", site.joined),
            ("miss", site.misses),
            ("bypass", site.bypassed),
            ("failed", site.failed),
        ] {
            requests.sample(&[labels[0], labels[1], ("result", result)], count);
        }
    });
    let counters: [Row<SiteReport, u64>; 4] = [
        ("degraded_total", "Calls answered without the backend's word.", |site| site.degraded_hits),
        ("load_failures_total", "Loads that returned the function's error.", |site| {
            site.load_failures
        }),
        ("load_timeouts_total", "Loads given up at the hard timeout.", |site| site.load_timeouts),
        ("refreshes_total", "Loads begun in the background.", |site| site.refreshes),
    ];
    for (name, help, count) in counters {
        let mut family = text.family(Kind::Counter, name, help);
        each_site(reports, |labels, site| family.sample(labels, count(site)));
    }
    let help = "What loads took that returned something to keep or to hand on.";
    let mut loads = text.family(Kind::Histogram, "load_duration_seconds", help);
    each_site(reports, |labels, site| loads.distribution(labels, &site.load_time));
    let help = "How long callers waited, by what answered; of hits in memory a sample.";
    let mut waits = text.family(Kind::Histogram, "request_duration_seconds", help);
    for report in reports {
        for wait in &report.waits {
            waits.distribution(&[("cache", &report.cache), ("tier", wait.tier.name())], &wait.took);
        }
    }
    let mut ages = text.family(Kind::Histogram, "stale_age_seconds", "How old stale answers were.");
    for report in reports {
        if let Some(all) = report.stale_age() {
            ages.distribution(&[("cache", &report.cache)], &all);
        }
    }
}

/// What became of values.
pub(super) fn entries(text: &mut Text, reports: &[Report]) {
    let counters: [Row<Report, u64>; 5] = [
        ("fills_total", "Values that the backend took.", |report| report.stats.fills),
        ("unreadable_total", "Entries that could not be read.", |report| report.stats.unreadable),
        ("unwritable_total", "Values that could not be written.", |report| report.stats.unwritable),
        ("invalidations_total", "Entries, tags and namespaces invalidated.", |report| {
            report.stats.invalidations
        }),
        ("journaled_total", "Invalidations that had to wait for the backend.", |report| {
            report.stats.journaled
        }),
    ];
    for (name, help, count) in counters {
        each(text, Kind::Counter, (name, help), reports, |report| Some(count(report)));
    }
    let mut not_kept =
        text.family(Kind::Counter, "not_kept_total", "Values that were not kept, or not sent.");
    for report in reports {
        let stats = &report.stats;
        for (reason, count) in [
            ("invalidated", stats.refused),
            ("lease_held", stats.leases_held_elsewhere),
            ("overloaded", stats.dropped_writes),
            ("too_large", stats.too_large),
            ("panicked", stats.panicked),
        ] {
            not_kept.sample(&[("cache", &report.cache), ("reason", reason)], count);
        }
    }
    let gauges: [Row<Report, f64>; 5] = [
        ("journal_entries", "Invalidations that wait for the backend.", |report| {
            number(report.stats.journal_depth)
        }),
        ("journal_oldest_seconds", "How long the oldest of them has waited.", |report| {
            report.stats.journal_age.as_secs_f64()
        }),
        ("entries", "Entries in memory.", |report| number(report.stats.memory_entries)),
        ("entries_max", "Most entries that memory holds.", |report| number(report.max_entries)),
        ("entry_bytes", "Bytes that they take, as far as is known.", |report| {
            number(report.stats.memory_bytes)
        }),
    ];
    for (name, help, value) in gauges {
        each(text, Kind::Gauge, (name, help), reports, |report| Some(value(report)));
    }
}

/// What was met on the way to the backend.
pub(super) fn backend(text: &mut Text, reports: &[Report]) {
    let counters: [Row<Report, u64>; 3] = [
        ("retries_total", "Operations that were attempted again.", |report| report.stats.retries),
        ("breaker_openings_total", "How often a breaker opened.", |report| {
            report.stats.breaker_openings
        }),
        ("reconnects_total", "Connections replaced because nothing came back.", |report| {
            report.stats.reconnects
        }),
    ];
    for (name, help, count) in counters {
        each(text, Kind::Counter, (name, help), reports, |report| Some(count(report)));
    }
    let mut failovers =
        text.family(Kind::Counter, "failovers_total", "How often another node took over.");
    for report in reports {
        let stats = &report.stats;
        let unplanned = stats.failovers.saturating_sub(stats.planned_failovers);
        for (cause, count) in [("planned", stats.planned_failovers), ("unplanned", unplanned)] {
            failovers.sample(&[("cache", &report.cache), ("cause", cause)], count);
        }
    }
    let last = ("last_failover_timestamp_seconds", "When the last one was over.");
    each(text, Kind::Gauge, last, reports, |report| {
        report.stats.last_failover.map(|at| number(at) / 1_000.0)
    });
    let recovery = ("last_recovery_seconds", "How long the last one took, from its first sign.");
    each(text, Kind::Gauge, recovery, reports, |report| {
        report.stats.last_recovery.map(|took| took.as_secs_f64())
    });
}

fn each_site(reports: &[Report], mut write: impl FnMut(&[(&'static str, &str); 2], &SiteReport)) {
    for report in reports {
        for site in &report.sites {
            write(&[("cache", &report.cache), ("site", site.site)], site);
        }
    }
}

pub(super) fn each<V: std::fmt::Display>(
    text: &mut Text,
    kind: Kind,
    (name, help): (&'static str, &'static str),
    reports: &[Report],
    value: impl Fn(&Report) -> Option<V>,
) {
    let mut family = text.family(kind, name, help);
    for report in reports {
        if let Some(value) = value(report) {
            let labels: Labels<'_> = &[("cache", &report.cache)];
            family.sample(labels, value);
        }
    }
}

/// Prometheus counts in floating point.
#[expect(
    clippy::cast_precision_loss,
    reason = "what is beyond 53 bits is no longer counted one by one"
)]
fn number(count: u64) -> f64 {
    count as f64
}
