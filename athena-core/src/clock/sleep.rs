//! Somebody who sleeps by a clock.
//!
//! Written by hand: it stands in every future that has a limit, and an `async fn` would keep what it is made of
//! beside what it awaits.
//!
//! Invariant: the time counts from the first poll, or from when a watch was made.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::within::Within;
use super::{Clock, Stopwatch, TimeSource, timer};

impl Clock {
    /// Ends once `duration` has passed.
    pub(crate) fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + use<> {
        ClockSleep::new(&self.0, duration)
    }

    /// The same, for a task that sleeps for as long as the cache lives: tests do not count it.
    pub(crate) fn doze(&self, duration: Duration) -> impl Future<Output = ()> + use<> {
        ClockSleep::uncounted(&self.0, duration)
    }

    /// The future's output, or `None` if `limit` passes first.
    pub(crate) fn within<F: Future>(
        &self,
        limit: Duration,
        future: F,
    ) -> impl Future<Output = Option<F::Output>> + use<F> {
        Within::new(future, self.sleep(limit))
    }

    /// The same, where `limit` counts from when the watch was made.
    pub(crate) fn within_of<F: Future>(
        &self,
        watch: &Stopwatch,
        limit: Duration,
        future: F,
    ) -> impl Future<Output = Option<F::Output>> + use<F> {
        Within::new(future, ClockSleep::since(&self.0, watch, limit))
    }

    /// The same with [`doze`](Self::doze).
    pub(crate) fn within_dozing<F: Future>(
        &self,
        limit: Duration,
        future: F,
    ) -> impl Future<Output = Option<F::Output>> + use<F> {
        Within::new(future, self.doze(limit))
    }
}

/// Ends once its time has passed.
enum ClockSleep {
    System(timer::Sleep),
    #[cfg(feature = "testing")]
    Manual(Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl ClockSleep {
    fn new(source: &TimeSource, duration: Duration) -> Self {
        match source {
            TimeSource::System(_) => Self::System(timer::sleep(duration)),
            #[cfg(feature = "testing")]
            TimeSource::Manual(manual) => Self::Manual(Box::pin(manual.clone().sleep(duration))),
        }
    }

    /// The same from when a watch was made, so that nobody has to look at the clock again.
    fn since(source: &TimeSource, watch: &Stopwatch, duration: Duration) -> Self {
        match watch.begun() {
            Some(begun) => Self::System(timer::sleep_from(begun, duration)),
            None => Self::new(source, duration),
        }
    }

    /// The same, of which tests do not count that it runs.
    fn uncounted(source: &TimeSource, duration: Duration) -> Self {
        match source {
            TimeSource::System(_) => Self::System(timer::sleep(duration)),
            #[cfg(feature = "testing")]
            TimeSource::Manual(manual) => Self::Manual(Box::pin(manual.clone().doze(duration))),
        }
    }
}

impl Future for ClockSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.get_mut() {
            Self::System(sleep) => Pin::new(sleep).poll(context),
            #[cfg(feature = "testing")]
            Self::Manual(sleep) => sleep.as_mut().poll(context),
        }
    }
}
