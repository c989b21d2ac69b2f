//! Figures and histograms through the facade of the `metrics` crate, whatever recorder is installed.
//!
//! Histograms of calls that memory does not answer at once, and of exchanges with the backend, are recorded as they
//! happen; a hit in memory costs nothing. Counters are those of the cache, and are handed over by [`publish`] whenever
//! you call it: before each scrape, or now and then.
//!
//! ```
//! # fn main() -> Result<(), athena_cache_core::Error> {
//! use athena_cache_core::Cache;
//! use athena_cache_observe::metrics::{MetricsObserver, publish};
//!
//! let cache = Cache::builder("shop").observer(MetricsObserver::new("shop")).build()?;
//! // Before a scrape:
//! publish(&cache.report());
//! # Ok(())
//! # }
//! ```
//!
//! Names and labels are those of [`prometheus`](crate::prometheus).

use athena_cache_core::{Answerer, Event, Observer, Report};
use metrics::{Label, counter, gauge, histogram};

use crate::figures::{Value, figures};

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

/// Hands the counters and gauges of a report to the recorder.
pub fn publish(report: &Report) {
    for figure in figures(report) {
        let name = format!("athena_cache_{}", figure.name);
        let labels: Vec<Label> =
            figure.labels.into_iter().map(|(label, value)| Label::new(label, value)).collect();
        match figure.value {
            Value::Counter(count) => counter!(name, labels).absolute(count),
            Value::Gauge(value) => gauge!(name, labels).set(value),
        }
    }
}
