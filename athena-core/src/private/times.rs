//! Durations that the attribute is given as constants, held against what it holds texts against.
//!
//! Invariant: they are evaluated while the user's crate is compiled, so that a wrong one is an error where it stands.

use std::time::Duration;

/// A time: whole milliseconds, or as long as can be said.
#[track_caller]
#[must_use]
pub const fn time(written: Duration) -> Duration {
    const LONGEST: Duration = Duration::from_millis(u64::MAX);
    if written.as_nanos() == Duration::MAX.as_nanos() {
        return LONGEST;
    }
    assert!(
        written.as_nanos() <= LONGEST.as_nanos(),
        "expected at most `Duration::from_millis(u64::MAX)`, or `Duration::MAX` for no limit"
    );
    assert!(
        written.subsec_nanos().is_multiple_of(1_000_000),
        "expected whole milliseconds, such as `Duration::from_millis(250)`: the cache counts no others"
    );
    written
}

/// A time that is waited for.
#[track_caller]
#[must_use]
pub const fn limit(written: Duration) -> Duration {
    assert!(
        !written.is_zero(),
        "expected at least `Duration::from_millis(1)`: no call could be answered within nothing; leave the option \
         out for no limit"
    );
    time(written)
}

/// A soft timeout, beside a hard one.
#[track_caller]
#[must_use]
pub const fn below(soft: Duration, hard: Duration) -> Duration {
    assert!(
        soft.as_nanos() < hard.as_nanos(),
        "`soft_timeout` never acts unless it is shorter than `hard_timeout`"
    );
    soft
}

/// A `ttl`, beside `refresh`.
#[track_caller]
#[must_use]
pub const fn kept(ttl: Duration) -> Duration {
    assert!(
        !ttl.is_zero(),
        "`refresh` has no effect with a `ttl` of nothing, which keeps nothing that could be reloaded; remove it, or \
         make the `ttl` longer"
    );
    ttl
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_duration_is_no_limit() {
        assert_eq!(time(Duration::MAX), Duration::from_millis(u64::MAX));
        assert_eq!(limit(Duration::from_millis(1)), Duration::from_millis(1));
        assert_eq!(time(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    #[should_panic(expected = "or `Duration::MAX` for no limit")]
    fn what_is_too_long_is_refused() {
        let _ = time(Duration::from_secs(u64::MAX));
    }

    #[test]
    #[should_panic(expected = "whole milliseconds")]
    fn a_fraction_of_a_millisecond_is_refused() {
        let _ = time(Duration::from_micros(1_500));
    }
}
