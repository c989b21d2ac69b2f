//! When the next call is due; pure.
//!
//! Invariant: in no second do more begin than was said, but for those of a hundredth of it: clocks that are read and
//! slept by are no finer, and what is due in between begins together.

use std::time::Duration;

use crate::clock::Tick;

/// How late calls may be and still be made up for.
const SLACK: Duration = Duration::from_millis(10);

/// The times of calls.
#[derive(Debug)]
pub(super) struct Pacing {
    per_second: u32,
    /// From here on the times count, with so many calls since.
    base: Option<Tick>,
    since: u32,
    is_over: bool,
}

impl Pacing {
    pub(super) fn new(per_second: u32) -> Self {
        Self { per_second: per_second.max(1), base: None, since: 0, is_over: false }
    }

    /// How long the next call has to wait.
    pub(super) fn next(&mut self, now: Tick) -> Duration {
        let base = *self.base.get_or_insert(now);
        let due = base.after(Duration::from_secs(1).saturating_mul(self.since) / self.per_second);
        if now.since(due) > SLACK || self.since == u32::MAX {
            // What was held up is not made up for: that would be more in a second than was said.
            (self.base, self.since) = (Some(now), 1);
            return Duration::ZERO;
        }
        self.since += 1;
        due.since(now)
    }

    /// No more calls are made.
    pub(super) fn end(&mut self) {
        self.is_over = true;
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When each of so many calls begins, in milliseconds, if each is held up by so much.
    fn begun(per_second: u32, calls: usize, held_up: u64) -> Vec<u64> {
        let (mut pacing, mut now) = (Pacing::new(per_second), Tick::from_millis(7));
        let mut begun = Vec::new();
        for _ in 0..calls {
            now = now.after(pacing.next(now));
            begun.push(now.as_millis() - 7);
            now = now.after(Duration::from_millis(held_up));
        }
        begun
    }

    /// The most that begin in any second.
    fn most(begun: &[u64]) -> usize {
        let within =
            |from: u64| begun.iter().filter(|at| (from..from + 1_000).contains(at)).count();
        begun.iter().map(|from| within(*from)).max().unwrap_or(0)
    }

    #[test]
    fn calls_begin_at_the_rate_that_was_said() {
        assert_eq!(begun(10, 4, 0), [0, 100, 200, 300]);
        assert_eq!(begun(0, 3, 0), [0, 1_000, 2_000]);
        // More than the clock has ticks.
        let fast = begun(5_000, 10_001, 0);
        assert_eq!(fast.last(), Some(&2_000));
        assert_eq!(most(&fast), 5_000);
        // One sleep for each would make 3000 in a second of what should be 700.
        assert_eq!(begun(700, 7_001, 0).last(), Some(&10_000));
    }

    #[test]
    fn what_was_held_up_is_not_made_up_for() {
        assert_eq!(begun(10, 4, 250), [0, 250, 500, 750]);
        for (per_second, held_up) in [(1_000, 7), (100, 3), (3_000, 1)] {
            let most = most(&begun(per_second, 20_000, held_up));
            assert!(
                most <= per_second as usize + per_second as usize / 100 + 1,
                "{per_second} {most}"
            );
        }
    }
}
