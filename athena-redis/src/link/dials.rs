//! How often one node is dialed at most, whoever wants it and however often.
//!
//! Invariant: it draws no random number itself, so that a table of inputs tests it.

use std::time::Duration;

use tokio::time::Instant;

/// So many dials at once: those who look for a promoted node hurry.
const BURST: u32 = 24;
/// Between dials beyond that.
const INTERVAL: Duration = Duration::from_millis(250);
/// The share by which a pause is drawn out at most, so that instances do not dial together.
const SPREAD: f64 = 0.5;

/// The dials of one node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dials {
    /// When all those made so far were over, were they made at the interval.
    over: Instant,
}

impl Dials {
    pub(super) fn new(now: Instant) -> Self {
        Self { over: now }
    }

    /// How long to wait before the next one, by a random number from 0 to 1.
    pub(super) fn pause(&mut self, now: Instant, random: f64) -> Duration {
        let over = self.over.max(now);
        self.over = over + INTERVAL;
        let ahead = over - now;
        ahead.saturating_sub(INTERVAL * (BURST - 1)).mul_f64(1.0 + SPREAD * random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many dials somebody makes in a time who dials again at once.
    fn dials_within(dials: &mut Dials, start: Instant, time: Duration, random: f64) -> u32 {
        let (mut now, mut count) = (start, 0);
        loop {
            now += dials.pause(now, random);
            if now - start >= time {
                return count;
            }
            count += 1;
        }
    }

    #[test]
    fn a_node_is_dialed_at_once_a_few_times_and_then_four_times_a_second_at_most() {
        for random in [0.0, 0.5, 1.0] {
            let start = Instant::now();
            let mut dials = Dials::new(start);
            let first = dials_within(&mut dials, start, Duration::from_millis(100), random);
            assert_eq!(first, BURST);
            let start = start + Duration::from_secs(1);
            let later = dials_within(&mut dials, start, Duration::from_secs(20), random);
            assert!((60..=84).contains(&later), "{later}");
        }
    }

    #[test]
    fn who_has_not_dialed_for_long_dials_at_once_again() {
        let start = Instant::now();
        let mut dials = Dials::new(start);
        dials_within(&mut dials, start, Duration::from_secs(60), 0.0);
        assert!(!dials.pause(start + Duration::from_secs(60), 0.0).is_zero());
        assert!(dials.pause(start + Duration::from_secs(120), 1.0).is_zero());
    }

    #[test]
    fn instances_that_wait_do_not_dial_together() {
        let start = Instant::now();
        let pause = |random| {
            let mut dials = Dials::new(start);
            (0..=BURST).map(|_| dials.pause(start, random)).last()
        };
        assert_eq!(pause(0.0), Some(INTERVAL));
        assert_eq!(pause(1.0), Some(INTERVAL.mul_f64(1.0 + SPREAD)));
    }
}
