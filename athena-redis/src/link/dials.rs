//! How often one node is dialed at most, whoever wants it and however often.
//!
//! Invariant: it draws no random number itself, so that a table of inputs tests it.

use std::collections::HashMap;
use std::time::Duration;

use athena_cache_core::backend::Node;
use tokio::time::Instant;

/// So many dials at once: those who look for a promoted node hurry.
const BURST: u32 = 24;
/// Between dials beyond that.
const INTERVAL: Duration = Duration::from_millis(250);
/// However many want to dial at once, none is made to wait longer than for so many before it.
const MOST_AHEAD: u32 = 40;
/// The share by which a pause is drawn out at most, so that instances do not dial together.
const SPREAD: f64 = 0.5;

/// From so many nodes on those are forgotten that were not dialed lately: they come and go for as long as the
/// process lives.
const MOST_NODES: usize = 64;

/// The dials of every node that was dialed lately.
#[derive(Debug, Default)]
pub(super) struct NodeDials(HashMap<Node, Dials>);

/// The dials of one node.
#[derive(Debug, Clone, Copy)]
struct Dials {
    /// When all those made so far were over, were they made at the interval.
    over: Instant,
}

impl NodeDials {
    /// How long to wait before a node is dialed, by a random number from 0 to 1.
    pub(super) fn pause(&mut self, node: Node, now: Instant, random: f64) -> Duration {
        if self.0.len() >= MOST_NODES {
            self.0.retain(|_, dials| !dials.are_over(now));
        }
        self.0.entry(node).or_insert_with(|| Dials::new(now)).pause(now, random)
    }
}

impl Dials {
    fn new(now: Instant) -> Self {
        Self { over: now }
    }

    /// Whether nothing is left to remember of those made so far.
    fn are_over(&self, now: Instant) -> bool {
        self.over <= now
    }

    /// How long to wait before the next one, by a random number from 0 to 1.
    fn pause(&mut self, now: Instant, random: f64) -> Duration {
        let over = self.over.max(now);
        self.over = (over + INTERVAL).min(now + INTERVAL * (BURST + MOST_AHEAD));
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
    fn however_many_want_to_dial_at_once_the_last_of_them_has_its_turn_soon() {
        let start = Instant::now();
        let mut dials = Dials::new(start);
        let longest = (0..10_000).map(|_| dials.pause(start, 1.0)).max().unwrap();
        assert!(longest <= Duration::from_secs(16), "{longest:?}");
        assert!(!dials.are_over(start + Duration::from_secs(10)));
        assert!(dials.are_over(start + Duration::from_secs(16)));
    }

    #[test]
    fn nodes_that_have_come_and_gone_are_forgotten() {
        let (mut dials, mut now) = (NodeDials::default(), Instant::now());
        for number in 0..1_000 {
            dials.pause(Node::new(number), now, 0.5);
            now += Duration::from_secs(1);
            // One that is dialed all the time is not: that would let it be dialed at once again.
            for _ in 0..20 {
                dials.pause(Node::new(1_000), now, 0.5);
            }
        }
        assert!(dials.0.len() <= MOST_NODES);
        assert!(!dials.pause(Node::new(1_000), now, 0.0).is_zero());
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
