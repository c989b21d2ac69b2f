//! What the calls of one piece of work came to, such as those of an HTTP request.
//!
//! Invariant: outside of a collection a call does no more for it than to ask whether there is any, and what is collected
//! takes the same room however many calls there are.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::event::Event;
use crate::entered::{Visit, counted, is_entered};
use crate::lock::Mutex;

tokio::task_local! {
    static COLLECTED: Arc<Mutex<CacheOutcomes>>;
}

/// What the calls of one piece of work came to; from [`Collector::outcomes`].
///
/// Each call counts once among `fresh`, `stale`, `misses`, `bypassed` and `failed`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheOutcomes {
    /// Calls answered fresh from a tier.
    pub fresh: u64,
    /// Calls answered with a stale value.
    pub stale: u64,
    /// Calls that ran the function, or got the result of another call's run.
    pub misses: u64,
    /// Calls that ran the function with no cache involved.
    pub bypassed: u64,
    /// Calls that got an error since the backend could not answer: `FailFast`, and those that only look.
    pub failed: u64,
    /// Of all, calls that were answered without the backend's word.
    pub degraded: u64,
    /// Of all, calls that got the result of another call's run.
    pub joined: u64,
    /// Age of the oldest value that a tier answered with.
    pub oldest: Duration,
    /// Time in calls that memory did not answer at once, their loads included; those of a batch are not in it.
    pub waiting: Duration,
    /// Time in loads of these calls, as far as they ran in place: those that go on without their caller are not in it.
    pub loading: Duration,
}

impl CacheOutcomes {
    /// All calls.
    pub fn calls(&self) -> u64 {
        self.hits() + self.misses + self.bypassed + self.failed
    }

    /// Calls answered from a tier, fresh or stale.
    pub fn hits(&self) -> u64 {
        self.fresh + self.stale
    }

    /// The worst that a call came to, as an `x-athena-cache` header says it: `ERROR`, `BYPASS`, `MISS`, `STALE` or
    /// `HIT`.
    ///
    /// `None` if there was no call.
    pub fn worst(&self) -> Option<&'static str> {
        let labels = [
            (self.failed, "ERROR"),
            (self.bypassed, "BYPASS"),
            (self.misses, "MISS"),
            (self.stale, "STALE"),
            (self.fresh, "HIT"),
        ];
        labels.into_iter().find(|(calls, _)| *calls > 0).map(|(_, label)| label)
    }

    /// The age of the oldest value, if a tier answered every call.
    pub fn age(&self) -> Option<Duration> {
        (self.hits() > 0 && self.hits() == self.calls()).then_some(self.oldest)
    }

    fn add_hit(&mut self, age: Duration) {
        self.fresh += 1;
        self.oldest = self.oldest.max(age);
    }

    fn add(&mut self, event: &Event<'_>) {
        match event {
            Event::Stale { age, .. } => {
                self.stale += 1;
                self.oldest = self.oldest.max(*age);
            }
            Event::Miss { .. } => self.misses += 1,
            Event::Joined { .. } => {
                self.misses += 1;
                self.joined += 1;
            }
            Event::Bypassed { .. } => self.bypassed += 1,
            Event::Failed { .. } => self.failed += 1,
            Event::Degraded { .. } => self.degraded += 1,
            Event::Loaded { took, .. } => self.loading = self.loading.saturating_add(*took),
            _ => {}
        }
    }
}

/// Collects what calls of annotated functions and entries come to, whichever cache they are on.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use athena_cache_core::{Cache, Collector};
///
/// let cache = Cache::in_memory("shop");
/// let collector = Collector::new();
/// let load = async || Ok::<_, std::io::Error>(1_u8);
/// collector.scope(cache.entry("a").get_or_load(load)).await?;
/// assert_eq!(collector.outcomes().worst(), Some("MISS"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Collector(Arc<Mutex<CacheOutcomes>>);

impl Collector {
    /// One that has collected nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Collects from the calls inside `future`; tasks that it spawns are outside of it.
    ///
    /// A collection inside another one takes its calls from that.
    pub fn scope<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        counted(COLLECTED.scope(Arc::clone(&self.0), future))
    }

    /// Collects from the calls while `code` runs; threads that it starts are outside of it.
    pub fn sync_scope<T>(&self, code: impl FnOnce() -> T) -> T {
        let _visit = Visit::new();
        COLLECTED.sync_scope(Arc::clone(&self.0), code)
    }

    /// What has come of the calls so far.
    pub fn outcomes(&self) -> CacheOutcomes {
        *self.0.lock()
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Collector").field(&self.outcomes()).finish()
    }
}

/// Collects a fresh hit.
#[inline]
pub(crate) fn hit(age: impl FnOnce() -> Duration) {
    if is_entered() {
        with(|outcomes| outcomes.add_hit(age()));
    }
}

/// Collects what else a call comes to.
#[inline]
pub(crate) fn tell(event: &Event<'_>) {
    if is_entered() {
        with(|outcomes| outcomes.add(event));
    }
}

/// Collects how long a call took that memory did not answer at once.
pub(crate) fn answered(took: Duration) {
    if is_entered() {
        with(|outcomes| outcomes.waiting = outcomes.waiting.saturating_add(took));
    }
}

/// Collects a call that no cache knows of.
pub(crate) fn bypassed() {
    if is_entered() {
        with(|outcomes| outcomes.bypassed += 1);
    }
}

#[cold]
fn with(add: impl FnOnce(&mut CacheOutcomes)) {
    // Without a collection there is nobody to tell.
    let _ = COLLECTED.try_with(|outcomes| add(&mut outcomes.lock()));
}
