//! How fast nodes answer, and how fast they did of late; pure.
//!
//! Invariant: nothing is said of a tick with few exchanges, nor before there is something to compare with.

use std::collections::VecDeque;
use std::time::Duration;

/// Ticks that are compared with: an hour of minutes.
const TICKS: usize = 60;
/// Ticks that have to be known.
const LEAST_TICKS: usize = 10;
/// Exchanges of a tick: of fewer, one in a hundred is none.
const LEAST_EXCHANGES: u64 = 100;

/// How many exchanges there were so far, by what they took.
#[derive(Debug, Clone, Default)]
pub(crate) struct SpeedCounts {
    /// Upper bounds in seconds, each with how many were at most as large and above the bound before it.
    pub(crate) buckets: Vec<(f64, u64)>,
    /// How many were above all bounds.
    pub(crate) above: u64,
}

/// What 99 of 100 exchanges took, tick by tick.
#[derive(Debug, Default)]
pub(crate) struct SpeedRecord {
    before: Option<SpeedCounts>,
    past: VecDeque<Duration>,
}

impl SpeedRecord {
    /// Takes in all that was counted so far: what 99 of 100 exchanges since the last tick took at most, and what they
    /// took in the middle one of the ticks before.
    pub(crate) fn tick(&mut self, counted: SpeedCounts) -> Option<(Duration, Duration)> {
        let before = self.before.replace(counted);
        let now = most_took(self.before.as_ref()?, before.as_ref()?)?;
        let mut sorted: Vec<_> = self.past.iter().copied().collect();
        sorted.sort_unstable();
        let usual = sorted.get(sorted.len() / 2).copied();
        let usual = usual.filter(|_| sorted.len() >= LEAST_TICKS);
        if self.past.len() == TICKS {
            self.past.pop_front();
        }
        self.past.push_back(now);
        Some((now, usual?))
    }
}

impl SpeedCounts {
    fn all(&self) -> u64 {
        self.above + self.buckets.iter().map(|(_, count)| count).sum::<u64>()
    }
}

/// The bound that 99 of 100 of those are below that were counted in between.
fn most_took(now: &SpeedCounts, before: &SpeedCounts) -> Option<Duration> {
    // Counters of another run begin anew.
    let count = now.all().checked_sub(before.all()).filter(|count| *count >= LEAST_EXCHANGES)?;
    let slow = count / 100;
    let mut slower = now.above.saturating_sub(before.above);
    let mut bound = None;
    for ((upper, now), (_, before)) in now.buckets.iter().zip(&before.buckets).rev() {
        if slower > slow {
            break;
        }
        bound = Some(*upper);
        slower += now.saturating_sub(*before);
    }
    // Above all bounds: it is at least twice the largest.
    let largest = now.buckets.last()?.0 * 2.0;
    Some(Duration::from_secs_f64(bound.unwrap_or(largest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    /// Counts so many more within a millisecond, within a second and above.
    fn more(counted: &mut SpeedCounts, fast: u64, slow: u64, above: u64) -> SpeedCounts {
        counted.buckets[0].1 += fast;
        counted.buckets[1].1 += slow;
        counted.above += above;
        counted.clone()
    }

    fn none() -> SpeedCounts {
        SpeedCounts { buckets: vec![(0.001, 0), (1.0, 0)], above: 0 }
    }

    #[test]
    fn a_tick_is_compared_with_the_middle_one_of_those_before() {
        let (mut record, mut counted) = (SpeedRecord::default(), none());
        let second = 1_000 * MILLISECOND;
        assert_eq!(record.tick(counted.clone()), None, "there is nothing before it");
        for _ in 0..LEAST_TICKS {
            assert_eq!(record.tick(more(&mut counted, 1_000, 10, 0)), None);
        }
        for (fast, slow, above, expected) in [
            (1_000, 10, 0, Some((MILLISECOND, MILLISECOND))),
            (1_000, 20, 0, Some((second, MILLISECOND))),
            (1_000, 0, 20, Some((2 * second, MILLISECOND))),
            (0, 0, 1_000, Some((2 * second, MILLISECOND))),
            (90, 9, 0, None),
            (0, 0, 0, None),
        ] {
            assert_eq!(record.tick(more(&mut counted, fast, slow, above)), expected);
        }
        // Once it is slow for half an hour, that is how it is.
        for _ in 0..TICKS {
            record.tick(more(&mut counted, 0, 1_000, 0));
        }
        assert_eq!(record.tick(more(&mut counted, 0, 1_000, 0)), Some((second, second)));
        assert_eq!(record.past.len(), TICKS);
        assert_eq!(record.tick(none()), None, "what is counted begins anew");
    }
}
