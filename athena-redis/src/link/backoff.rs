//! How long to wait between attempts that fail.
//!
//! Invariant: it draws no random number itself, so that a table of inputs tests it.

use std::ops::RangeInclusive;
use std::time::Duration;

use athena_cache_core::backend::Class;

/// Between attempts to connect.
const DIALING: Growth = Growth {
    first: Duration::from_millis(40),
    // Far enough apart for the instances of a service that lost its server together.
    longest: Duration::from_millis(1_500),
    step: 1,
    least: Least::Fixed(Duration::from_millis(20)),
};

/// Between attempts to log in: wrong credentials are mended by people, and servers log every attempt.
const DENIED: Growth = Growth {
    first: Duration::from_secs(5),
    longest: Duration::from_secs(5),
    step: 1,
    least: Least::Fixed(Duration::from_secs(1)),
};

/// No pause between attempts to connect is longer.
pub(super) const LONGEST_OF_ALL: Duration = DENIED.longest;

/// How pauses grow while attempts fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Growth {
    /// The longest pause after the first attempt.
    pub(crate) first: Duration,
    /// The longest pause of all.
    pub(crate) longest: Duration,
    /// After so many attempts they have doubled.
    pub(crate) step: u32,
    pub(crate) least: Least,
}

/// How short a pause may be drawn, so that processes that failed together do not return together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Least {
    Fixed(Duration),
    /// Half of the longest at the time.
    Half,
}

/// Counts the attempts in a row that failed.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    attempts: u32,
}

/// How pauses grow between attempts to connect that fail in this way.
pub(super) fn dialing(class: Class) -> &'static Growth {
    match class {
        Class::Denied => &DENIED,
        _ => &DIALING,
    }
}

impl Growth {
    /// The shortest pause of all: whoever asks for an attempt waits for that, too.
    pub(super) fn shortest(&self) -> Duration {
        match self.least {
            Least::Fixed(least) => least,
            Least::Half => self.first / 2,
        }
    }

    /// The longest pause after so many attempts before.
    pub(crate) fn after(&self, attempts: u32) -> Duration {
        let factor = 1_u32.checked_shl(attempts / self.step).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
    }

    /// The pauses to choose from, of which the longest is not below a limit.
    fn range(&self, attempts: u32, at_least: Duration) -> RangeInclusive<Duration> {
        let longest = self.after(attempts).max(at_least);
        match self.least {
            Least::Fixed(least) => least..=longest,
            Least::Half => longest / 2..=longest,
        }
    }
}

impl Backoff {
    /// The pause before the next attempt, by a random number from 0 to 1.
    pub(crate) fn pause(&mut self, growth: &Growth, random: f64) -> Duration {
        self.pause_of(growth, Duration::ZERO, random)
    }

    /// The same, where the pauses to choose from reach up to a limit at least.
    pub(crate) fn pause_of(&mut self, growth: &Growth, limit: Duration, random: f64) -> Duration {
        let (shortest, longest) = growth.range(self.attempts, limit).into_inner();
        self.attempts = self.attempts.saturating_add(1);
        shortest + longest.saturating_sub(shortest).mul_f64(random)
    }

    /// How many attempts have failed.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLIS: Duration = Duration::from_millis(1);

    fn range(failures: u32, class: Class) -> RangeInclusive<Duration> {
        dialing(class).range(failures, Duration::ZERO)
    }

    #[test]
    fn b21_b38_pauses_grow_from_20_ms_and_have_a_cap() {
        let millis = Duration::from_millis;
        for (failures, longest) in
            [(0, 40), (1, 80), (2, 160), (3, 320), (4, 640), (5, 1280), (6, 1500), (u32::MAX, 1500)]
        {
            assert_eq!(range(failures, Class::Unreachable), millis(20)..=millis(longest));
        }
    }

    #[test]
    fn wrong_credentials_are_tried_rarely_from_the_start() {
        for failures in [0, 1, 10, u32::MAX] {
            let rarely = Duration::from_secs(1)..=Duration::from_secs(5);
            assert_eq!(range(failures, Class::Denied), rarely);
        }
    }

    #[test]
    fn pauses_may_double_after_several_attempts_and_be_no_shorter_than_half() {
        let growth =
            Growth { first: 20 * MILLIS, longest: 1_000 * MILLIS, step: 10, least: Least::Half };
        for (attempts, longest) in
            [(0, 20), (9, 20), (10, 40), (29, 80), (59, 640), (60, 1_000), (u32::MAX, 1_000)]
        {
            let range = growth.range(attempts, Duration::ZERO);
            assert_eq!(range, longest * MILLIS / 2..=longest * MILLIS, "{attempts}");
        }
        assert_eq!(growth.range(0, 500 * MILLIS), 250 * MILLIS..=500 * MILLIS);
    }

    #[test]
    fn a_pause_lies_in_its_range_and_differs_between_processes() {
        let pause = |random| Backoff { attempts: 9 }.pause(dialing(Class::Unreachable), random);
        for (random, millis) in [(0.0, 20), (0.5, 760), (1.0, 1_500)] {
            assert_eq!(pause(random), millis * MILLIS, "{random}");
        }
        let pauses: Vec<_> = (0..32).map(|_| pause(fastrand::f64())).collect();
        assert!(pauses.iter().all(|pause| (20 * MILLIS..=1_500 * MILLIS).contains(pause)));
        assert!(pauses.iter().any(|pause| pause != &pauses[0]), "{pauses:?}");
    }

    #[test]
    fn a_reset_begins_with_short_pauses_again() {
        let mut backoff = Backoff { attempts: 9 };
        backoff.reset();
        assert_eq!(backoff.pause(dialing(Class::Unreachable), 1.0), 40 * MILLIS);
        assert_eq!(backoff.attempts(), 1);
    }
}
