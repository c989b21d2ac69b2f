//! Figures and histograms through the facade of the `metrics` crate, whatever recorder is installed.
//!
//! Histograms of calls that memory does not answer at once, and of exchanges with the backend, are recorded as they
//! happen; a hit in memory costs nothing. Counters are those of the cache, and are handed over by a [`Publisher`]
//! whenever you ask it to: before each scrape, or now and then.
//!
//! ```
//! # fn main() -> Result<(), athena_cache_core::Error> {
//! use athena_cache_core::Cache;
//! use athena_cache_observe::metrics::{MetricsObserver, Publisher};
//!
//! let cache = Cache::builder("shop").observer(MetricsObserver::new("shop")).build()?;
//! let publisher = Publisher::new();
//! // Before a scrape:
//! publisher.publish(&cache.report());
//! # Ok(())
//! # }
//! ```
//!
//! Names and labels are those of [`prometheus`](crate::prometheus).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use athena_cache_core::{Answerer, Event, Observer, Report};
use metrics::{Label, counter, gauge, histogram};

use crate::figures::{Figure, Value, figures};

/// Records how long callers and exchanges wait; one for each cache.
#[derive(Debug, Clone)]
pub struct MetricsObserver {
    cache: String,
}

impl MetricsObserver {
    /// For the cache of this namespace.
    pub fn new(cache: impl Into<String>) -> Self {
        Self { cache: cache.into() }
    }

    fn labels(&self, name: &'static str, value: &'static str) -> Vec<Label> {
        vec![Label::new("cache", self.cache.clone()), Label::from_static_parts(name, value)]
    }
}

impl Observer for MetricsObserver {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::Answered { outcome, took, .. } => {
                let Some(tier) = Answerer::of(outcome) else { return };
                let labels = self.labels("tier", tier.name());
                histogram!("athena_cache_request_duration_seconds", labels).record(*took);
            }
            Event::Loaded { took, .. } => {
                let labels = self.labels("site", event.site().unwrap_or("by hand"));
                histogram!("athena_cache_load_duration_seconds", labels).record(*took);
            }
            Event::Asked { operation, took, .. } => {
                let labels = self.labels("operation", operation);
                histogram!("athena_cache_operation_duration_seconds", labels).record(*took);
            }
            Event::Stale { age, .. } => {
                let labels = vec![Label::new("cache", self.cache.clone())];
                histogram!("athena_cache_stale_age_seconds", labels).record(*age);
            }
            _ => {}
        }
    }

    fn wants_calls(&self) -> bool {
        true
    }
}

/// Hands the counters and gauges of reports to the recorder; one for all caches of a process, kept for as long as it
/// publishes.
///
/// The facade has no way to take a gauge back. One that a later report of the same cache does not have any more, as of a
/// node that is gone or a check that found nothing out, is set: to 0 where it says that something is so (`node_info`),
/// else to NaN, which says that nothing is known.
#[derive(Debug, Default)]
pub struct Publisher {
    /// The gauges of each cache that the recorder holds.
    told: Mutex<BTreeMap<String, BTreeSet<Series>>>,
}

/// A name, and its labels with their values.
type Series = (&'static str, Vec<(&'static str, String)>);

impl Publisher {
    /// One that has published nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands over what a report counts.
    pub fn publish(&self, report: &Report) {
        let mut present = BTreeSet::new();
        for Figure { name, labels, value } in figures(report) {
            match value {
                Value::Counter(count) => counter!(full(name), told(&labels)).absolute(count),
                Value::Gauge(value) => {
                    gauge!(full(name), told(&labels)).set(value);
                    present.insert((name, labels));
                }
            }
        }
        let mut all = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.insert(report.cache.clone(), present.clone()).unwrap_or_default();
        drop(all);
        for (name, labels) in before.difference(&present) {
            let nothing = if *name == "node_info" { 0.0 } else { f64::NAN };
            gauge!(full(name), told(labels)).set(nothing);
        }
    }
}

fn full(name: &str) -> String {
    format!("athena_cache_{name}")
}

fn told(labels: &[(&'static str, String)]) -> Vec<Label> {
    labels.iter().map(|(label, value)| Label::new(*label, value.clone())).collect()
}
