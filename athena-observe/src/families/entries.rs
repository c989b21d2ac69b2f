//! What became of values, and what waits.

use super::{Family, Values, number};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "fills_total",
        unit: "{value}",
        help: "Values that the backend took.",
        values: Values::Count(|report| report.stats.fills),
    },
    Family {
        name: "unreadable_total",
        unit: "{entry}",
        help: "Entries that could not be read.",
        values: Values::Count(|report| report.stats.unreadable),
    },
    Family {
        name: "unwritable_total",
        unit: "{value}",
        help: "Values that could not be written.",
        values: Values::Count(|report| report.stats.unwritable),
    },
    Family {
        name: "invalidations_total",
        unit: "{invalidation}",
        help: "Entries, tags and namespaces invalidated.",
        values: Values::Count(|report| report.stats.invalidations),
    },
    Family {
        name: "journaled_total",
        unit: "{invalidation}",
        help: "Invalidations that had to wait for the backend.",
        values: Values::Count(|report| report.stats.journaled),
    },
    Family {
        name: "not_kept_total",
        unit: "{value}",
        help: "Values that were not kept, or not sent.",
        values: Values::Counts(|report, _, samples| {
            let stats = &report.stats;
            for (reason, count) in [
                ("invalidated", stats.refused),
                ("lease_held", stats.leases_held_elsewhere),
                ("overloaded", stats.dropped_writes),
                ("too_large", stats.too_large),
                ("panicked", stats.panicked),
            ] {
                samples.add(&[("reason", reason)], &count);
            }
        }),
    },
    Family {
        name: "journal_entries",
        unit: "{invalidation}",
        help: "Invalidations that wait for the backend.",
        values: Values::Level(|report| Some(number(report.stats.journal_depth))),
    },
    Family {
        name: "journal_oldest_seconds",
        unit: "s",
        help: "How long the oldest of them has waited.",
        values: Values::Level(|report| Some(report.stats.journal_age.as_secs_f64())),
    },
    Family {
        name: "entries",
        unit: "{entry}",
        help: "Entries in memory.",
        values: Values::Level(|report| Some(number(report.stats.memory_entries))),
    },
    Family {
        name: "entries_max",
        unit: "{entry}",
        help: "Most entries that memory holds.",
        values: Values::Level(|report| Some(number(report.max_entries))),
    },
    Family {
        name: "entry_bytes",
        unit: "By",
        help: "Bytes that they take, as far as is known.",
        values: Values::Level(|report| Some(number(report.stats.memory_bytes))),
    },
];
