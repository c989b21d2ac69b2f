//! What is told while things happen: records, spans, events, and the figures of facades.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use athena_cache::{Event, Observer};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use super::needles::Reader;
use super::outputs::Outputs;

/// Collects all of it, for this process; clones are the same.
#[derive(Debug, Clone)]
pub struct Heard {
    log: Sink,
    events: Sink,
    facade: Sink,
    exported: InMemoryMetricExporter,
    provider: SdkMeterProvider,
}

impl Heard {
    /// From now on; once in a process.
    pub fn listen() -> Self {
        let [log, events, facade] = std::array::from_fn(|_| Sink::default());
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE);
        let subscriber =
            subscriber.with_span_events(FmtSpan::CLOSE).with_ansi(false).without_time();
        subscriber.with_writer(move || writer.clone()).init();
        let installed = metrics::set_global_recorder(Named(facade.clone()));
        assert!(installed.is_ok(), "nobody else records");
        let exported = InMemoryMetricExporter::default();
        let reader = PeriodicReader::builder(exported.clone()).build();
        let provider = SdkMeterProvider::builder().with_reader(reader).build();
        Self { log, events, facade, exported, provider }
    }

    pub fn meter(&self) -> Meter {
        self.provider.meter("leaks")
    }

    /// Notes events as they show.
    pub fn observer(&self) -> impl Observer + use<> {
        Shown(self.events.clone())
    }

    /// What came since it was read last.
    pub fn read(&self, outputs: &mut Outputs) {
        self.provider.force_flush().expect("it is kept in memory");
        let finished = self.exported.get_finished_metrics().expect("it is kept in memory");
        outputs.show("opentelemetry", Reader::Operator, &finished);
        self.exported.reset();
        // What else runs in this process has its own promises.
        let log = self.log.take().into_iter().filter(|line| line.contains("athena_cache"));
        outputs.add("log", Reader::Operator, log.collect::<Vec<_>>().join("\n"));
        for (place, heard) in [("event", &self.events), ("facade", &self.facade)] {
            let lines: Vec<_> = heard.take().into_iter().collect();
            outputs.add(place, Reader::Operator, lines.join("\n"));
        }
    }
}

/// Lines, each once.
#[derive(Debug, Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn note(&self, text: &str) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.extend(text.as_bytes());
        noted.push(b'\n');
    }

    fn take(&self) -> BTreeSet<String> {
        let taken = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let text = String::from_utf8(taken).expect("texts were written");
        text.lines().map(str::to_owned).collect()
    }
}

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct Shown(Sink);

impl Observer for Shown {
    fn observe(&self, event: &Event<'_>) {
        self.0.note(&format!("{event:?} {event:#?}"));
    }

    fn wants_hits(&self) -> bool {
        true
    }
}

/// Notes how series are named.
#[derive(Debug)]
struct Named(Sink);

impl Named {
    fn note(&self, key: &Key) {
        self.0.note(&format!("{key:?}"));
    }
}

impl Recorder for Named {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.note(key);
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.note(key);
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.note(key);
        Histogram::noop()
    }
}
