//! What a report counts, one figure by one, for facades that take figures.
//!
//! Invariant: names, labels and values are those of the text for Prometheus; histograms are not among them, since no
//! facade takes finished ones.

use athena_cache_core::{BreakerState, Health, Report};

/// One number of a report.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    /// As in the text for Prometheus, without `athena_cache_`.
    pub(crate) name: &'static str,
    pub(crate) labels: Vec<(&'static str, String)>,
    pub(crate) value: Value,
}

/// What kind of a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value {
    /// It only grows.
    Counter(u64),
    Gauge(f64),
}

/// All figures of a report.
pub(crate) fn figures(report: &Report) -> Vec<Figure> {
    let mut figures = Figures { cache: &report.cache, all: Vec::new() };
    calls(&mut figures, report);
    values(&mut figures, report);
    backend(&mut figures, report);
    nodes(&mut figures, report);
    figures.all
}

struct Figures<'a> {
    cache: &'a str,
    all: Vec<Figure>,
}

impl Figures<'_> {
    fn count(&mut self, name: &'static str, labels: &[(&'static str, &str)], count: u64) {
        self.add(name, labels, Value::Counter(count));
    }

    fn gauge(&mut self, name: &'static str, labels: &[(&'static str, &str)], value: f64) {
        self.add(name, labels, Value::Gauge(value));
    }

    fn add(&mut self, name: &'static str, labels: &[(&'static str, &str)], value: Value) {
        let all = [("cache", self.cache)].into_iter().chain(labels.iter().copied());
        let labels = all.map(|(label, value)| (label, value.to_owned())).collect();
        self.all.push(Figure { name, labels, value });
    }
}

fn calls(figures: &mut Figures<'_>, report: &Report) {
    for site in &report.sites {
        let of = ("site", site.site);
        for (result, count) in [
            ("memory", site.memory_hits),
            ("backend", site.backend_hits),
            ("stale", site.stale_hits),
            ("joined", site.joined),
            ("miss", site.misses),
            ("bypass", site.bypassed),
            ("failed", site.failed),
        ] {
            figures.count("requests_total", &[of, ("result", result)], count);
        }
        for (name, count) in [
            ("degraded_total", site.degraded_hits),
            ("load_failures_total", site.load_failures),
            ("load_timeouts_total", site.load_timeouts),
            ("refreshes_total", site.refreshes),
        ] {
            figures.count(name, &[of], count);
        }
    }
}

fn values(figures: &mut Figures<'_>, report: &Report) {
    let stats = &report.stats;
    for (name, count) in [
        ("fills_total", stats.fills),
        ("unreadable_total", stats.unreadable),
        ("unwritable_total", stats.unwritable),
        ("invalidations_total", stats.invalidations),
        ("journaled_total", stats.journaled),
        ("retries_total", stats.retries),
        ("breaker_openings_total", stats.breaker_openings),
        ("reconnects_total", stats.reconnects),
    ] {
        figures.count(name, &[], count);
    }
    for (reason, count) in [
        ("invalidated", stats.refused),
        ("lease_held", stats.leases_held_elsewhere),
        ("overloaded", stats.dropped_writes),
        ("too_large", stats.too_large),
        ("panicked", stats.panicked),
    ] {
        figures.count("not_kept_total", &[("reason", reason)], count);
    }
    for (name, value) in [
        ("journal_entries", number(stats.journal_depth)),
        ("journal_oldest_seconds", stats.journal_age.as_secs_f64()),
        ("entries", number(stats.memory_entries)),
        ("entries_max", number(report.max_entries)),
        ("entry_bytes", number(stats.memory_bytes)),
    ] {
        figures.gauge(name, &[], value);
    }
}

fn backend(figures: &mut Figures<'_>, report: &Report) {
    let stats = &report.stats;
    for exchange in report.operations() {
        for (class, count) in &exchange.failures {
            let labels = [("operation", exchange.operation), ("class", class)];
            figures.count("operation_failures_total", &labels, *count);
        }
    }
    let unplanned = stats.failovers.saturating_sub(stats.planned_failovers);
    for (cause, count) in [("planned", stats.planned_failovers), ("unplanned", unplanned)] {
        figures.count("failovers_total", &[("cause", cause)], count);
    }
    if let Some(at) = stats.last_failover {
        figures.gauge("last_failover_timestamp_seconds", &[], number(at) / 1_000.0);
    }
    if let Some(took) = stats.last_recovery {
        figures.gauge("last_recovery_seconds", &[], took.as_secs_f64());
    }
}

fn nodes(figures: &mut Figures<'_>, report: &Report) {
    figures.gauge("health_status", &[("check", "cache")], severity(report.health));
    for (check, entry) in report.checks.iter().flat_map(|checks| &checks.entries) {
        if let Some(status) = entry.status {
            figures.gauge("health_status", &[("check", check)], severity(status));
        }
        figures.gauge("health_check_seconds", &[("check", check)], entry.took.as_secs_f64());
    }
    let lag = report.replica_lag();
    for (name, lag) in
        [("replication_offset_lag_bytes", lag.bytes), ("replication_lag_seconds", lag.seconds)]
    {
        if let Some(lag) = lag {
            figures.gauge(name, &[], number(lag));
        }
    }
    let nodes = &report.nodes;
    let count = |is: fn(&athena_cache_core::NodeStatus) -> bool| {
        number(nodes.iter().filter(|node| is(node)).count() as u64)
    };
    let in_flight: usize = nodes.iter().map(|node| node.in_flight).sum();
    for (name, value) in [
        ("nodes", number(nodes.len() as u64)),
        ("nodes_ready", count(|node| node.ready)),
        ("nodes_trusted", count(|node| node.trusted)),
        ("nodes_untrusted", number(report.untrusted)),
        ("operations_in_flight", number(in_flight as u64)),
    ] {
        figures.gauge(name, &[], value);
    }
    for state in STATES {
        let serving = nodes.iter().filter(|node| node.breaker == state).count();
        let storing = nodes.iter().filter(|node| node.write_breaker == state).count();
        for (traffic, count) in [("serving", serving), ("storing", storing)] {
            let labels = [("traffic", traffic), ("state", state.name())];
            figures.gauge("breakers", &labels, number(count as u64));
        }
    }
    for history in nodes.iter().filter_map(|node| node.history.as_deref()) {
        figures.gauge("node_info", &[("role", "primary"), ("history", history)], 1.0);
    }
}

pub(crate) const STATES: [BreakerState; 5] = [
    BreakerState::Closed,
    BreakerState::Open,
    BreakerState::HalfOpen,
    BreakerState::Isolated,
    BreakerState::Disabled,
];

fn severity(health: Health) -> f64 {
    match health {
        Health::Healthy => 0.0,
        Health::Degraded => 1.0,
        // What is not known here is no better.
        _ => 2.0,
    }
}

/// These systems count in floating point.
#[expect(
    clippy::cast_precision_loss,
    reason = "what is beyond 53 bits is no longer counted one by one"
)]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use athena_cache_core::Cache;
    use athena_cache_core::backend::Class;
    use athena_cache_core::testing::{ChaosBackend, Fault, MemoryBackend};

    use super::*;
    use crate::prometheus::Exposition;

    #[tokio::test]
    async fn each_figure_is_what_prometheus_is_told_and_all_but_histograms_are_there() {
        let backend = ChaosBackend::new(MemoryBackend::new(), 1);
        let chaos = backend.chaos();
        let cache = Cache::builder("shop").backend(backend).build().unwrap();
        for number in 0..3 {
            cache.entry("a").get_or_load(async || Ok::<_, std::io::Error>(number)).await.unwrap();
            cache.settle().await;
        }
        chaos.always(Fault::Error(Class::Unreachable));
        let _ = cache.invalidate("a").await;
        cache.health_checks().report().await;
        let report = cache.report();
        let text = Exposition::new().render(std::slice::from_ref(&report));
        let figures = figures(&report);
        for Figure { name, labels, value } in &figures {
            let labels: Vec<_> =
                labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
            let value = match value {
                Value::Counter(count) => count.to_string(),
                Value::Gauge(value) => value.to_string(),
            };
            let line = format!("athena_cache_{name}{{{}}} {value}\n", labels.join(","));
            assert!(text.contains(&line), "{line} in {text}");
        }
        let names: BTreeSet<_> = figures.iter().map(|figure| figure.name).collect();
        let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE athena_cache_"));
        let families = families.filter_map(|line| line.split_once(' '));
        let rest: BTreeSet<_> =
            families.filter(|(_, kind)| *kind != "histogram").map(|(name, _)| name).collect();
        assert_eq!(names, rest);
    }
}
