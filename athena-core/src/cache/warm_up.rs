//! Calling functions before anybody else does.
//!
//! Invariant: no more calls run side by side, and no more begin in a second, than was said; and none goes on past the
//! limit.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt};

use super::Cache;
use crate::clock::{Clock, Tick};

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
}

/// What came of a warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WarmedUp {
    /// How many calls have ended, whatever they returned.
    pub called: usize,
    /// Whether there was time for all of them.
    pub is_complete: bool,
}

impl Cache {
    /// Calls functions of this cache, so that those who call them next find values there.
    ///
    /// Calls are made one by one as they are due, each as any other call: what is there is not loaded again, and one
    /// process loads for all. What they return is dropped, errors too.
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
        WarmUp { cache: self, calls, concurrency, per_second, limit: None }
    }
}

impl<C> WarmUp<'_, C> {
    /// How many calls run side by side at most; 8 if nothing is said, and never none.
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// How many calls begin in a second at most; 100 if nothing is said, and never none.
    pub fn per_second(mut self, calls: u32) -> Self {
        self.per_second = calls;
        self
    }

    /// How long all of it may take; calls that run then are dropped. Without it, as long as it takes.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
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
        let clock = &self.cache.runtime().clock;
        let until = self.limit.map_or(Tick::FAR, |limit| clock.now().after(limit));
        let gap = Duration::from_secs(1) / self.per_second.max(1);
        let due = stream::iter(self.calls.enumerate()).then(async |(number, call)| {
            if number > 0 {
                clock.sleep(gap).await;
            }
            DueCall(call)
        });
        let ended = due.map(|DueCall(call)| call).buffer_unordered(self.concurrency.max(1));
        self.cache.scope(count(ended, until, clock)).await
    }
}

/// A call whose turn it is.
struct DueCall<C>(C);

/// Counts what ends until then.
async fn count(ended: impl Stream, until: Tick, clock: &Clock) -> WarmedUp {
    let mut ended = pin!(ended);
    let mut called = 0;
    loop {
        let left = until.since(clock.now());
        let is_complete = match clock.within(left, ended.next()).await {
            Some(Some(_)) => {
                called += 1;
                continue;
            }
            Some(None) => true,
            None => false,
        };
        return WarmedUp { called, is_complete };
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::testing::ManualClock;

    /// Moves the clock on whenever somebody sleeps, until the future has ended.
    async fn driven<T>(clock: &ManualClock, future: impl Future<Output = T>) -> (T, Duration) {
        let (mut future, mut passed) = (pin!(future), Duration::ZERO);
        loop {
            tokio::select! {
                biased;
                output = &mut future => return (output, passed),
                () = tokio::task::yield_now() => {
                    if clock.sleepers() > 0 {
                        clock.advance(Duration::from_millis(1));
                        passed += Duration::from_millis(1);
                    }
                }
            }
        }
    }

    fn cache(clock: &ManualClock) -> Cache {
        Cache::builder("shop").clock(clock).build().unwrap()
    }

    #[tokio::test]
    async fn it_calls_each_once_and_no_more_in_a_second_than_was_said() {
        let clock = ManualClock::new();
        let cache = cache(&clock);
        let (under_way, most, loads) =
            (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let call = async |number: u32| {
            let now = under_way.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(now, Ordering::SeqCst);
            Clock::from(clock.clone()).sleep(Duration::from_millis(500)).await;
            under_way.fetch_sub(1, Ordering::SeqCst);
            let cache = Cache::current().expect("calls are inside of it");
            let entry = cache.entry(format!("product:{number}")).ttl(Duration::from_secs(60));
            entry
                .get_or_load(async || {
                    loads.fetch_add(1, Ordering::SeqCst);
                    if number == 3 { Err(()) } else { Ok(number) }
                })
                .await
        };
        let warming = cache.warm_up((0..20).map(&call)).concurrency(3).per_second(10).run();
        let (warmed, took) = driven(&clock, warming).await;
        assert_eq!(warmed, WarmedUp { called: 20, is_complete: true });
        assert_eq!((loads.load(Ordering::SeqCst), most.load(Ordering::SeqCst)), (20, 3));
        assert!(took >= Duration::from_millis(1_900), "{took:?}");
        assert_eq!(cache.stats().loads, 19, "one failed");
    }

    #[tokio::test]
    async fn it_ends_at_its_limit() {
        let clock = ManualClock::new();
        let cache = cache(&clock);
        let calls = std::iter::repeat_with(std::future::pending::<()>);
        let warming = cache.warm_up(calls).limit(Duration::from_secs(1)).run();
        let (warmed, took) = driven(&clock, warming).await;
        assert_eq!(warmed, WarmedUp { called: 0, is_complete: false });
        assert_eq!(took, Duration::from_secs(1));
        let calls = std::iter::repeat_with(|| std::future::ready(()));
        let warming = cache.warm_up(calls).per_second(10).limit(Duration::from_millis(950)).run();
        let (warmed, _) = driven(&clock, warming).await;
        assert_eq!((warmed.called, warmed.is_complete), (10, false));
    }
}
