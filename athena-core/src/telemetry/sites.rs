//! What is counted for each function.
//!
//! Invariant: every call is counted for exactly one of them, and a fresh hit adds to one place in memory that no other
//! thread writes to.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::event::Event;
use super::histogram::{AGES, Distribution, Histogram, MICROS, NANOS, TIMES};
use super::hot::SAMPLED;
use super::outcome::Source;
use super::stats::Striped;
use crate::key::site;

/// Functions that are counted by themselves; the rest is counted together.
const SITES: usize = 256;

/// What is counted for the functions that are called on a cache.
#[derive(Debug)]
pub(crate) struct SiteTable {
    sites: Box<[OnceLock<Box<SiteCounters>>]>,
    /// Entries that are named by hand.
    by_hand: SiteCounters,
    /// Functions beyond those that are counted by themselves.
    others: SiteCounters,
}

/// What is counted for one function.
#[derive(Debug)]
struct SiteCounters {
    memory_hits: Striped,
    backend_hits: Striped,
    stale_hits: AtomicU64,
    degraded_hits: AtomicU64,
    misses: AtomicU64,
    joined: AtomicU64,
    bypassed: AtomicU64,
    failed: AtomicU64,
    load_failures: AtomicU64,
    load_timeouts: AtomicU64,
    refreshes: AtomicU64,
    load_time: Histogram<{ TIMES.len() }>,
    stale_age: Histogram<{ AGES.len() }>,
}

/// What a cache has done for one function.
///
/// Each call counts once among the first eight but `degraded_hits`, which is of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SiteReport {
    /// The function by its name or path; `by hand` is what [`Cache::entry`](crate::Cache::entry) names, `other` what is
    /// beyond the first 256 functions.
    pub site: &'static str,
    /// Calls answered fresh from memory.
    pub memory_hits: u64,
    /// Calls answered fresh from the backend.
    pub backend_hits: u64,
    /// Calls answered with a stale value.
    pub stale_hits: u64,
    /// Of these three, calls that were answered without the backend's word.
    pub degraded_hits: u64,
    /// Calls that ran the function.
    pub misses: u64,
    /// Calls that got the result of another call's load.
    pub joined: u64,
    /// Calls that ran the function with no cache involved.
    pub bypassed: u64,
    /// Calls that got an error since the backend could not answer: `FailFast`, and those that only look.
    pub failed: u64,
    /// Loads that returned the function's error.
    pub load_failures: u64,
    /// Loads given up at the hard timeout.
    pub load_timeouts: u64,
    /// Background loads begun.
    pub refreshes: u64,
    /// How long loads took that returned something to remember or to hand on.
    pub load_time: Distribution,
    /// How old stale answers were.
    pub stale_age: Distribution,
}

impl SiteReport {
    /// All calls.
    pub fn calls(&self) -> u64 {
        let answered = self.memory_hits + self.backend_hits + self.stale_hits;
        answered + self.misses + self.joined + self.bypassed + self.failed
    }
}

impl SiteTable {
    pub(crate) fn new() -> Self {
        let sites = (0..SITES).map(|_| OnceLock::new()).collect();
        Self { sites, by_hand: SiteCounters::new(), others: SiteCounters::new() }
    }

    /// Counts a fresh hit; tells whether it is one of the sample.
    #[inline]
    pub(crate) fn hit(&self, site: Option<u32>, source: Source) -> bool {
        let counters = self.of(site);
        if source == Source::Memory {
            // The first of each thread is not typical: its memory is cold.
            return counters.memory_hits.add() % SAMPLED == SAMPLED - 1;
        }
        counters.backend_hits.add();
        false
    }

    /// Counts what a call came to.
    pub(crate) fn count(&self, event: &Event<'_>) {
        let Some(topic) = event.about() else { return };
        let counters = self.of(topic.site());
        let counter = match event {
            Event::Stale { age, .. } => {
                counters.stale_age.add(*age);
                &counters.stale_hits
            }
            Event::Loaded { took, .. } => return counters.load_time.add(*took),
            Event::Degraded { .. } => &counters.degraded_hits,
            Event::Miss { .. } => &counters.misses,
            Event::Joined { .. } => &counters.joined,
            Event::Bypassed { .. } => &counters.bypassed,
            Event::Failed { .. } => &counters.failed,
            Event::LoadFailed { .. } => &counters.load_failures,
            Event::LoadTimedOut { .. } => &counters.load_timeouts,
            Event::Refreshing { .. } => &counters.refreshes,
            _ => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Fresh hits of all, by tier.
    pub(super) fn hits(&self) -> (u64, u64) {
        self.all().fold((0, 0), |(memory, backend), (_, counters)| {
            (memory + counters.memory_hits.sum(), backend + counters.backend_hits.sum())
        })
    }

    /// Those that were called, in the order in which they were called first; what is not by itself last.
    pub(crate) fn read(&self) -> Vec<SiteReport> {
        let read = self.all().map(|(site, counters)| counters.read(site));
        read.filter(|report| report.calls() + report.load_time.count + report.refreshes > 0)
            .collect()
    }

    /// Calls, hits and failed loads of each that was called.
    pub(crate) fn totals<T>(&self, with: impl Fn(&'static str, u64, u64, u64) -> T) -> Vec<T> {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let totals = self.all().filter_map(|(site, of)| {
            let hits = of.memory_hits.sum() + of.backend_hits.sum() + read(&of.stale_hits);
            let ran = read(&of.misses) + read(&of.joined) + read(&of.bypassed);
            let calls = hits + ran + read(&of.failed);
            let failures = read(&of.load_failures) + read(&of.load_timeouts);
            (calls > 0).then(|| with(site, calls, hits, failures))
        });
        totals.collect()
    }

    #[inline]
    fn of(&self, site: Option<u32>) -> &SiteCounters {
        let Some(site) = site else { return &self.by_hand };
        let place = usize::try_from(site).ok().and_then(|place| self.sites.get(place));
        match place {
            Some(counters) => counters.get_or_init(|| Box::new(SiteCounters::new())),
            None => &self.others,
        }
    }

    fn all(&self) -> impl Iterator<Item = (&'static str, &SiteCounters)> {
        let sites = self
            .sites
            .iter()
            .zip(0..)
            .filter_map(|(counters, number)| Some((site::name(number), &**counters.get()?)));
        sites.chain([("by hand", &self.by_hand), ("other", &self.others)])
    }
}

impl SiteCounters {
    fn new() -> Self {
        let [
            stale_hits,
            degraded_hits,
            misses,
            joined,
            bypassed,
            failed,
            load_failures,
            load_timeouts,
            refreshes,
        ] = [const { AtomicU64::new(0) }; 9];
        Self {
            memory_hits: Striped::default(),
            backend_hits: Striped::default(),
            stale_hits,
            degraded_hits,
            misses,
            joined,
            bypassed,
            failed,
            load_failures,
            load_timeouts,
            refreshes,
            load_time: Histogram::new(&TIMES, NANOS),
            stale_age: Histogram::new(&AGES, MICROS),
        }
    }

    fn read(&self, site: &'static str) -> SiteReport {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        SiteReport {
            site,
            memory_hits: self.memory_hits.sum(),
            backend_hits: self.backend_hits.sum(),
            stale_hits: read(&self.stale_hits),
            degraded_hits: read(&self.degraded_hits),
            misses: read(&self.misses),
            joined: read(&self.joined),
            bypassed: read(&self.bypassed),
            failed: read(&self.failed),
            load_failures: read(&self.load_failures),
            load_timeouts: read(&self.load_timeouts),
            refreshes: read(&self.refreshes),
            load_time: self.load_time.read(),
            stale_age: self.stale_age.read(),
        }
    }
}
