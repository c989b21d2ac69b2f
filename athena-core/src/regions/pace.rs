//! When the next round of the pump is due (A30).

use std::time::Duration;

/// However often a round fails, it is tried again after this.
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// How a round ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoundEnd {
    /// Nothing of the log is left.
    Complete,
    /// There is more of it.
    More,
    /// It is somebody else's turn.
    Elsewhere,
    /// A store did not do what was asked.
    Failed,
}

/// How long the pump pauses.
#[derive(Debug)]
pub(crate) struct RoundPace {
    usual: Duration,
    failures: u32,
}

impl RoundPace {
    /// Rounds often enough that a process hears of each within what it tolerates, several times over.
    pub(crate) fn new(tolerance: Duration, trust_window: Duration) -> Self {
        let usual = (tolerance.min(trust_window) / 4).max(Duration::from_millis(1));
        Self { usual, failures: 0 }
    }

    /// How long it pauses between rounds that bring nothing.
    pub(crate) fn usual(&self) -> Duration {
        self.usual
    }

    /// How long to wait after a round, unless a record is announced before.
    pub(crate) fn after(&mut self, end: RoundEnd) -> Duration {
        match end {
            RoundEnd::Failed => {
                let pause = self.usual.saturating_mul(1_u32 << self.failures.min(20));
                self.failures = self.failures.saturating_add(1);
                pause.min(LONGEST)
            }
            RoundEnd::More => {
                self.failures = 0;
                Duration::ZERO
            }
            RoundEnd::Complete | RoundEnd::Elsewhere => {
                self.failures = 0;
                self.usual
            }
        }
    }

    /// There is news that a store may answer again: nothing of before makes anybody wait.
    pub(crate) fn revive(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a30_rounds_are_quick_while_they_succeed_and_at_most_five_minutes_apart() {
        let mut pace = RoundPace::new(Duration::from_secs(5), Duration::from_secs(2));
        let usual = Duration::from_millis(500);
        assert_eq!(pace.after(RoundEnd::Complete), usual);
        assert_eq!(pace.after(RoundEnd::Elsewhere), usual);
        assert_eq!(pace.after(RoundEnd::More), Duration::ZERO);
        let pauses: Vec<_> = (0..40).map(|_| pace.after(RoundEnd::Failed)).collect();
        assert_eq!(pauses[..4], [1, 2, 4, 8].map(|times| times * usual));
        assert!(pauses.windows(2).all(|pair| pair[0] <= pair[1]), "{pauses:?}");
        assert_eq!(pauses.last(), Some(&Duration::from_secs(300)));
        pace.revive();
        assert_eq!(pace.after(RoundEnd::Failed), usual);
        assert_eq!(pace.after(RoundEnd::Complete), usual);
        assert_eq!(RoundPace::new(Duration::ZERO, usual).after(RoundEnd::Complete).as_millis(), 1);
    }
}
