//! What is to be done, by what was seen; pure.
//!
//! Invariant: every step has a condition that was seen for several ticks, and none is done that nobody allowed.

use std::time::Duration;

use super::trouble::{Sight, Trouble};
use crate::clock::Tick;

/// Ticks without an answer of any primary before something is done.
const LOST: u32 = 3;
/// Ticks in which bytes could not be read.
const UNREADABLE: u32 = 2;
/// Ticks that are slow, or short of memory.
const SLOW: u32 = 3;
/// More unreadable bytes than this, and than one in a thousand reads.
const FEW_UNREADABLE: u64 = 10;
const READS_PER_UNREADABLE: u64 = 1_000;
/// How much slower than usual is slow.
const SLOWER: u32 = 3;

/// What was seen in one tick.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Whether any primary answered over a connection of its own; `None` if none was asked.
    pub(crate) any_answered: Option<bool>,
    /// Whether the links of operations believe that they are ready: else they are at it themselves.
    pub(crate) links_ready: bool,
    /// Reads since the last tick.
    pub(crate) reads: u64,
    /// How many of them found bytes that nobody can read.
    pub(crate) unreadable: u64,
    /// What 99 of 100 exchanges took at most since the last tick, and in the middle tick of the last hour.
    pub(crate) exchanges: Option<(Duration, Duration)>,
    /// Whether a node is short of memory; `None` if none says.
    pub(crate) is_short_of_memory: Option<bool>,
    /// Whether servers may be told to do something for their own good.
    pub(crate) may_act: bool,
}

/// Something to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// Connections are made anew.
    Reconnect,
    /// All that is stored is looked at, and what is good for nothing removed.
    Repair,
    /// Somebody is told that it is slow.
    AdviseOnSpeed,
    /// Somebody is told that memory is short.
    AdviseOnMemory,
    /// Servers give memory back that they hold and do not use.
    PurgeMemory,
}

/// What was seen until now, as far as it matters.
#[derive(Debug, Clone)]
pub(crate) struct Supervision {
    lost: Trouble,
    integrity: Trouble,
    speed: Trouble,
    memory: Trouble,
}

impl Supervision {
    pub(crate) fn new() -> Self {
        Self {
            lost: Trouble::new(LOST),
            integrity: Trouble::new(UNREADABLE),
            speed: Trouble::new(SLOW),
            memory: Trouble::new(SLOW),
        }
    }

    /// Takes in a tick; what is to be done now, in this order.
    pub(crate) fn tick(&mut self, seen: &Seen, now: Tick) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.lost.tick(seen.lost(), now) {
            steps.push(Step::Reconnect);
        }
        if self.integrity.tick(seen.integrity(), now) {
            steps.push(Step::Repair);
        }
        if self.speed.tick(seen.speed(), now) {
            steps.push(Step::AdviseOnSpeed);
        }
        if self.memory.tick(seen.memory(), now) {
            steps.push(Step::AdviseOnMemory);
            if seen.may_act {
                steps.push(Step::PurgeMemory);
            }
        }
        steps
    }
}

impl Seen {
    /// A link that knows that it is down is at it itself: two that reconnect would compete.
    fn lost(&self) -> Sight {
        match (self.any_answered, self.links_ready) {
            (None, _) => Sight::Unknown,
            (Some(false), true) => Sight::Bad,
            _ => Sight::Good,
        }
    }

    fn integrity(&self) -> Sight {
        if self.reads == 0 {
            return Sight::Unknown;
        }
        let is_bad = self.unreadable > FEW_UNREADABLE
            && self.unreadable.saturating_mul(READS_PER_UNREADABLE) > self.reads;
        if is_bad { Sight::Bad } else { Sight::Good }
    }

    fn speed(&self) -> Sight {
        match self.exchanges {
            None => Sight::Unknown,
            Some((now, usual)) if now > usual.saturating_mul(SLOWER) => Sight::Bad,
            Some(_) => Sight::Good,
        }
    }

    fn memory(&self) -> Sight {
        match self.is_short_of_memory {
            None => Sight::Unknown,
            Some(true) => Sight::Bad,
            Some(false) => Sight::Good,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn well() -> Seen {
        let usual = Duration::from_millis(1);
        Seen {
            any_answered: Some(true),
            links_ready: true,
            reads: 10_000,
            exchanges: Some((usual, usual)),
            is_short_of_memory: Some(false),
            ..Seen::default()
        }
    }

    /// What is done in the third minute of seeing the same.
    fn third(seen: Seen) -> Vec<Step> {
        let (mut supervision, mut now) = (Supervision::new(), Tick::default());
        let mut steps = Vec::new();
        for _ in 0..3 {
            steps = supervision.tick(&seen, now);
            now = now.after(Duration::from_secs(60));
        }
        steps
    }

    #[test]
    fn a68_what_was_seen_decides_what_is_done() {
        let slow = Some((Duration::from_millis(4), Duration::from_millis(1)));
        let cases = [
            (well(), vec![]),
            (Seen::default(), vec![]),
            (Seen { any_answered: Some(false), ..well() }, vec![Step::Reconnect]),
            // A69: the link knows, and is at it.
            (Seen { any_answered: Some(false), links_ready: false, ..well() }, vec![]),
            (Seen { any_answered: None, ..well() }, vec![]),
            (Seen { unreadable: 11, ..well() }, vec![Step::Repair]),
            (Seen { unreadable: 10, ..well() }, vec![]),
            (Seen { unreadable: 11, reads: 20_000, ..well() }, vec![]),
            (Seen { exchanges: slow, ..well() }, vec![Step::AdviseOnSpeed]),
            (Seen { is_short_of_memory: Some(true), ..well() }, vec![Step::AdviseOnMemory]),
            (
                Seen { is_short_of_memory: Some(true), may_act: true, ..well() },
                vec![Step::AdviseOnMemory, Step::PurgeMemory],
            ),
        ];
        for (seen, expected) in cases {
            assert_eq!(third(seen), expected, "{seen:?}");
        }
    }

    #[test]
    fn a68_each_trouble_is_counted_by_itself() {
        let (mut supervision, now) = (Supervision::new(), Tick::default());
        let bad = Seen { unreadable: 100, any_answered: Some(false), ..well() };
        assert_eq!(supervision.tick(&bad, now), []);
        assert_eq!(supervision.tick(&bad, now), [Step::Repair]);
        assert_eq!(supervision.tick(&bad, now), [Step::Reconnect]);
    }
}
