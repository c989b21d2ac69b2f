//! Figures and histograms through OpenTelemetry's API, whatever SDK is installed.
//!
//! Histograms of calls that memory does not answer at once, and of exchanges with the backend, are recorded as they
//! happen; a hit in memory costs nothing. Counters are those of the cache, and are read when the SDK collects.
//!
//! ```
//! # fn main() -> Result<(), athena_cache_core::Error> {
//! use athena_cache_core::Cache;
//! use athena_cache_observe::otel::{OtelObserver, attach};
//!
//! let meter = opentelemetry::global::meter("shop");
//! let cache = Cache::builder("shop").observer(OtelObserver::new(&meter, "shop")).build()?;
//! attach(&meter, &cache);
//! # Ok(())
//! # }
//! ```
//!
//! Names are those of [`prometheus`](crate::prometheus) with dots and without what tells unit and kind:
//! `athena_cache.requests` for `athena_cache_requests_total`. Exchanges are `db.client.operation.duration`, with the
//! attributes that its conventions ask for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use athena_cache_core::{Answerer, Cache, Event, Observer};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter};

use crate::figures::{Figure, Value, figures};

/// Bounds of times, in seconds: those of the cache's own histograms.
const TIMES: [f64; 16] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];
/// Bounds of ages, in seconds.
const AGES: [f64; 9] = [1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 21_600.0, 86_400.0];

/// All instruments of one collection are read from one report, unless it takes longer than this.
const ONE_COLLECTION: Duration = Duration::from_millis(100);

/// Records how long callers and exchanges wait; one for each cache.
#[derive(Debug, Clone)]
pub struct OtelObserver {
    cache: KeyValue,
    addresses: bool,
    requests: Histogram<f64>,
    loads: Histogram<f64>,
    exchanges: Histogram<f64>,
    ages: Histogram<f64>,
}

impl OtelObserver {
    /// For the cache of this namespace; without addresses of nodes.
    pub fn new(meter: &Meter, cache: impl Into<String>) -> Self {
        let histogram = |name: &'static str, bounds: &[f64]| {
            meter.f64_histogram(name).with_unit("s").with_boundaries(bounds.to_vec()).build()
        };
        Self {
            cache: KeyValue::new("cache", cache.into()),
            addresses: false,
            requests: histogram("athena_cache.request.duration", &TIMES),
            loads: histogram("athena_cache.load.duration", &TIMES),
            exchanges: histogram("db.client.operation.duration", &TIMES),
            ages: histogram("athena_cache.stale.age", &AGES),
        }
    }

    /// Whether exchanges tell the address of their node.
    #[must_use]
    pub fn addresses(self, addresses: bool) -> Self {
        Self { addresses, ..self }
    }

    fn exchange(&self, event: &Event<'_>) -> Option<(f64, Vec<KeyValue>)> {
        let Event::Asked { endpoint, operation, took, class, .. } = event else { return None };
        let mut attributes = vec![
            self.cache.clone(),
            KeyValue::new("db.system.name", "redis"),
            KeyValue::new("db.operation.name", *operation),
        ];
        if let Some(class) = class {
            attributes.push(KeyValue::new("error.type", class.name()));
        }
        if self.addresses {
            let (host, port) = match endpoint.rsplit_once(':') {
                Some((host, port)) => (host, port.parse::<i64>().ok()),
                None => (*endpoint, None),
            };
            attributes.push(KeyValue::new("server.address", host.to_owned()));
            attributes.extend(port.map(|port| KeyValue::new("server.port", port)));
        }
        Some((took.as_secs_f64(), attributes))
    }
}

impl Observer for OtelObserver {
    fn observe(&self, event: &Event<'_>) {
        let with = |name: &'static str, value: &'static str| {
            [self.cache.clone(), KeyValue::new(name, value)]
        };
        match event {
            Event::Answered { outcome, took, .. } => {
                if let Some(tier) = Answerer::of(outcome) {
                    self.requests.record(took.as_secs_f64(), &with("tier", tier.name()));
                }
            }
            Event::Loaded { took, .. } => {
                let site = event.site().unwrap_or("by hand");
                self.loads.record(took.as_secs_f64(), &with("site", site));
            }
            Event::Stale { age, .. } => {
                self.ages.record(age.as_secs_f64(), std::slice::from_ref(&self.cache));
            }
            Event::Asked { .. } => {
                if let Some((took, attributes)) = self.exchange(event) {
                    self.exchanges.record(took, &attributes);
                }
            }
            _ => {}
        }
    }

    fn wants_calls(&self) -> bool {
        true
    }
}

/// Has the counters and gauges of a cache read whenever the SDK collects.
///
/// The meter's provider keeps the cache alive from then on. Call it once for each cache.
pub fn attach(meter: &Meter, cache: &Cache) {
    let shared = Arc::new(Shared { cache: cache.clone(), latest: Mutex::new(None) });
    for (name, kind) in NAMES {
        let (instrument, unit) = named(name);
        let shared = Arc::clone(&shared);
        let of_name = move || -> Vec<(Value, Vec<KeyValue>)> {
            let figures = shared.figures();
            let of_name = figures.iter().filter(|figure| figure.name == name);
            of_name.map(|figure| (figure.value, attributes(figure))).collect()
        };
        match kind {
            InstrumentKind::Counter => {
                let counter = meter.u64_observable_counter(instrument).with_unit(unit);
                let observed = counter.with_callback(move |observer| {
                    for (value, attributes) in of_name() {
                        if let Value::Counter(count) = value {
                            observer.observe(count, &attributes);
                        }
                    }
                });
                observed.build();
            }
            InstrumentKind::Gauge => {
                let gauge = meter.f64_observable_gauge(instrument).with_unit(unit);
                let observed = gauge.with_callback(move |observer| {
                    for (value, attributes) in of_name() {
                        if let Value::Gauge(value) = value {
                            observer.observe(value, &attributes);
                        }
                    }
                });
                observed.build();
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InstrumentKind {
    Counter,
    Gauge,
}

/// What [`figures`] may hold: instruments are made before there are any.
const NAMES: [(&str, InstrumentKind); 31] = [
    ("requests_total", InstrumentKind::Counter),
    ("degraded_total", InstrumentKind::Counter),
    ("load_failures_total", InstrumentKind::Counter),
    ("load_timeouts_total", InstrumentKind::Counter),
    ("refreshes_total", InstrumentKind::Counter),
    ("fills_total", InstrumentKind::Counter),
    ("unreadable_total", InstrumentKind::Counter),
    ("unwritable_total", InstrumentKind::Counter),
    ("invalidations_total", InstrumentKind::Counter),
    ("journaled_total", InstrumentKind::Counter),
    ("retries_total", InstrumentKind::Counter),
    ("breaker_openings_total", InstrumentKind::Counter),
    ("reconnects_total", InstrumentKind::Counter),
    ("not_kept_total", InstrumentKind::Counter),
    ("operation_failures_total", InstrumentKind::Counter),
    ("failovers_total", InstrumentKind::Counter),
    ("journal_entries", InstrumentKind::Gauge),
    ("journal_oldest_seconds", InstrumentKind::Gauge),
    ("entries", InstrumentKind::Gauge),
    ("entries_max", InstrumentKind::Gauge),
    ("entry_bytes", InstrumentKind::Gauge),
    ("last_failover_timestamp_seconds", InstrumentKind::Gauge),
    ("last_recovery_seconds", InstrumentKind::Gauge),
    ("health_status", InstrumentKind::Gauge),
    ("health_check_seconds", InstrumentKind::Gauge),
    ("nodes", InstrumentKind::Gauge),
    ("nodes_ready", InstrumentKind::Gauge),
    ("nodes_trusted", InstrumentKind::Gauge),
    ("operations_in_flight", InstrumentKind::Gauge),
    ("breakers", InstrumentKind::Gauge),
    ("node_info", InstrumentKind::Gauge),
];

/// A cache, and its figures of a moment ago.
struct Shared {
    cache: Cache,
    latest: Mutex<Option<(Instant, Arc<Vec<Figure>>)>>,
}

impl Shared {
    fn figures(&self) -> Arc<Vec<Figure>> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        match &*latest {
            Some((at, figures)) if at.elapsed() < ONE_COLLECTION => Arc::clone(figures),
            _ => {
                let figures = Arc::new(figures(&self.cache.report()));
                *latest = Some((Instant::now(), Arc::clone(&figures)));
                figures
            }
        }
    }
}

fn attributes(figure: &Figure) -> Vec<KeyValue> {
    figure.labels.iter().map(|(label, value)| KeyValue::new(*label, value.clone())).collect()
}

/// The name of an instrument, and its unit.
fn named(name: &str) -> (String, &'static str) {
    let name = name.strip_suffix("_total").unwrap_or(name);
    let (name, unit) = match (name.strip_suffix("_seconds"), name.strip_suffix("_bytes")) {
        (Some(name), _) => (name, "s"),
        (_, Some(name)) => (name, "By"),
        _ => (name, "1"),
    };
    (format!("athena_cache.{}", name.replace('_', ".")), unit)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn instruments_are_named_as_their_conventions_ask() {
        for (name, instrument, unit) in [
            ("requests_total", "athena_cache.requests", "1"),
            ("journal_oldest_seconds", "athena_cache.journal.oldest", "s"),
            ("entry_bytes", "athena_cache.entry", "By"),
        ] {
            assert_eq!(named(name), (instrument.to_owned(), unit));
        }
        let names: BTreeSet<_> = NAMES.iter().map(|(name, _)| named(name).0).collect();
        assert_eq!(names.len(), NAMES.len(), "each is an instrument of its own");
    }

    #[tokio::test]
    async fn every_figure_has_an_instrument_of_its_kind() {
        let cache = Cache::builder("shop")
            .backend(athena_cache_core::testing::MemoryBackend::new())
            .build()
            .unwrap();
        cache.entry("a").get::<u8>().await.unwrap();
        cache.health_checks().report().await;
        for figure in figures(&cache.report()) {
            let kind = match figure.value {
                Value::Counter(_) => InstrumentKind::Counter,
                Value::Gauge(_) => InstrumentKind::Gauge,
            };
            assert!(NAMES.contains(&(figure.name, kind)), "{figure:?}");
        }
    }
}
