//! What is to be done, by what was seen; pure.
//!
//! Invariant: every step has a condition that was seen for several ticks, and none is done that nobody allowed.

use std::time::Duration;

use super::step::{RecoveryStep, StepResult};
use super::trouble::{LastingTrouble, Sight};
use crate::clock::Tick;

/// Ticks without an answer of any primary before something is done.
const LOST: u32 = 3;
/// Ticks in which damaged bytes were met.
const DAMAGED: u32 = 2;
/// Ticks that are slow, or short of memory.
const SLOW: u32 = 3;
/// More damaged values than this, and than one in a thousand reads.
const FEW_DAMAGED: u64 = 10;
const READS_PER_DAMAGED: u64 = 1_000;
/// How much slower than usual is slow.
const SLOWER: u32 = 3;

/// What was seen in one tick.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Whether any primary answered on the connection of operations; `None` if none was asked.
    pub(crate) any_answered: Option<bool>,
    /// Whether the links of operations believe that they are ready: else they are at it themselves.
    pub(crate) links_ready: bool,
    /// Reads since the last tick.
    pub(crate) reads: u64,
    /// How many of them found bytes that no version of the program can read.
    pub(crate) damaged: u64,
    /// What 99 of 100 exchanges took at most since the last tick, and in the middle tick of the last hour.
    pub(crate) exchanges: Option<(Duration, Duration)>,
    /// Whether a node is short of memory; `None` if none says.
    pub(crate) is_short_of_memory: Option<bool>,
    /// What was found of their memory, in words.
    pub(crate) memory: Option<String>,
    /// Whether servers may be told to do something for their own good.
    pub(crate) may_act: bool,
}

/// What was seen until now, as far as it matters.
#[derive(Debug, Clone)]
pub(crate) struct Supervision {
    lost: LastingTrouble,
    integrity: LastingTrouble,
    speed: LastingTrouble,
    memory: LastingTrouble,
}

impl Supervision {
    pub(crate) fn new() -> Self {
        Self {
            lost: LastingTrouble::new(LOST),
            integrity: LastingTrouble::new(DAMAGED),
            speed: LastingTrouble::new(SLOW),
            memory: LastingTrouble::new(SLOW),
        }
    }

    /// Takes in a tick; what is to be done now, in this order.
    pub(crate) fn tick(&mut self, seen: &Seen, now: Tick) -> Vec<RecoveryStep> {
        let mut steps = Vec::new();
        if self.lost.tick(seen.lost(), now) {
            steps.push(RecoveryStep::Reconnect);
        }
        if self.integrity.tick(seen.integrity(), now) {
            let mends = if seen.may_act { RecoveryStep::Repair } else { RecoveryStep::Verify };
            steps.push(mends);
        }
        if self.speed.tick(seen.speed(), now) {
            steps.push(RecoveryStep::AdviseOnSpeed);
        }
        if self.memory.tick(seen.memory(), now) {
            steps.push(RecoveryStep::AdviseOnMemory);
            if seen.may_act {
                steps.push(RecoveryStep::PurgeMemory);
            }
        }
        steps
    }

    /// What became of a step; whether that is news.
    pub(crate) fn note(&mut self, step: RecoveryStep, result: StepResult) -> bool {
        let trouble = match step {
            RecoveryStep::Reconnect => &mut self.lost,
            RecoveryStep::Verify | RecoveryStep::Repair => &mut self.integrity,
            RecoveryStep::AdviseOnSpeed => &mut self.speed,
            // One trouble with the purge: what that is left to another one for is not said again meanwhile.
            RecoveryStep::AdviseOnMemory => return !self.memory.is_left(),
            RecoveryStep::PurgeMemory => &mut self.memory,
        };
        trouble.leave(result == StepResult::Left)
    }

    /// What is wrong now.
    pub(crate) fn troubles(&self) -> Vec<&'static str> {
        let troubles = [
            ("connections", &self.lost),
            ("integrity", &self.integrity),
            ("speed", &self.speed),
            ("memory", &self.memory),
        ];
        troubles.into_iter().filter(|(_, it)| it.is_on()).map(|(name, _)| name).collect()
    }

    /// Whether something is wrong that one process of a fleet sees to for all: it goes on to do so until it is over.
    pub(crate) fn is_for_one(&self) -> bool {
        self.integrity.is_on() || self.memory.is_on()
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
        let is_bad = self.damaged > FEW_DAMAGED
            && self.damaged.saturating_mul(READS_PER_DAMAGED) > self.reads;
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
    fn third(seen: &Seen) -> Vec<RecoveryStep> {
        let (mut supervision, mut now) = (Supervision::new(), Tick::default());
        let mut steps = Vec::new();
        for _ in 0..3 {
            steps = supervision.tick(seen, now);
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
            (Seen { any_answered: Some(false), ..well() }, vec![RecoveryStep::Reconnect]),
            // A69: the link knows, and is at it.
            (Seen { any_answered: Some(false), links_ready: false, ..well() }, vec![]),
            (Seen { any_answered: None, ..well() }, vec![]),
            (Seen { damaged: 11, ..well() }, vec![RecoveryStep::Verify]),
            (Seen { damaged: 10, ..well() }, vec![]),
            (Seen { damaged: 11, reads: 20_000, ..well() }, vec![]),
            (Seen { exchanges: slow, ..well() }, vec![RecoveryStep::AdviseOnSpeed]),
            (Seen { is_short_of_memory: Some(true), ..well() }, vec![RecoveryStep::AdviseOnMemory]),
            (
                Seen { is_short_of_memory: Some(true), may_act: true, ..well() },
                vec![RecoveryStep::AdviseOnMemory, RecoveryStep::PurgeMemory],
            ),
        ];
        for (seen, expected) in cases {
            assert_eq!(third(&seen), expected, "{seen:?}");
        }
    }

    #[test]
    fn a68_nothing_is_removed_unless_that_is_allowed() {
        let (mut supervision, now) = (Supervision::new(), Tick::default());
        let bad = Seen { damaged: 100, may_act: true, ..well() };
        assert_eq!(supervision.tick(&bad, now), []);
        assert_eq!(supervision.tick(&bad, now), [RecoveryStep::Repair]);
        assert_eq!((supervision.troubles(), supervision.is_for_one()), (vec!["integrity"], true));
        for _ in 0..3 {
            assert!(supervision.is_for_one());
            assert_eq!(supervision.tick(&well(), now), []);
        }
        assert_eq!((supervision.troubles(), supervision.is_for_one()), (vec![], false));
    }

    #[test]
    fn a68_each_trouble_is_counted_by_itself() {
        let (mut supervision, now) = (Supervision::new(), Tick::default());
        let bad = Seen { damaged: 100, any_answered: Some(false), ..well() };
        assert_eq!(supervision.tick(&bad, now), []);
        assert_eq!(supervision.tick(&bad, now), [RecoveryStep::Verify]);
        assert_eq!(supervision.tick(&bad, now), [RecoveryStep::Reconnect]);
    }
}
