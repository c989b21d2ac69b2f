//! Durations that the attribute is given as constants, held against what it holds texts against.
//!
//! Invariant: they are evaluated while the user's crate is compiled, so that a wrong one is an error where it stands.

use std::time::Duration;

/// What stands in the program.
#[derive(Debug, Clone, Copy)]
pub struct TimeInCode<T>(pub T);

impl TimeInCode<Duration> {
    /// A time: whole milliseconds, or as long as can be said.
    #[track_caller]
    #[must_use]
    pub const fn time(self) -> Duration {
        const LONGEST: Duration = Duration::from_millis(u64::MAX);
        let written = self.0;
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
    pub const fn limit(self) -> Duration {
        assert!(
            !self.0.is_zero(),
            "expected at least `Duration::from_millis(1)`: no call could be answered within nothing; leave the option \
             out for no limit"
        );
        self.time()
    }
}

/// What is no time is told in words of ours: that types differ says nothing of what to write. It fails where the
/// user's crate is compiled.
macro_rules! refuse {
    ($text:literal: $($type:ty),*) => {
        $(
            impl TimeInCode<$type> {
                /// Refused.
                #[track_caller]
                pub const fn time(self) -> Duration {
                    panic!($text)
                }

                /// Refused.
                #[track_caller]
                pub const fn limit(self) -> Duration {
                    panic!($text)
                }
            }
        )*
    };
}

refuse!(
    "expected a `Duration`, found a number, which says no unit: write `Duration::from_secs(…)` around it":
    u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64
);
refuse!(
    "expected a `Duration`, found a text: write it where the option stands, as in `ttl = \"5m\"`, or make the constant \
     a `Duration`":
    &str
);

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
        assert_eq!(TimeInCode(Duration::MAX).time(), Duration::from_millis(u64::MAX));
        assert_eq!(TimeInCode(Duration::from_millis(1)).limit(), Duration::from_millis(1));
        assert_eq!(TimeInCode(Duration::ZERO).time(), Duration::ZERO);
    }

    #[test]
    #[should_panic(expected = "or `Duration::MAX` for no limit")]
    fn what_is_too_long_is_refused() {
        let _ = TimeInCode(Duration::from_secs(u64::MAX)).time();
    }

    #[test]
    #[should_panic(expected = "whole milliseconds")]
    fn a_fraction_of_a_millisecond_is_refused() {
        let _ = TimeInCode(Duration::from_micros(1_500)).time();
    }
}
