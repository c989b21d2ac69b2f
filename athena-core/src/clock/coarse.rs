//! The machine's clock, and a cheaper one beside it that is known to be not far behind.
//!
//! Invariant: `passed_at_most` is never less than `passed` was before it.

use std::time::{Duration, Instant};

/// Measures from when it was made.
#[derive(Debug, Clone)]
pub(super) struct SystemClock {
    start: Instant,
    #[cfg(target_os = "linux")]
    coarse: Option<kernel::CoarseClock>,
}

impl SystemClock {
    pub(super) fn new() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            coarse: kernel::CoarseClock::new(),
            start: Instant::now(),
        }
    }

    #[inline]
    pub(super) fn passed(&self) -> Duration {
        self.start.elapsed()
    }

    #[inline]
    pub(super) fn passed_until(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.start)
    }

    /// As much as has passed, or some more, in milliseconds; `None` where the kernel has no cheaper clock.
    #[inline]
    pub(super) fn passed_at_most(&self) -> Option<u64> {
        #[cfg(target_os = "linux")]
        return self.coarse.as_ref().map(kernel::CoarseClock::passed_at_most);
        #[cfg(not(target_os = "linux"))]
        None
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use rustix::time::{ClockId, Timespec, clock_getres, clock_gettime};

    /// The time of the kernel's last tick, which is read without asking the hardware.
    #[derive(Debug, Clone)]
    pub(super) struct CoarseClock {
        /// When it was made, less how far behind a reading may be.
        zero: u64,
    }

    /// A reading is behind by up to two ticks (measured: 7.5 ms of 4); that is doubled for a tick that comes late.
    const TICKS: u64 = 4;
    /// Ticks that are longer than this save nothing: what is about to end is asked for the longer way.
    const LONGEST_TICK: u64 = 11;

    impl CoarseClock {
        /// `None` where its ticks are long, or not known.
        pub(super) fn new() -> Option<Self> {
            // It reads the same clock as `Instant`, which is made after this.
            let now = millis(clock_gettime(ClockId::Monotonic));
            let tick = millis(clock_getres(ClockId::MonotonicCoarse)) + 1;
            (tick <= LONGEST_TICK).then(|| Self { zero: now.saturating_sub(TICKS * tick) })
        }

        #[inline]
        pub(super) fn passed_at_most(&self) -> u64 {
            // A part of a millisecond is one more.
            millis(clock_gettime(ClockId::MonotonicCoarse)).saturating_sub(self.zero) + 1
        }
    }

    #[inline]
    fn millis(time: Timespec) -> u64 {
        let [seconds, nanos] = [time.tv_sec, time.tv_nsec].map(i64::unsigned_abs);
        seconds * 1_000 + nanos / 1_000_000
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::SystemClock;

    fn millis(time: Duration) -> u64 {
        u64::try_from(time.as_millis()).unwrap()
    }

    #[test]
    fn the_cheap_time_is_never_behind_and_not_far_ahead() {
        let begun = Instant::now();
        let clock = SystemClock::new();
        // A thread that waits for its processor between the two readings makes a clock that is ahead by as much.
        let apart = millis(begun.elapsed());
        let Some(_) = clock.passed_at_most() else {
            return;
        };
        let passed = || millis(clock.passed());
        let end = Instant::now() + Duration::from_millis(200);
        while Instant::now() < end {
            let before = passed();
            let at_most = clock.passed_at_most().unwrap();
            let after = passed();
            assert!(before <= at_most, "{before} {at_most}");
            assert!(at_most <= after + apart + 46, "{at_most} {after} {apart}");
        }
    }
}
