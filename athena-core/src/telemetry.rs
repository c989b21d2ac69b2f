//! What happened, who hears it, and how often.
//!
//! Invariant: telemetry watches and never steers. This is the one place that names `tracing`.

pub(crate) mod event;
pub(crate) mod log;
pub(crate) mod outcome;
pub(crate) mod stats;

use std::sync::Arc;

pub use event::{Event, Observer};
pub use outcome::{Outcome, Source};
pub use stats::Stats;

use stats::Counters;

/// Tells counters and observers.
#[derive(Debug)]
pub(crate) struct Telemetry {
    pub(crate) counters: Counters,
    observers: Vec<Arc<dyn Observer>>,
}

impl Telemetry {
    pub(crate) fn new(observers: Vec<Arc<dyn Observer>>) -> Self {
        Self { counters: Counters::default(), observers }
    }

    /// Counts an event and passes it on, in the task in which it happened.
    pub(crate) fn tell(&self, event: &Event<'_>) {
        self.counters.count(event);
        for observer in &self.observers {
            observer.observe(event);
        }
    }

    /// Counts a fresh hit, which is told to observers that ask for it.
    #[inline]
    pub(crate) fn hit(&self, source: Source, key: impl FnOnce() -> String) {
        self.counters.hit(source);
        if self.observers.iter().any(|observer| observer.wants_hits()) {
            let key = key();
            for observer in self.observers.iter().filter(|observer| observer.wants_hits()) {
                observer.observe(&Event::Hit { key: &key, source });
            }
        }
    }
}
