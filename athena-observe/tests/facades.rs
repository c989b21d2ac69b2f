//! What facades are told is what was counted; nothing of it holds a key.
#![cfg(all(feature = "metrics", feature = "opentelemetry"))]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::cast_precision_loss, reason = "counts of a test are small")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use athena_cache_core::testing::MemoryBackend;
use athena_cache_core::{Builder, Cache};
use athena_cache_observe::metrics::{MetricsObserver, Publisher};
use athena_cache_observe::otel::{OtelObserver, attach};
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ScopeMetrics};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};

/// One miss, two hits, one secret.
async fn used(builder: Builder) -> Cache {
    let cache = builder.backend(MemoryBackend::new()).build().unwrap();
    for _ in 0..3 {
        let entry = cache.entry("user:secret").tags(["secret-tag"]);
        entry.get_or_load(async || Ok::<_, std::io::Error>(1_u8)).await.unwrap();
        cache.settle().await;
    }
    cache.health_checks().report().await;
    cache
}

/// Series by name and labels; of a histogram how many there were.
type Series = Arc<Mutex<BTreeMap<String, f64>>>;

#[derive(Debug, Clone, Default)]
struct Kept(Series);

#[derive(Debug)]
struct One(Series, String);

impl One {
    fn change(&self, change: impl FnOnce(&mut f64)) {
        change(self.0.lock().unwrap().entry(self.1.clone()).or_default());
    }
}

impl CounterFn for One {
    fn increment(&self, by: u64) {
        self.change(|value| *value += by as f64);
    }

    fn absolute(&self, count: u64) {
        self.change(|value| *value = count as f64);
    }
}

impl GaugeFn for One {
    fn increment(&self, by: f64) {
        self.change(|value| *value += by);
    }

    fn decrement(&self, by: f64) {
        self.change(|value| *value -= by);
    }

    fn set(&self, to: f64) {
        self.change(|value| *value = to);
    }
}

impl HistogramFn for One {
    fn record(&self, _: f64) {
        self.change(|value| *value += 1.0);
    }
}

impl Kept {
    fn one(&self, key: &Key) -> Arc<One> {
        let labels: Vec<_> =
            key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        Arc::new(One(Arc::clone(&self.0), name))
    }
}

impl Recorder for Kept {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.one(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.one(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.one(key))
    }
}

#[tokio::test(flavor = "current_thread")]
async fn the_facade_of_metrics_is_told_what_was_counted() {
    let kept = Kept::default();
    let _installed = metrics::set_default_local_recorder(&kept);
    let cache = used(Cache::builder("shop").observer(MetricsObserver::new("shop"))).await;
    let publisher = Publisher::new();
    for _ in 0..2 {
        publisher.publish(&cache.report());
    }
    let series = kept.0.lock().unwrap();
    for (name, value) in [
        ("athena_cache_requests_total{cache=shop,site=by hand,result=memory}", 2.0),
        ("athena_cache_requests_total{cache=shop,site=by hand,result=miss}", 1.0),
        ("athena_cache_request_duration_seconds{cache=shop,tier=load}", 1.0),
        ("athena_cache_load_duration_seconds{cache=shop,site=by hand}", 1.0),
        ("athena_cache_operation_duration_seconds{cache=shop,operation=fill}", 1.0),
        ("athena_cache_health_status{cache=shop,check=distributed_cache}", 0.0),
        ("athena_cache_nodes{cache=shop}", 1.0),
    ] {
        assert_eq!(series.get(name), Some(&value), "{name} in {series:#?}");
    }
    assert!(!format!("{series:?}").contains("secret"));
}

#[tokio::test(flavor = "current_thread")]
async fn a_gauge_of_what_is_gone_does_not_stay_as_it_was() {
    let kept = Kept::default();
    let _installed = metrics::set_default_local_recorder(&kept);
    let (shop, mail) = (used(Cache::builder("shop")).await, used(Cache::builder("mail")).await);
    let publisher = Publisher::new();
    let mut report = shop.report();
    for report in [&report, &mail.report()] {
        publisher.publish(report);
    }
    let history = report.nodes[0].history.clone().expect("it was asked");
    let one = |name: &str| kept.0.lock().unwrap()[name];
    let node = format!("athena_cache_node_info{{cache=shop,role=primary,history={history}}}");
    let check = "athena_cache_health_status{cache=shop,check=journal}";
    assert_eq!((one(&node), one(check)), (1.0, 0.0));
    // The node is gone, and nobody has asked the checks for long.
    (report.nodes, report.checks) = (Vec::new(), None);
    publisher.publish(&report);
    assert_eq!(one(&node).to_string(), "0", "it is none in use");
    assert!(one(check).is_nan(), "it is not known");
    let other = "athena_cache_health_status{cache=mail,check=journal}";
    assert_eq!(one(other).to_string(), "0", "of another cache it is");
    publisher.publish(&shop.report());
    assert_eq!((one(&node), one(check)), (1.0, 0.0), "it is back");
}

#[tokio::test(flavor = "current_thread")]
async fn opentelemetry_is_told_what_was_counted() {
    let exporter = InMemoryMetricExporter::default();
    let reader = PeriodicReader::builder(exporter.clone()).build();
    let provider = SdkMeterProvider::builder().with_reader(reader).build();
    let meter = provider.meter("shop");
    let cache = used(Cache::builder("shop").observer(OtelObserver::new(&meter, "shop"))).await;
    attach(&meter, &cache);
    provider.force_flush().unwrap();
    let mut series: BTreeMap<String, f64> = BTreeMap::new();
    for resource in exporter.get_finished_metrics().unwrap() {
        for metric in resource.scope_metrics().flat_map(ScopeMetrics::metrics) {
            let mut add = |attributes: Vec<String>, value: f64| {
                series.insert(format!("{}{{{}}}", metric.name(), attributes.join(",")), value);
            };
            let told = |it: &mut dyn Iterator<Item = &opentelemetry::KeyValue>| {
                let mut told: Vec<_> = it.map(|it| format!("{}={}", it.key, it.value)).collect();
                told.sort();
                told
            };
            match metric.data() {
                AggregatedMetrics::U64(MetricData::Sum(sum)) => {
                    for point in sum.data_points() {
                        add(told(&mut point.attributes()), point.value() as f64);
                    }
                }
                AggregatedMetrics::F64(MetricData::Gauge(gauge)) => {
                    for point in gauge.data_points() {
                        add(told(&mut point.attributes()), point.value());
                    }
                }
                AggregatedMetrics::F64(MetricData::Histogram(histogram)) => {
                    for point in histogram.data_points() {
                        add(told(&mut point.attributes()), point.count() as f64);
                    }
                }
                other => panic!("{}: {other:?}", metric.name()),
            }
        }
    }
    for (name, value) in [
        ("athena_cache.requests{cache=shop,result=memory,site=by hand}", 2.0),
        ("athena_cache.request.duration{cache=shop,tier=load}", 1.0),
        ("athena_cache.load.duration{cache=shop,site=by hand}", 1.0),
        (
            "db.client.operation.duration{cache=shop,db.operation.name=fill,db.system.name=redis}",
            1.0,
        ),
        ("athena_cache.health.status{cache=shop,check=cache}", 0.0),
    ] {
        assert_eq!(series.get(name), Some(&value), "{name} in {series:#?}");
    }
    assert!(!format!("{series:?}").contains("secret"));
}
