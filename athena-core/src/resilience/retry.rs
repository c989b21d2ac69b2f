//! Whether and when an operation that failed is attempted again.
//!
//! The pause after the nth attempt is `min(cap, base · multiplier^(n−1))`; with full jitter it is a
//! random share of that, so that instances which failed together do not come back together (Brooker,
//! "Exponential Backoff and Jitter", AWS Architecture Blog, 2015).
//!
//! Invariant: an operation has at most `most` attempts, moves not counted, of which there are
//! at most [`MOST_MOVES`] in a row; and none begins at its deadline or later.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::budget::BudgetSettings;
use super::class::{Retry, Wait};
use crate::policy::{LONGEST, Percent};

/// Most times in a row that an operation follows the store to another node.
const MOST_MOVES: u32 = 3;

/// Whether and when an operation on the backend is attempted again.
///
/// Only what may be repeated is, never while the breaker is open, and never past the deadline of the
/// call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RetrySettings {
    /// Whether anything is attempted again at all. Default true.
    pub enabled: bool,
    /// Attempts of an operation that a caller waits for, the first one included. Default 2.
    #[serde(with = "crate::count")]
    pub read_attempts: u32,
    /// Attempts of one off the callers' path and of invalidations, the first included. Default 3.
    #[serde(with = "crate::count")]
    pub write_attempts: u32,
    /// The pause after the first attempt; before jitter. Default 50 ms.
    #[serde(with = "crate::duration")]
    pub delay: Duration,
    /// What each further pause is multiplied by. Default 2.
    pub multiplier: f64,
    /// The longest pause. Default 500 ms.
    #[serde(with = "crate::duration")]
    pub max_delay: Duration,
    /// How pauses are spread. Default full.
    pub jitter: Jitter,
    /// Whether a read that had no answer in time is attempted again. Default false.
    ///
    /// Its caller has waited for a whole attempt timeout; the function is the better source then.
    pub after_timeout: bool,
    /// Retries as a share of the operations of the last 10 s. Default 20 %.
    pub budget: Percent,
    /// Retries per second that there may always be, on average over 10 s. Default 3.
    #[serde(with = "crate::count")]
    pub min_per_second: u32,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            enabled: true,
            read_attempts: 2,
            write_attempts: 3,
            delay: Duration::from_millis(50),
            multiplier: 2.0,
            max_delay: Duration::from_millis(500),
            jitter: Jitter::Full,
            after_timeout: false,
            budget: Percent::new(20),
            min_per_second: 3,
        }
    }
}

impl RetrySettings {
    /// What holds for an operation, by who waits for it.
    pub(crate) fn attempts(&self, wait: Wait) -> Attempts {
        let most = match wait {
            _ if !self.enabled => 1,
            Wait::Caller => self.read_attempts,
            Wait::Nobody => self.write_attempts,
        };
        let Self { delay: base, multiplier, max_delay: cap, jitter, .. } = *self;
        Attempts { most, base, multiplier, cap, jitter }
    }

    pub(crate) fn budget(&self) -> BudgetSettings {
        BudgetSettings { share: self.budget, minimum: self.min_per_second }
    }
}

/// How pauses between attempts are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Jitter {
    /// Anywhere from none to the whole pause.
    Full,
    /// Exactly the pause.
    None,
}

/// How often an operation is attempted, and the pauses between.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Attempts {
    /// Attempts in total, the first one included.
    pub(crate) most: u32,
    /// The pause after the first attempt.
    pub(crate) base: Duration,
    /// What each further pause is multiplied by.
    pub(crate) multiplier: f64,
    /// The longest pause.
    pub(crate) cap: Duration,
    /// How pauses are spread.
    pub(crate) jitter: Jitter,
}

/// The attempts that one operation has had, all of which failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tried {
    /// Without those that the store sent elsewhere.
    attempts: u32,
    /// The latest ones that the store sent elsewhere, in a row.
    moves: u32,
}

impl Tried {
    /// These, and one more that failed so.
    #[must_use]
    pub(crate) fn and(self, retry: Retry) -> Self {
        match retry {
            Retry::AtOnce => Self { moves: self.moves.saturating_add(1), ..self },
            Retry::Later | Retry::Never => {
                Self { attempts: self.attempts.saturating_add(1), moves: 0 }
            }
        }
    }
}

/// What to do after an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Attempt it again after a pause.
    Retry { after: Duration },
    /// Tell the failure.
    GiveUp,
}

/// What one attempt more depends on, besides the failure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Chance {
    /// What is left until the operation's deadline.
    pub(crate) left: Duration,
    /// From 0 to 1.
    pub(crate) random: f64,
}

impl Attempts {
    /// What to do after the latest attempt of those `tried` failed as `retry` says.
    ///
    /// `spend` takes from the budget, and is called only when nothing else stands against an attempt.
    /// Following a move is free: the store did nothing, and asks for it.
    pub(crate) fn decide(
        &self,
        tried: Tried,
        retry: Retry,
        chance: Chance,
        spend: impl FnOnce() -> bool,
    ) -> Decision {
        let (after, allowed) = match retry {
            Retry::Never => return Decision::GiveUp,
            Retry::AtOnce => (Duration::ZERO, tried.moves <= MOST_MOVES),
            Retry::Later => (self.pause(tried.attempts, chance.random), tried.attempts < self.most),
        };
        let in_time = after < chance.left;
        if allowed && in_time && (retry == Retry::AtOnce || spend()) {
            Decision::Retry { after }
        } else {
            Decision::GiveUp
        }
    }

    /// The pause after that many attempts.
    fn pause(&self, attempts: u32, random: f64) -> Duration {
        let power = i32::try_from(attempts.saturating_sub(1)).unwrap_or(i32::MAX);
        let grown = self.base.as_secs_f64() * self.multiplier.powi(power);
        let cap = self.cap.min(LONGEST);
        let pause = Duration::try_from_secs_f64(grown).map_or(cap, |pause| pause.min(cap));
        match self.jitter {
            Jitter::Full => pause.mul_f64(random.clamp(0.0, 1.0)),
            Jitter::None => pause,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Attempts, Chance, Decision, MOST_MOVES, Tried};
    use crate::policy::LONGEST;
    use crate::resilience::class::{Retry, Wait};
    use crate::resilience::retry::{Jitter, RetrySettings};
    use crate::resilience::settings::Resilience;

    const AMPLE: Chance = Chance { left: Duration::from_secs(3_600), random: 1.0 };

    fn default() -> Attempts {
        RetrySettings::default().attempts(Wait::Caller)
    }

    fn guide() -> Attempts {
        Resilience::guide().retry.attempts(Wait::Caller)
    }

    fn after(millis: u64) -> Decision {
        Decision::Retry { after: Duration::from_millis(millis) }
    }

    /// The verdicts on a row of failures, with a budget that never ends.
    fn verdicts(settings: &Attempts, failures: &[Retry]) -> Vec<Decision> {
        let mut tried = Tried::default();
        let judge = |retry: &Retry| {
            tried = tried.and(*retry);
            settings.decide(tried, *retry, AMPLE, || true)
        };
        failures.iter().map(judge).collect()
    }

    #[test]
    fn the_guides_numbers_make_three_attempts_one_and_two_seconds_apart() {
        let guide = guide();
        let expected = [after(1_000), after(2_000), Decision::GiveUp];
        assert_eq!(verdicts(&guide, &[Retry::Later; 3]), expected);
    }

    #[test]
    fn pauses_grow_up_to_the_cap() {
        let settings = Attempts { most: 7, jitter: Jitter::None, ..default() };
        let expected = [50, 100, 200, 400, 500, 500].map(after);
        assert_eq!(verdicts(&settings, &[Retry::Later; 6]), expected);
    }

    #[test]
    fn full_jitter_takes_a_random_share_of_the_pause() {
        let settings = Attempts { most: 9, ..default() };
        for (attempts, random, pause) in
            [(1, 0.0, 0), (1, 0.5, 25), (1, 1.0, 50), (2, 0.5, 50), (3, 0.25, 50), (8, 0.5, 250)]
        {
            let tried = Tried { attempts, moves: 0 };
            let chance = Chance { random, ..AMPLE };
            let verdict = settings.decide(tried, Retry::Later, chance, || true);
            assert_eq!(verdict, after(pause), "{random} after {attempts} attempts");
        }
    }

    #[test]
    fn numbers_beyond_reason_make_the_longest_pause_and_no_panic() {
        for multiplier in [f64::MAX, f64::INFINITY, f64::NAN, -2.0] {
            let settings = Attempts { multiplier, ..default() };
            assert!(settings.pause(u32::MAX, 1.0) <= settings.cap, "{multiplier}");
        }
        let (base, cap) = (Duration::MAX, Duration::MAX);
        for jitter in [Jitter::Full, Jitter::None] {
            let settings = Attempts { base, cap, jitter, ..default() };
            assert_eq!(settings.pause(9, 1.0), LONGEST);
        }
    }

    #[test]
    fn a_retry_that_could_not_begin_before_the_deadline_is_not_made() {
        let guide = guide();
        let tried = Tried { attempts: 1, moves: 0 };
        for (retry, left, verdict) in [
            (Retry::Later, 1_001, after(1_000)),
            (Retry::Later, 1_000, Decision::GiveUp),
            (Retry::AtOnce, 1, after(0)),
            (Retry::AtOnce, 0, Decision::GiveUp),
        ] {
            let chance = Chance { left: Duration::from_millis(left), random: 1.0 };
            assert_eq!(guide.decide(tried, retry, chance, || true), verdict, "{retry:?} {left} ms");
        }
    }

    #[test]
    fn only_a_retry_that_will_be_made_spends_budget() {
        let guide = guide();
        let first = Tried { attempts: 1, moves: 0 };
        let last = Tried { attempts: 3, moves: 0 };
        let late = Chance { left: Duration::ZERO, ..AMPLE };
        for (tried, retry, chance, asked) in [
            (first, Retry::Later, AMPLE, true),
            (last, Retry::Later, AMPLE, false),
            (first, Retry::Later, late, false),
            (first, Retry::Never, AMPLE, false),
            (first, Retry::AtOnce, AMPLE, false),
        ] {
            let mut spent = false;
            let verdict = guide.decide(tried, retry, chance, || {
                spent = true;
                false
            });
            assert_eq!(spent, asked, "{tried:?} {retry:?} {chance:?}");
            assert_eq!(verdict == Decision::GiveUp, retry != Retry::AtOnce);
        }
    }

    #[test]
    fn a_move_is_followed_at_once_three_times_in_a_row_and_counts_as_no_attempt() {
        let guide = guide();
        let mut expected = vec![after(0); MOST_MOVES as usize];
        expected.push(Decision::GiveUp);
        assert_eq!(verdicts(&guide, &[Retry::AtOnce; 4]), expected);

        let mixed = [Retry::AtOnce, Retry::AtOnce, Retry::Later, Retry::AtOnce, Retry::Later];
        let expected = [after(0), after(0), after(1_000), after(0), after(2_000)];
        assert_eq!(verdicts(&guide, &mixed), expected);
    }

    #[test]
    fn what_must_not_be_repeated_is_not() {
        assert_eq!(verdicts(&guide(), &[Retry::Never]), [Decision::GiveUp]);
    }
}
