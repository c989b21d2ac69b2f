//! How long something takes, finer than ticks are.

use std::time::{Duration, Instant};

use super::Clock;
#[cfg(feature = "testing")]
use super::ManualClock;
use super::{HEAD_START, Tick, TimeSource, millis};

/// Measures from when it was made; by the machine, to its nanoseconds.
#[derive(Debug, Clone)]
pub(crate) struct Stopwatch(Begun);

#[derive(Debug, Clone)]
enum Begun {
    System(Instant),
    /// Boxed: it is as small as without tests.
    #[cfg(feature = "testing")]
    Manual(Box<(ManualClock, u64)>),
}

impl Clock {
    /// The present, and a watch that measures from it on: one look at the machine's clock.
    pub(crate) fn begin(&self) -> (Tick, Stopwatch) {
        match &self.0 {
            TimeSource::System(system) => {
                let now = Instant::now();
                let passed = millis(system.passed_until(now));
                (Tick(HEAD_START.saturating_add(passed)), Stopwatch::since(now))
            }
            #[cfg(feature = "testing")]
            TimeSource::Manual(_) => (self.now(), self.stopwatch()),
        }
    }

    pub(crate) fn stopwatch(&self) -> Stopwatch {
        Stopwatch(match &self.0 {
            TimeSource::System(_) => Begun::System(Instant::now()),
            #[cfg(feature = "testing")]
            TimeSource::Manual(manual) => {
                Begun::Manual(Box::new((manual.clone(), manual.passed())))
            }
        })
    }
}

impl Stopwatch {
    fn since(begun: Instant) -> Self {
        Self(Begun::System(begun))
    }

    /// When it was made, by the machine.
    #[cfg_attr(
        not(feature = "testing"),
        expect(clippy::unnecessary_wraps, reason = "a clock that a test moves has no such moment")
    )]
    pub(super) fn begun(&self) -> Option<Instant> {
        match &self.0 {
            Begun::System(begun) => Some(*begun),
            #[cfg(feature = "testing")]
            Begun::Manual(_) => None,
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        match &self.0 {
            Begun::System(begun) => begun.elapsed(),
            #[cfg(feature = "testing")]
            Begun::Manual(manual) => {
                let (manual, begun) = &**manual;
                Duration::from_millis(manual.passed().saturating_sub(*begun))
            }
        }
    }
}
