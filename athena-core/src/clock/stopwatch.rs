//! How long something takes, finer than ticks are.

use std::time::{Duration, Instant};

use super::Clock;
#[cfg(feature = "testing")]
use super::ManualClock;
use super::TimeSource;

/// Measures from when it was made; by the machine, to its nanoseconds.
#[derive(Debug, Clone)]
pub(crate) struct Stopwatch(Begun);

#[derive(Debug, Clone)]
enum Begun {
    System(Instant),
    #[cfg(feature = "testing")]
    Manual(ManualClock, u64),
}

impl Clock {
    pub(crate) fn stopwatch(&self) -> Stopwatch {
        Stopwatch(match &self.0 {
            TimeSource::System(_) => Begun::System(Instant::now()),
            #[cfg(feature = "testing")]
            TimeSource::Manual(manual) => Begun::Manual(manual.clone(), manual.passed()),
        })
    }
}

impl Stopwatch {
    pub(crate) fn elapsed(&self) -> Duration {
        match &self.0 {
            Begun::System(begun) => begun.elapsed(),
            #[cfg(feature = "testing")]
            Begun::Manual(manual, begun) => {
                Duration::from_millis(manual.passed().saturating_sub(*begun))
            }
        }
    }
}
