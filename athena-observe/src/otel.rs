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

use athena_cache_core::{Answerer, Cache, Distribution, Event, Observer};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter};

use crate::families::{Values, families};
use crate::figures::{Figure, Value, figures};

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
            requests: histogram("athena_cache.request.duration", &Distribution::TIMES),
            loads: histogram("athena_cache.load.duration", &Distribution::TIMES),
            exchanges: histogram("db.client.operation.duration", &Distribution::TIMES),
            ages: histogram("athena_cache.stale.age", &Distribution::AGES),
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
    for family in families() {
        let (name, unit, instrument) = (family.name, family.unit, named(family.name));
        let shared = Arc::clone(&shared);
        let of_name = move || -> Vec<(Value, Vec<KeyValue>)> {
            let figures = shared.figures();
            let of_name = figures.iter().filter(|figure| figure.name == name);
            of_name.map(|figure| (figure.value, attributes(figure))).collect()
        };
        match family.values {
            Values::Count(_) | Values::Counts(_) => {
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
            Values::Level(_) | Values::Levels(_) => {
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
            // Recorded as they happen.
            Values::Distributions(_) => {}
        }
    }
}

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
mod tests;
