//! A time in four bytes, since every entry has several.
//!
//! Invariant: the longer of two times has no smaller number. Up to 24 days it is exact to the millisecond, beyond that
//! to two seconds; the longest is more than a century, which is the longest life of an entry.

use std::time::Duration;

use crate::clock::millis;

/// A length of time; the largest number has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Span(u32);

/// From here on a number counts steps, below it milliseconds.
const COARSE: u32 = 1 << 31;
/// Milliseconds of a step.
const STEP: u64 = 2_000;

impl Span {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const ENDLESS: Self = Self(u32::MAX);

    /// Never more than these milliseconds.
    pub(crate) fn at_most(time: u64) -> Self {
        Self::fine(time).unwrap_or_else(|| Self::coarse((time - u64::from(COARSE)) / STEP))
    }

    /// Never less than these milliseconds.
    pub(crate) fn at_least(time: u64) -> Self {
        Self::fine(time).unwrap_or_else(|| Self::coarse((time - u64::from(COARSE)).div_ceil(STEP)))
    }

    /// How long something is so whose age in whole milliseconds is less than `limit`.
    pub(crate) fn below(limit: Duration) -> Self {
        let whole = millis(limit);
        let rest = limit.saturating_sub(Duration::from_millis(whole));
        Self::at_most(whole.saturating_add(u64::from(!rest.is_zero())))
    }

    #[inline]
    pub(crate) fn as_millis(self) -> u64 {
        if self.0 < COARSE {
            return u64::from(self.0);
        }
        if self == Self::ENDLESS {
            return u64::MAX;
        }
        u64::from(COARSE) + u64::from(self.0 - COARSE) * STEP
    }

    /// As [`from_number`](Self::from_number) takes it.
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    pub(crate) fn from_number(number: u32) -> Self {
        Self(number)
    }

    fn fine(time: u64) -> Option<Self> {
        u32::try_from(time).ok().filter(|time| *time < COARSE).map(Self)
    }

    fn coarse(steps: u64) -> Self {
        Self(u32::try_from(steps).unwrap_or(u32::MAX).saturating_add(COARSE))
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        if span == Span::ENDLESS { Self::MAX } else { Self::from_millis(span.as_millis()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::LONGEST;

    #[test]
    fn it_is_exact_for_weeks_and_off_by_two_seconds_at_most_for_a_century() {
        let century = millis(LONGEST);
        let coarse = u64::from(COARSE);
        let times = [0, 1, 999, 60_000, coarse - 1, coarse, coarse + 1, coarse + STEP, century];
        for time in times {
            let (most, least) = (Span::at_most(time), Span::at_least(time));
            assert!(most <= least);
            assert!(most.as_millis() <= time && time <= least.as_millis(), "{time}");
            let apart = if time < coarse { 0 } else { STEP };
            assert!(least.as_millis() - most.as_millis() <= apart, "{time}");
        }
        assert!(times.is_sorted_by_key(|time| Span::at_most(*time)));
        assert_eq!(Duration::from(Span::at_most(u64::MAX)), Duration::MAX);
        assert_eq!(Span::at_least(u64::MAX), Span::ENDLESS);
    }

    #[test]
    fn an_age_in_milliseconds_is_below_it_while_it_is_below_the_limit() {
        for (limit, millis) in [(0, 0), (1, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 2)] {
            assert_eq!(Span::below(Duration::from_nanos(limit)).as_millis(), millis, "{limit}");
        }
    }
}
