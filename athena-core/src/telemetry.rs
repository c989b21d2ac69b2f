//! What happened, who hears it, and how often.
//!
//! Invariant: telemetry watches and never steers. This is the one place that names `tracing`.

pub(crate) mod collect;
pub(crate) mod event;
mod histogram;
pub(crate) mod log;
pub(crate) mod outcome;
mod recurrence;
mod sites;
pub(crate) mod stats;
pub(crate) mod timeline;
pub(crate) mod topic;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use collect::{CacheOutcomes, Collector};
pub use event::{Event, Observer};
pub use histogram::Distribution;
pub use outcome::{Outcome, Source};
pub use sites::SiteReport;
pub use stats::Stats;
pub use topic::Topic;

use sites::SiteTable;
use stats::Counters;

use crate::contained::contained;
use crate::key::Key;
use crate::tag::Tag;

/// Tells counters and observers.
#[derive(Debug)]
pub(crate) struct Telemetry {
    counters: Counters,
    sites: SiteTable,
    observers: Vec<Arc<dyn Observer>>,
    /// See [`show_keys`](crate::Settings::show_keys).
    shows_keys: bool,
    has_told_of_panic: AtomicBool,
    has_told_of_backend: AtomicBool,
}

impl Telemetry {
    pub(crate) fn new(observers: Vec<Arc<dyn Observer>>, shows_keys: bool) -> Self {
        let [has_told_of_panic, has_told_of_backend] =
            [AtomicBool::new(false), AtomicBool::new(false)];
        let (counters, sites) = (Counters::default(), SiteTable::new());
        Self { counters, sites, observers, shows_keys, has_told_of_panic, has_told_of_backend }
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

    /// What was counted.
    pub(crate) fn stats(&self) -> Stats {
        let (memory_hits, backend_hits) = self.sites.hits();
        Stats { memory_hits, backend_hits, ..self.counters.read() }
    }

    /// The same for each function.
    pub(crate) fn sites(&self) -> Vec<SiteReport> {
        self.sites.read()
    }

    /// Counts a fresh hit, which is told to observers that ask for it.
    #[inline]
    pub(crate) fn hit(
        &self,
        (site, source): (Option<u32>, Source),
        age: impl FnOnce() -> Duration,
        key: impl FnOnce() -> Topic,
    ) {
        self.sites.hit(site, source);
        collect::hit(age);
        if self.observers.iter().any(|observer| observer.wants_hits()) {
            self.tell_hit(source, &key());
        }
    }

    #[cold]
    fn tell_hit(&self, source: Source, key: &Topic) {
        for observer in self.observers.iter().filter(|observer| observer.wants_hits()) {
            self.pass_on(&**observer, &Event::Hit { key, source });
        }
    }
}
