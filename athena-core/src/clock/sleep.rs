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

use super::{Stopwatch, TimeSource, timer};

/// Ends once its time has passed.
pub(super) enum Sleep {
    System(timer::Sleep),
    #[cfg(feature = "testing")]
    Manual(Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl Sleep {
    pub(super) fn new(source: &TimeSource, duration: Duration) -> Self {
        match source {
            TimeSource::System(_) => Self::System(timer::sleep(duration)),
            #[cfg(feature = "testing")]
            TimeSource::Manual(manual) => Self::Manual(Box::pin(manual.clone().sleep(duration))),
        }
    }

    /// The same from when a watch was made, so that nobody has to look at the clock again.
    pub(super) fn since(source: &TimeSource, watch: &Stopwatch, duration: Duration) -> Self {
        match watch.begun() {
            Some(begun) => Self::System(timer::sleep_from(begun, duration)),
            None => Self::new(source, duration),
        }
    }

    /// The same, of which tests do not count that it runs.
    pub(super) fn uncounted(source: &TimeSource, duration: Duration) -> Self {
        match source {
            TimeSource::System(_) => Self::System(timer::sleep(duration)),
            #[cfg(feature = "testing")]
            TimeSource::Manual(manual) => Self::Manual(Box::pin(manual.clone().doze(duration))),
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.get_mut() {
            Self::System(sleep) => Pin::new(sleep).poll(context),
            #[cfg(feature = "testing")]
            Self::Manual(sleep) => sleep.as_mut().poll(context),
        }
    }
}
