//! Calling functions before anybody else does.
//!
//! Invariant: no more calls run side by side, and no more begin in a second, than was said; none goes on past the limit,
//! and one that panics ends no other.

mod pacing;

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt};

use super::Cache;
use crate::checks::ReadinessHold;
use crate::clock::{Clock, Tick};
use crate::contained::{contained, contained_future};

use pacing::Pacing;

/// Calls side by side, and in a second, unless something else is said.
const CONCURRENCY: usize = 8;
const PER_SECOND: u32 = 100;

/// Calls that fill a cache: from [`Cache::warm_up`].
#[derive(Debug, Clone)]
#[must_use = "nothing is called before `run`"]
pub struct WarmUp<'a, C> {
    cache: &'a Cache,
    calls: C,
    concurrency: usize,
    per_second: u32,
    limit: Option<Duration>,
    hold: Option<ReadinessHold>,
}

/// What came of a warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WarmedUp {
    /// How many calls have ended, whatever they returned.
    pub called: usize,
    /// How many of them have panicked.
    pub panicked: usize,
    /// Whether all of them were made, and have ended in time.
    pub is_complete: bool,
}

impl Cache {
    /// Calls functions of this cache, so that those who call them next find values there.
    ///
    /// Calls are made one by one as they are due, each as any other call: what is there is not loaded again, and one
    /// process loads for all. What they return is dropped, errors too; a panic is counted.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use athena_cache_core::Cache;
    /// # async fn products(_: &str) -> Result<(), std::io::Error> { Ok(()) }
    /// # let cache = Cache::in_memory("shop");
    /// let calls = ["books", "games"].into_iter().map(products);
    /// let warmed = cache.warm_up(calls).concurrency(2).per_second(50).run().await;
    /// assert!(warmed.is_complete);
    /// # }
    /// ```
    pub fn warm_up<C>(&self, calls: C) -> WarmUp<'_, C::IntoIter>
    where
        C: IntoIterator,
        C::Item: Future,
    {
        let calls = calls.into_iter();
        let (concurrency, per_second) = (CONCURRENCY, PER_SECOND);
        WarmUp { cache: self, calls, concurrency, per_second, limit: None, hold: None }
    }
}

impl<C> WarmUp<'_, C> {
    /// How many calls run side by side at most; 8 if nothing is said, and never none.
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// How many calls begin in a second at most; 100 if nothing is said, and never none.
    ///
    /// Those that are late because others took their time are not made up for.
    pub fn per_second(mut self, calls: u32) -> Self {
        self.per_second = calls;
        self
    }

    /// How long all of it may take; calls that run then are dropped. Without it, as long as it takes.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Has the cache not be [ready](crate::HealthChecks::is_ready) before this has ended, or so much time has passed:
    /// a probe then sends no callers who would find nothing.
    ///
    /// It holds from now on, not only from [`run`](Self::run) on, as the check `warm_up` of
    /// [`health_checks`](Cache::health_checks). It is over as well when this is dropped.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use std::time::Duration;
    /// # use athena_cache_core::Cache;
    /// # async fn products(_: &str) -> Result<(), std::io::Error> { Ok(()) }
    /// # let cache = Cache::in_memory("shop");
    /// let warm_up = cache.warm_up([products("books")]).hold_ready(Duration::from_secs(30));
    /// assert!(!cache.health_checks().is_ready().await);
    /// warm_up.run().await;
    /// assert!(cache.health_checks().is_ready().await);
    /// # }
    /// ```
    pub fn hold_ready(mut self, at_most: Duration) -> Self {
        self.hold = Some(self.cache.runtime().checks.hold_ready(at_most));
        self
    }
}

impl<C> WarmUp<'_, C>
where
    C: Iterator,
    C::Item: Future,
{
    /// Makes the calls.
    pub async fn run(self) -> WarmedUp {
        let Self { cache, calls, concurrency, per_second, limit, hold } = self;
        let clock = &cache.runtime().clock;
        let until = limit.map_or(Tick::FAR, |limit| clock.now().after(limit));
        let turns = Turns { calls, pacing: Pacing::new(per_second), clock };
        let due = stream::unfold(turns, |mut turns| async {
            let call = turns.next().await?;
            Some((call, turns))
        });
        let ended = due.map(|DueCall(call)| ended(call)).buffer_unordered(concurrency.max(1));
        let warmed = cache.scope(count(ended, until, clock)).await;
        if hold.is_some() {
            drop(hold);
            // A report that says otherwise is given out no longer.
            cache.runtime().checks.forget();
        }
        warmed
    }
}

/// The calls in their turn.
struct Turns<'a, C> {
    calls: C,
    pacing: Pacing,
    clock: &'a Clock,
}

/// A call whose turn it is; none where making it panicked, after which no others are made.
struct DueCall<F>(Option<F>);

impl<C: Iterator> Turns<'_, C> {
    /// The next one, once it is due.
    async fn next(&mut self) -> Option<DueCall<C::Item>> {
        if self.pacing.is_over() {
            return None;
        }
        let call = match contained(|| self.calls.next()) {
            Ok(call) => Some(call?),
            Err(_) => None,
        };
        let wait = self.pacing.next(self.clock.now());
        if !wait.is_zero() {
            self.clock.sleep(wait).await;
        }
        if call.is_none() {
            self.pacing.end();
        }
        Some(DueCall(call))
    }
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CallEnd {
    Returned,
    Panicked,
    /// It was none: making it panicked.
    NotMade,
}

async fn ended<F: Future>(call: Option<F>) -> CallEnd {
    let Some(call) = call else { return CallEnd::NotMade };
    match contained_future(call).await {
        Ok(output) => match contained(|| drop(output)) {
            Ok(()) => CallEnd::Returned,
            Err(_) => CallEnd::Panicked,
        },
        Err(_) => CallEnd::Panicked,
    }
}

/// Counts what ends until then.
async fn count(ended: impl Stream<Item = CallEnd>, until: Tick, clock: &Clock) -> WarmedUp {
    let mut ended = pin!(ended);
    let mut warmed = WarmedUp { called: 0, panicked: 0, is_complete: false };
    let mut all_made = true;
    loop {
        let left = until.since(clock.now());
        match clock.within(left, ended.next()).await {
            Some(Some(CallEnd::Returned)) => warmed.called += 1,
            Some(Some(CallEnd::Panicked)) => {
                warmed.called += 1;
                warmed.panicked += 1;
            }
            Some(Some(CallEnd::NotMade)) => {
                warmed.panicked += 1;
                all_made = false;
            }
            Some(None) => return WarmedUp { is_complete: all_made, ..warmed },
            None => return warmed,
        }
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests;
