//! How long to wait between attempts to connect.

use std::ops::RangeInclusive;
use std::time::Duration;

use athena_cache_core::backend::Class;

const SHORTEST: Duration = Duration::from_millis(20);
/// Far enough apart for the instances of a service that lost its server together.
const LONGEST: Duration = Duration::from_millis(1_500);
/// Wrong credentials are mended by people, and servers log every attempt.
const DENIED: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(5);

/// No pause is longer.
pub(super) const LONGEST_OF_ALL: Duration = *DENIED.end();

/// Counts the attempts in a row that failed.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Draws the pause before the next attempt.
    pub(super) fn pause(&mut self, class: Class) -> Duration {
        let range = range(self.failures, class);
        self.failures = self.failures.saturating_add(1);
        let (shortest, longest) = range.into_inner();
        shortest + longest.saturating_sub(shortest).mul_f64(fastrand::f64())
    }

    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// The pauses to choose from, so that processes that failed together do not return together.
fn range(failures: u32, class: Class) -> RangeInclusive<Duration> {
    if class == Class::Denied {
        return DENIED;
    }
    let longest = SHORTEST.saturating_mul(2_u32.saturating_pow(failures.saturating_add(1)));
    SHORTEST..=longest.min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(range(failures, Class::Denied), DENIED);
        }
    }

    #[test]
    fn a_pause_lies_in_its_range_and_differs_between_processes() {
        let pauses: Vec<_> =
            (0..32).map(|_| Backoff { failures: 9 }.pause(Class::Unreachable)).collect();
        assert!(pauses.iter().all(|pause| (SHORTEST..=LONGEST).contains(pause)), "{pauses:?}");
        assert!(pauses.iter().any(|pause| pause != &pauses[0]), "{pauses:?}");
    }

    #[test]
    fn a_reset_begins_with_short_pauses_again() {
        let mut backoff = Backoff { failures: 9 };
        backoff.reset();
        assert!(backoff.pause(Class::Unreachable) <= Duration::from_millis(40));
    }
}
