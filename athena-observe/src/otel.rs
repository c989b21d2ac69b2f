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
    for (name, kind, unit) in NAMES {
        let instrument = named(name);
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

/// What [`figures`] may hold, and in what it is counted: instruments are made before there are any.
///
/// What is counted in things is annotated and not `1`, which exporters take for a ratio.
const NAMES: [(&str, InstrumentKind, &str); 34] = [
    ("requests_total", InstrumentKind::Counter, "{call}"),
    ("degraded_total", InstrumentKind::Counter, "{call}"),
    ("load_failures_total", InstrumentKind::Counter, "{load}"),
    ("load_timeouts_total", InstrumentKind::Counter, "{load}"),
    ("refreshes_total", InstrumentKind::Counter, "{load}"),
    ("fills_total", InstrumentKind::Counter, "{value}"),
    ("unreadable_total", InstrumentKind::Counter, "{entry}"),
    ("unwritable_total", InstrumentKind::Counter, "{value}"),
    ("invalidations_total", InstrumentKind::Counter, "{invalidation}"),
    ("journaled_total", InstrumentKind::Counter, "{invalidation}"),
    ("retries_total", InstrumentKind::Counter, "{operation}"),
    ("breaker_openings_total", InstrumentKind::Counter, "{opening}"),
    ("reconnects_total", InstrumentKind::Counter, "{connection}"),
    ("not_kept_total", InstrumentKind::Counter, "{value}"),
    ("operation_failures_total", InstrumentKind::Counter, "{operation}"),
    ("failovers_total", InstrumentKind::Counter, "{failover}"),
    ("journal_entries", InstrumentKind::Gauge, "{invalidation}"),
    ("journal_oldest_seconds", InstrumentKind::Gauge, "s"),
    ("entries", InstrumentKind::Gauge, "{entry}"),
    ("entries_max", InstrumentKind::Gauge, "{entry}"),
    ("entry_bytes", InstrumentKind::Gauge, "By"),
    ("last_failover_timestamp_seconds", InstrumentKind::Gauge, "s"),
    ("last_recovery_seconds", InstrumentKind::Gauge, "s"),
    ("health_status", InstrumentKind::Gauge, "{status}"),
    ("health_check_seconds", InstrumentKind::Gauge, "s"),
    ("nodes", InstrumentKind::Gauge, "{node}"),
    ("nodes_ready", InstrumentKind::Gauge, "{node}"),
    ("nodes_trusted", InstrumentKind::Gauge, "{node}"),
    ("nodes_untrusted", InstrumentKind::Gauge, "{node}"),
    ("replication_offset_lag_bytes", InstrumentKind::Gauge, "By"),
    ("replication_lag_seconds", InstrumentKind::Gauge, "s"),
    ("operations_in_flight", InstrumentKind::Gauge, "{operation}"),
    ("breakers", InstrumentKind::Gauge, "{breaker}"),
    ("node_info", InstrumentKind::Gauge, "{node}"),
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

/// The name of an instrument, in which its unit does not stand.
fn named(name: &str) -> String {
    let ends = ["_total", "_seconds", "_bytes"];
    let name = ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    format!("athena_cache.{}", name.replace('_', "."))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What exporters for Prometheus call an instrument, by the rules that OpenTelemetry has for that.
    fn exported(instrument: &str, kind: InstrumentKind, unit: &str) -> String {
        let name = instrument.replace('.', "_");
        let unit = match (unit, kind) {
            ("s", _) => "_seconds",
            ("By", _) => "_bytes",
            ("1", InstrumentKind::Gauge) => "_ratio",
            ("1", InstrumentKind::Counter) => "",
            (annotation, _) if annotation.starts_with('{') && annotation.ends_with('}') => "",
            (other, _) => panic!("{other} is no unit that is known here"),
        };
        let total = if kind == InstrumentKind::Counter { "_total" } else { "" };
        format!("{name}{unit}{total}")
    }

    #[test]
    fn instruments_are_named_as_their_conventions_ask() {
        for (name, instrument) in [
            ("requests_total", "athena_cache.requests"),
            ("journal_oldest_seconds", "athena_cache.journal.oldest"),
            ("entry_bytes", "athena_cache.entry"),
        ] {
            assert_eq!(named(name), instrument);
        }
        let names: BTreeSet<_> = NAMES.iter().map(|(name, ..)| named(name)).collect();
        assert_eq!(names.len(), NAMES.len(), "each is an instrument of its own");
    }

    #[test]
    fn what_exporters_make_of_them_is_what_rules_and_panels_ask_for() {
        for (name, kind, unit) in NAMES {
            assert_eq!(exported(&named(name), kind, unit), format!("athena_cache_{name}"));
        }
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
            let is_it =
                |(name, of, _): &(&str, InstrumentKind, &str)| *name == figure.name && *of == kind;
            assert!(NAMES.iter().any(is_it), "{figure:?}");
        }
    }
}
