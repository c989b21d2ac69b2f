//! What happened, who hears it, and how often.
//!
//! Invariant: telemetry watches and never steers. This is the one place that names `tracing`.

pub(crate) mod collect;
pub(crate) mod event;
mod exchanges;
mod histogram;
mod hot;
pub(crate) mod log;
pub(crate) mod outcome;
mod recurrence;
mod sites;
pub(crate) mod span;
pub(crate) mod stats;
mod tiers;
pub(crate) mod timeline;
pub(crate) mod topic;
mod window;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use collect::{CacheOutcomes, Collector};
pub use event::{Event, Observer};
pub use exchanges::ExchangeReport;
pub use histogram::Distribution;
pub use hot::HotEntry;
pub use outcome::{Outcome, Source};
pub use sites::SiteReport;
pub use stats::Stats;
pub use tiers::{Answerer, WaitReport};
pub use topic::Topic;
pub use window::{History, Rates, SiteRates};

use exchanges::Exchanges;
use hot::HotList;
use sites::SiteTable;
use stats::Counters;
use tiers::Waits;
use timeline::{Occurrence, Timeline};
use window::{CounterSample, RateWindow, SiteTotals, Totals};

use crate::backend::{Class, Node};
use crate::clock::Tick;
use crate::contained::contained;
use crate::key::Key;
use crate::lock::Mutex;
use crate::moment::Moment;
use crate::tag::Tag;

/// Tells counters and observers.
#[derive(Debug)]
pub(crate) struct Telemetry {
    counters: Counters,
    sites: SiteTable,
    waits: Waits,
    exchanges: Exchanges,
    hot: HotList,
    timeline: Timeline,
    window: Mutex<RateWindow>,
    observers: Vec<Arc<dyn Observer>>,
    /// See [`show_keys`](crate::Settings::show_keys).
    shows_keys: bool,
    has_told_of_panic: AtomicBool,
    has_told_of_backend: AtomicBool,
}

impl Telemetry {
    pub(crate) fn new(observers: Vec<Arc<dyn Observer>>, shows_keys: bool, now: Tick) -> Self {
        let [has_told_of_panic, has_told_of_backend] =
            [AtomicBool::new(false), AtomicBool::new(false)];
        Self {
            counters: Counters::default(),
            sites: SiteTable::new(),
            waits: Waits::new(),
            exchanges: Exchanges::new(),
            hot: HotList::default(),
            timeline: Timeline::default(),
            window: Mutex::new(RateWindow::new(now)),
            observers,
            shows_keys,
            has_told_of_panic,
            has_told_of_backend,
        }
    }

    /// The entry of a call of a function, or of one that is named by hand.
    #[inline(never)]
    pub(crate) fn topic(&self, key: &Key, site: Option<u32>) -> Topic {
        Topic::of_call(key, site, self.shows_keys)
    }

    /// An entry of which the key alone is at hand.
    pub(crate) fn topic_of_key(&self, key: &Key) -> Topic {
        Topic::of_key(key, self.shows_keys)
    }

    pub(crate) fn topic_of_tag(&self, tag: &Tag) -> Topic {
        Topic::of_tag(tag, self.shows_keys)
    }

    /// Counts an event and passes it on, in the task in which it happened.
    pub(crate) fn tell(&self, event: &Event<'_>) {
        self.counters.count(event);
        self.sites.count(event);
        collect::tell(event);
        self.timeline.hear(event);
        for observer in &self.observers {
            self.pass_on(&**observer, event);
        }
    }

    /// Tells an observer; that it panics is logged once, and nobody else's matter.
    fn pass_on(&self, observer: &dyn Observer, event: &Event<'_>) {
        if let Err(panic) = contained(|| observer.observe(event))
            && !self.has_told_of_panic.swap(true, Ordering::Relaxed)
        {
            log::observer_panicked(&panic);
        }
    }

    /// Logs once that a backend panics.
    pub(crate) fn backend_panicked(&self, endpoint: &str, panic: &str) {
        if !self.has_told_of_backend.swap(true, Ordering::Relaxed) {
            log::backend_panicked(endpoint, panic);
        }
    }

    /// Counts a fresh hit, which is told to observers that ask for it; tells whether it is one of the sample.
    #[inline]
    pub(crate) fn hit(&self, site: Option<u32>, source: Source, key: &impl Fn() -> Topic) -> bool {
        let is_sampled = self.sites.hit(site, source);
        if self.observers.iter().any(|observer| observer.wants_hits()) {
            self.tell_hit(source, &key());
        }
        is_sampled
    }

    #[cold]
    fn tell_hit(&self, source: Source, key: &Topic) {
        for observer in self.observers.iter().filter(|observer| observer.wants_hits()) {
            self.pass_on(&**observer, &Event::Hit { key, source });
        }
    }

    /// Takes in a hit of the sample: how long it took, and which entry it was, by a hash of its key.
    #[cold]
    pub(crate) fn sampled(&self, took: Duration, hash: u64, key: &impl Fn() -> Topic) {
        self.waits.add(Answerer::Memory, took);
        self.hot.offer(hash, key);
    }

    /// A call was answered that memory did not answer at once.
    pub(crate) fn answered(&self, outcome: &Outcome, took: Duration, key: impl FnOnce() -> Topic) {
        collect::answered(took);
        if let Some(tier) = Answerer::of(outcome) {
            self.waits.add(tier, took);
        }
        if self.wants_calls() {
            self.tell_call(&Event::Answered { key: &key(), outcome, took });
        }
    }

    /// A node was asked for something, once.
    pub(crate) fn asked(
        &self,
        (node, operation): (Node, &'static str),
        took: Duration,
        class: Option<Class>,
        endpoint: impl Fn() -> String,
    ) {
        self.exchanges.count((node, operation), Some(took), class, &endpoint);
        if self.wants_calls() {
            let endpoint = &endpoint();
            self.tell_call(&Event::Asked { endpoint, operation, took, class });
        }
    }

    /// A node would have been asked, and was not.
    pub(crate) fn unasked(
        &self,
        (node, operation): (Node, &'static str),
        class: Class,
        endpoint: impl FnOnce() -> String,
    ) {
        self.exchanges.count((node, operation), None, Some(class), endpoint);
    }

    fn wants_calls(&self) -> bool {
        self.observers.iter().any(|observer| observer.wants_calls())
    }

    #[cold]
    fn tell_call(&self, event: &Event<'_>) {
        for observer in self.observers.iter().filter(|observer| observer.wants_calls()) {
            self.pass_on(&**observer, event);
        }
    }
}

/// What was counted, for whoever reports it.
impl Telemetry {
    /// What was counted.
    pub(crate) fn stats(&self) -> Stats {
        let (memory_hits, backend_hits) = self.sites.hits();
        Stats { memory_hits, backend_hits, ..self.counters.read() }
    }

    /// The same for each function.
    pub(crate) fn sites(&self) -> Vec<SiteReport> {
        self.sites.read()
    }

    /// How long callers waited.
    pub(crate) fn waits(&self) -> Vec<WaitReport> {
        self.waits.read()
    }

    /// What nodes were asked for.
    pub(crate) fn exchanges(&self) -> Vec<ExchangeReport> {
        self.exchanges.read()
    }

    pub(crate) fn hot(&self) -> Vec<HotEntry> {
        self.hot.read()
    }

    pub(crate) fn timeline(&self) -> Vec<Occurrence> {
        self.timeline.read()
    }

    /// Keeps a sample of the counters if one is due.
    pub(crate) fn sample(&self, now: Tick) {
        let is_due = self.window.lock().is_due(now);
        if is_due {
            let counted = self.counted(now);
            self.window.lock().note(counted);
        }
    }

    /// What was done of late.
    pub(crate) fn rates(&self, now: Tick, over: Duration) -> Rates {
        self.sample(now);
        let counted = self.counted(now);
        self.window.lock().rates(&counted, over)
    }

    /// What was done since the beginning, at most three hours back.
    pub(crate) fn history(&self, now: Tick) -> History {
        self.sample(now);
        self.window.lock().history()
    }

    fn counted(&self, at: Tick) -> CounterSample {
        let stats = self.stats();
        let totals = Totals {
            memory: stats.memory_hits,
            backend: stats.backend_hits,
            stale: stats.stale_hits,
            joined: stats.joined,
            misses: stats.misses,
            bypassed: stats.bypassed,
            failed: stats.failed,
            slow: self.waits.slow(),
            sampled: self.waits.of(Answerer::Memory).total(),
            loads: stats.loads,
            load_failures: stats.load_failures + stats.load_timeouts,
            exchanges: self.exchanges.total(),
        };
        let sites = self.sites.totals(|site, calls, hits, failures| SiteTotals {
            site,
            calls,
            hits,
            failures,
        });
        CounterSample { at, moment: Moment::now(), totals, sites }
    }
}
