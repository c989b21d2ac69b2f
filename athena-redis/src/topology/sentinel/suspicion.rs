//! How closely to watch, and since when.

use std::time::Duration;

use athena_cache_core::backend::Cause;
use tokio::time::Instant;

use crate::link::{Growth, Least};

/// Between two questions while something is going on, and when nothing has come of it for long.
const ASKING: Growth = Growth {
    first: Duration::from_millis(20),
    longest: Duration::from_millis(500),
    step: 1,
    least: Least::Half,
};
/// How long to ask fast after the last thing that happened.
const EAGER: Duration = Duration::from_secs(10);
/// The pause doubles after each of these.
const STEP: Duration = Duration::from_secs(5);
/// So long a primary must have been sound, and nothing have happened, before the suspicion ends.
const UNEVENTFUL: Duration = Duration::from_secs(2);

/// What first cast doubt on the primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// No primary is known yet.
    Search,
    /// Its link was lost or silent.
    Silence,
    /// Sentinels hold it for dead.
    Down,
    /// Sentinels replace it although it answers.
    Announced,
    /// It turned out that another node is the primary, or that this one is none.
    Found,
}

/// A time of doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Suspicion {
    sign: Sign,
    since: Instant,
    /// When something happened last.
    last: Instant,
}

impl Suspicion {
    pub(super) fn new(sign: Sign, now: Instant) -> Self {
        Self { sign, since: now, last: now }
    }

    /// Something happened: watch closely for a while.
    pub(super) fn stir(&mut self, now: Instant) {
        self.last = now;
    }

    /// A failover was announced while the primary answers: a silence before it was another matter.
    pub(super) fn announce(&mut self, now: Instant) {
        if matches!(self.sign, Sign::Silence | Sign::Found) {
            *self = Self::new(Sign::Announced, now);
        }
    }

    /// The first sign of a failover.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// What a failover that ends this suspicion was set off by.
    pub(super) fn cause(&self) -> Cause {
        match self.sign {
            Sign::Announced => Cause::Planned,
            Sign::Silence | Sign::Down => Cause::Unplanned,
            Sign::Search | Sign::Found => Cause::Unknown,
        }
    }

    /// The pause between two questions.
    pub(super) fn pause(&self, now: Instant) -> Duration {
        let idle = now.saturating_duration_since(self.last).saturating_sub(EAGER);
        let steps = idle.as_secs().div_ceil(STEP.as_secs());
        ASKING.after(u32::try_from(steps).unwrap_or(u32::MAX))
    }

    /// Whether nothing has happened for long enough to trust a primary that is sound.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) >= UNEVENTFUL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_grow_rare_when_nothing_comes_of_them() {
        let start = Instant::now();
        let mut suspicion = Suspicion::new(Sign::Silence, start);
        for (seconds, millis) in
            [(0, 20), (10, 20), (12, 40), (16, 80), (21, 160), (26, 320), (31, 500), (99_999, 500)]
        {
            let pause = suspicion.pause(start + Duration::from_secs(seconds));
            assert_eq!(pause, Duration::from_millis(millis), "after {seconds} s");
        }
        suspicion.stir(start + Duration::from_secs(100));
        assert_eq!(suspicion.pause(start + Duration::from_secs(105)), ASKING.first);
        assert_eq!(suspicion.since(), start);
    }

    #[test]
    fn a_suspicion_ends_when_nothing_has_happened_for_a_while() {
        let start = Instant::now();
        let mut suspicion = Suspicion::new(Sign::Silence, start);
        assert!(!suspicion.is_over(start + UNEVENTFUL / 2));
        assert!(suspicion.is_over(start + UNEVENTFUL));
        suspicion.stir(start + UNEVENTFUL);
        assert!(!suspicion.is_over(start + UNEVENTFUL));
    }

    #[test]
    fn the_first_sign_tells_the_cause_unless_the_primary_recovered() {
        let start = Instant::now();
        for (sign, before, after) in [
            (Sign::Announced, Cause::Planned, Cause::Planned),
            (Sign::Silence, Cause::Unplanned, Cause::Planned),
            (Sign::Down, Cause::Unplanned, Cause::Unplanned),
            (Sign::Found, Cause::Unknown, Cause::Planned),
            (Sign::Search, Cause::Unknown, Cause::Unknown),
        ] {
            let mut suspicion = Suspicion::new(sign, start);
            assert_eq!(suspicion.cause(), before, "{sign:?}");
            suspicion.announce(start);
            assert_eq!(suspicion.cause(), after, "{sign:?}");
        }
    }
}
