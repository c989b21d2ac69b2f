//! How old an entry may be, and what follows from its age.

use std::time::Duration;

use super::Percent;
use super::span::Span;
use crate::clock::millis;

/// The times of an entry, fixed when it was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Life {
    /// How long it is fresh, jitter already taken off.
    pub(crate) ttl: Duration,
    /// How long past the ttl it may still serve when the load cannot.
    pub(crate) grace: Duration,
}

/// What an age decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Serve it.
    Fresh,
    /// Serve it, and load in the background.
    Refresh,
    /// Load; serve it only if that fails or is slow.
    Stale,
    /// As good as absent.
    Expired,
}

impl Life {
    pub(crate) fn judge(self, age: Duration, refresh: Option<Percent>) -> Verdict {
        if age < self.ttl {
            return match refresh {
                Some(share) if age >= share.of(self.ttl) => Verdict::Refresh,
                _ => Verdict::Fresh,
            };
        }
        if age < self.total() { Verdict::Stale } else { Verdict::Expired }
    }

    /// Fresh and stale time together.
    pub(crate) fn total(self) -> Duration {
        self.ttl.saturating_add(self.grace)
    }

    /// This life, ended by `share` of the jitter early. `share` runs from 0 to 1.
    pub(crate) fn jittered(self, jitter: Percent, share: f64) -> Self {
        let early = jitter.of(self.ttl).mul_f64(share.clamp(0.0, 1.0));
        Self { ttl: self.ttl.saturating_sub(early), grace: self.grace }
    }
}

/// The times of an entry as it keeps them: to the millisecond, at which ages are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CompactLife {
    ttl: Span,
    grace: Span,
}

impl CompactLife {
    /// Whether that alone decides that an entry of so many milliseconds is fresh.
    #[inline]
    pub(crate) fn is_fresh_at(self, age: u64) -> bool {
        age < self.ttl.as_millis()
    }

    pub(crate) fn whole(self) -> Life {
        Life { ttl: self.ttl.into(), grace: self.grace.into() }
    }
}

impl From<Life> for CompactLife {
    fn from(life: Life) -> Self {
        Self { ttl: Span::below(life.ttl), grace: Span::at_most(millis(life.grace)) }
    }
}

#[cfg(test)]
mod tests {
    use super::{CompactLife, Life, Verdict};
    use crate::policy::Percent;
    use std::time::Duration;

    const LIFE: Life = Life { ttl: Duration::from_secs(10), grace: Duration::from_secs(5) };

    #[test]
    fn an_age_decides_what_happens() {
        let refresh = Some(Percent::new(80));
        for (age, refresh, expected) in [
            (0, None, Verdict::Fresh),
            (9_999, None, Verdict::Fresh),
            (7_999, refresh, Verdict::Fresh),
            (8_000, refresh, Verdict::Refresh),
            (10_000, refresh, Verdict::Stale),
            (14_999, None, Verdict::Stale),
            (15_000, None, Verdict::Expired),
        ] {
            assert_eq!(LIFE.judge(Duration::from_millis(age), refresh), expected, "at {age} ms");
        }
    }

    #[test]
    fn a_zero_ttl_is_never_fresh_and_the_longest_does_not_overflow() {
        let none = Life { ttl: Duration::ZERO, grace: Duration::ZERO };
        assert_eq!(none.judge(Duration::ZERO, None), Verdict::Expired);
        let ever = Life { ttl: Duration::MAX, grace: Duration::MAX };
        assert_eq!(ever.judge(Duration::from_secs(1 << 40), None), Verdict::Fresh);
    }

    #[test]
    fn a_compact_life_decides_the_same_at_every_millisecond() {
        let fraction = Duration::from_micros(2_500);
        for life in [LIFE, Life { ttl: fraction, ..LIFE }, Life { ttl: Duration::MAX, ..LIFE }] {
            let compact = CompactLife::from(life);
            for age in [0, 2, 3, 9_999, 10_000, 14_999, 15_000, 1 << 45] {
                let whole = Duration::from_millis(age);
                assert_eq!(compact.is_fresh_at(age), whole < life.ttl);
                assert_eq!(compact.whole().judge(whole, None), life.judge(whole, None), "{age}");
            }
        }
    }

    #[test]
    fn jitter_only_shortens() {
        let jitter = Percent::new(10);
        assert_eq!(LIFE.jittered(jitter, 0.0).ttl, Duration::from_secs(10));
        assert_eq!(LIFE.jittered(jitter, 1.0).ttl, Duration::from_secs(9));
    }
}
