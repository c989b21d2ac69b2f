//! What was met on the way to the backend.

use athena_cache_core::{ExchangeReport, Report};

use super::{Detail, Family, Values, number};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "retries_total",
        unit: "{operation}",
        help: "Operations that were attempted again.",
        values: Values::Count(|report| report.stats.retries),
    },
    Family {
        name: "retry_budget_left",
        unit: "{operation}",
        help: "How many operations may be attempted again now.",
        values: Values::Level(|report| report.retry_budget_left.map(number)),
    },
    Family {
        name: "breaker_openings_total",
        unit: "{opening}",
        help: "How often a breaker opened.",
        values: Values::Count(|report| report.stats.breaker_openings),
    },
    Family {
        name: "reconnects_total",
        unit: "{connection}",
        help: "Connections replaced because nothing came back, or by hand.",
        values: Values::Count(|report| report.stats.reconnects),
    },
    Family {
        name: "failovers_total",
        unit: "{failover}",
        help: "How often another node took over.",
        values: Values::Counts(|report, _, samples| {
            let stats = &report.stats;
            let unplanned = stats.failovers.saturating_sub(stats.planned_failovers);
            for (cause, count) in [("planned", stats.planned_failovers), ("unplanned", unplanned)] {
                samples.add(&[("cause", cause)], &count);
            }
        }),
    },
    Family {
        name: "last_failover_timestamp_seconds",
        unit: "s",
        help: "When the last one was over.",
        values: Values::Level(|report| report.stats.last_failover.map(|at| number(at) / 1_000.0)),
    },
    Family {
        name: "last_recovery_seconds",
        unit: "s",
        help: "How long the last one took, from its first sign.",
        values: Values::Level(|report| report.stats.last_recovery.map(|took| took.as_secs_f64())),
    },
    Family {
        name: "recovery_steps_total",
        unit: "{step}",
        help: "Steps of recovery, by what came of them.",
        values: Values::Counts(|report, _, samples| {
            for counted in &report.recovery {
                let labels = [("step", counted.step.name()), ("result", counted.result.name())];
                samples.add(&labels, &counted.count);
            }
        }),
    },
    Family {
        name: "operation_duration_seconds",
        unit: "s",
        help: "What exchanges with nodes took, whatever came of them.",
        values: Values::Distributions(|report, detail, samples| {
            for exchange in &exchanges(report, detail) {
                samples.add(&labels(exchange, detail), &exchange.took);
            }
        }),
    },
    Family {
        name: "operation_failures_total",
        unit: "{operation}",
        help: "Operations that the backend did not do, by class.",
        values: Values::Counts(|report, detail, samples| {
            for exchange in &exchanges(report, detail) {
                for (class, count) in &exchange.failures {
                    let mut labels = labels(exchange, detail);
                    labels.push(("class", class));
                    samples.add(&labels, count);
                }
            }
        }),
    },
];

/// What nodes were asked for; by their addresses if they are to be shown.
fn exchanges(report: &Report, detail: Detail) -> Vec<ExchangeReport> {
    match detail {
        Detail::Endpoints => report.exchanges.clone(),
        Detail::Together => report.operations(),
    }
}

fn labels(exchange: &ExchangeReport, detail: Detail) -> Vec<(&'static str, &str)> {
    let mut labels = vec![("operation", exchange.operation)];
    if detail == Detail::Endpoints {
        labels.push(("endpoint", exchange.endpoint.as_str()));
    }
    labels
}
