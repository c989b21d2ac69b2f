//! Counters.
//!
//! Invariant: every call counts exactly once among hits, stale hits, misses, joined, bypassed and failed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use serde::Serialize;

use super::event::{Event, NotKept};
use crate::backend::{Cause, Class, Failover};
use crate::clock;
use crate::lock::Mutex;
use crate::resilience::breaker::BreakerState;

/// What a cache has done since it was built.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use athena_cache_core::Cache;
/// let cache = Cache::in_memory("shop");
/// cache.entry("a").insert(1_u8).await?;
/// cache.entry("a").get::<u8>().await?;
/// assert_eq!(cache.stats().memory_hits, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Calls answered fresh from memory.
    pub memory_hits: u64,
    /// Calls answered fresh from the backend.
    pub backend_hits: u64,
    /// Calls answered with a stale value.
    pub stale_hits: u64,
    /// Calls answered, fresh or stale, from memory because the backend could not, or from a node of the
    /// backend that nobody confirmed to be the one that serves.
    ///
    /// They count among `memory_hits`, `backend_hits` or `stale_hits` as well.
    pub degraded_hits: u64,
    /// Calls that no entry could answer and that ran the function.
    pub misses: u64,
    /// Calls that got the result of another call's load.
    pub joined: u64,
    /// Calls that ran the function with no cache involved.
    pub bypassed: u64,
    /// Calls that got an error since the backend could not answer and nothing else might: those with
    /// [`FailFast`](crate::Fallback::FailFast), and those that only look.
    pub failed: u64,
    /// Loads that returned something to remember or to hand on, background loads included.
    pub loads: u64,
    /// Loads that returned the function's error.
    pub load_failures: u64,
    /// Loads given up at the hard timeout.
    pub load_timeouts: u64,
    /// Background loads begun.
    pub refreshes: u64,
    /// Values that the backend took.
    pub fills: u64,
    /// Loaded values not kept because of an invalidation or a lost lease.
    pub refused: u64,
    /// Loads that ran without a lease since another process held it.
    pub leases_held_elsewhere: u64,
    /// Loads that ran without a lease since the backend could not be asked for one.
    pub unleased_loads: u64,
    /// Leases left to end by themselves, since too many others were to be given back.
    pub leases_left: u64,
    /// Loads beyond `degraded_loads`, since none of the others ended for a second.
    pub unbounded_loads: u64,
    /// Entries in the backend that this reader could not read.
    pub unreadable: u64,
    /// Values that would have been read as other ones, or not at all, or have more tags than are kept; types
    /// that never can be, once per function.
    pub unwritable: u64,
    /// Values not kept because `unless` or `tags_from` panicked on them.
    pub panicked: u64,
    /// Values not sent to the backend because they are larger than
    /// [`max_value`](crate::Resilience::max_value), or than it takes.
    pub too_large: u64,
    /// Times that an entry was not asked for, or given up, since its value does not get through in time.
    pub held_off: u64,
    /// Writes to the backend left out because too many were under way.
    pub dropped_writes: u64,
    /// Entries, tags and namespaces invalidated.
    pub invalidations: u64,
    /// Invalidations that had to wait for the backend.
    pub journaled: u64,
    /// Invalidations that wait now.
    pub journal_depth: u64,
    /// How long the oldest of them has waited; zero if none does.
    pub journal_age: Duration,
    /// Operations that the backend did not do, by class.
    pub backend_failures: BTreeMap<&'static str, u64>,
    /// Operations that were attempted again.
    pub retries: u64,
    /// How often a breaker opened.
    pub breaker_openings: u64,
    /// How often another node of the backend took over.
    pub failovers: u64,
    /// How many of them were announced before.
    pub planned_failovers: u64,
    /// When the last one was over, in milliseconds since 1970 by the machine's clock.
    pub last_failover: Option<u64>,
    /// How long the last one took: from its first sign until the new node could be used.
    pub last_recovery: Option<Duration>,
    /// How often a connection was replaced because nothing came back on it, or by hand.
    pub reconnects: u64,
    /// Entries in memory.
    pub memory_entries: u64,
    /// Bytes that they take, as far as is known: see [`Memory::max_bytes`](crate::Memory::max_bytes).
    pub memory_bytes: u64,
}

impl Stats {
    /// Calls answered from a tier, fresh or stale.
    pub fn hits(&self) -> u64 {
        self.memory_hits + self.backend_hits + self.stale_hits
    }

    /// Share of calls answered from a tier, 0 to 1; 0 before the first call.
    #[expect(clippy::cast_precision_loss, reason = "a share needs no 53 bits")]
    pub fn hit_rate(&self) -> f64 {
        let calls = self.hits() + self.misses + self.joined + self.bypassed + self.failed;
        if calls == 0 { 0.0 } else { self.hits() as f64 / calls as f64 }
    }

    /// Failures of one class.
    pub fn failures(&self, class: Class) -> u64 {
        self.backend_failures.get(class.name()).copied().unwrap_or_default()
    }
}

macro_rules! counters {
    ($($name:ident),* $(,)?) => {
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $($name: AtomicU64,)*
            failures: [AtomicU64; Class::ALL.len()],
            last_failover: Mutex<Option<(u64, Duration)>>,
        }

        impl Counters {
            pub(crate) fn read(&self) -> Stats {
                let count = |class: &Class| self.failures_of(*class).load(Ordering::Relaxed);
                let last = *self.last_failover.lock();
                Stats {
                    // Fresh hits are counted with their functions.
                    last_failover: last.map(|(at, _)| at),
                    last_recovery: last.map(|(_, took)| took),
                    $($name: self.$name.load(Ordering::Relaxed),)*
                    backend_failures: Class::ALL
                        .iter()
                        .map(|class| (class.name(), count(class)))
                        .filter(|(_, count)| *count > 0)
                        .collect(),
                    ..Stats::default()
                }
            }
        }
    };
}

counters! {
    stale_hits, degraded_hits, misses, joined, bypassed, failed, loads, load_failures,
    load_timeouts, refreshes, fills, refused, leases_held_elsewhere, unleased_loads, leases_left, unbounded_loads, unreadable, unwritable, panicked,
    too_large, held_off,
    dropped_writes, invalidations, journaled, retries, breaker_openings, failovers,
    planned_failovers, reconnects,
}

impl Counters {
    pub(crate) fn count(&self, event: &Event<'_>) {
        if let Some(class) = event.class() {
            add(self.failures_of(class));
        }
        if let Event::Failover { failover } = event {
            self.note(failover);
        }
        if let Some(counter) = self.counter(event) {
            add(counter);
        }
    }

    fn counter(&self, event: &Event<'_>) -> Option<&AtomicU64> {
        Some(match event {
            Event::Stale { .. } => &self.stale_hits,
            Event::Degraded { .. } => &self.degraded_hits,
            Event::Miss { .. } => &self.misses,
            Event::Joined { .. } => &self.joined,
            Event::Bypassed { .. } => &self.bypassed,
            Event::Failed { .. } => &self.failed,
            Event::Loaded { .. } => &self.loads,
            Event::LoadFailed { .. } => &self.load_failures,
            Event::LoadTimedOut { .. } => &self.load_timeouts,
            Event::Refreshing { .. } => &self.refreshes,
            Event::Filled { .. } => &self.fills,
            Event::NotKept { reason, .. } => match reason {
                NotKept::Invalidated | NotKept::LeaseLost => &self.refused,
                NotKept::LeaseHeld => &self.leases_held_elsewhere,
                NotKept::Overloaded => &self.dropped_writes,
                NotKept::Panicked => &self.panicked,
                NotKept::TooLarge => &self.too_large,
                NotKept::Unwanted => return None,
            },
            Event::Unleased { .. } => &self.unleased_loads,
            Event::LeaseLeft { .. } => &self.leases_left,
            Event::Unbounded { .. } => &self.unbounded_loads,
            Event::Unreadable { .. } | Event::Undecodable { .. } => &self.unreadable,
            Event::Unwritable { .. } => &self.unwritable,
            Event::HeldOff { .. } => &self.held_off,
            Event::Invalidated { .. } => &self.invalidations,
            Event::Journaled { .. } => &self.journaled,
            Event::Breaker { to: BreakerState::Open, .. } => &self.breaker_openings,
            Event::Retrying { .. } => &self.retries,
            Event::Failover { .. } => &self.failovers,
            Event::Reconnected { .. } => &self.reconnects,
            _ => return None,
        })
    }

    fn note(&self, failover: &Failover) {
        if failover.cause == Cause::Planned {
            add(&self.planned_failovers);
        }
        let mut last = self.last_failover.lock();
        *last = Some((clock::unix_millis(), failover.took));
    }

    fn failures_of(&self, class: Class) -> &AtomicU64 {
        let number = Class::ALL.iter().position(|known| *known == class).unwrap_or_default();
        &self.failures[number]
    }
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// A counter for hot paths: threads count in places of their own.
#[derive(Debug, Default)]
pub(crate) struct Striped {
    stripes: [Stripe; STRIPES],
}

const STRIPES: usize = 16;

/// Alone in its cache line, so that threads do not slow each other down.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe(AtomicU64);

static NEXT_STRIPE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static STRIPE: usize = NEXT_STRIPE.fetch_add(1, Ordering::Relaxed) % STRIPES;
}

impl Striped {
    /// Counts one; answers how many this place had before.
    #[inline]
    pub(crate) fn add(&self) -> u64 {
        let stripe = STRIPE.try_with(|stripe| *stripe).unwrap_or_default();
        self.stripes[stripe].0.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn sum(&self) -> u64 {
        self.stripes.iter().map(|stripe| stripe.0.load(Ordering::Relaxed)).sum()
    }
}
