//! The two stores, and the process that listens.

use super::super::hearing::Hearing;
use super::super::untold::{Telling, Untold};
use crate::backend::{LogPage, LogPosition, LogPulse, LogRecord};
use crate::clock::Tick;

/// How many things are invalidated.
pub(super) const TARGETS: usize = 4;
/// How many moments a store may lose.
const TAIL: usize = 15;

/// A decision that is replaced by a careless one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Careless {
    /// Regions 4.
    CursorFirst,
    /// Regions 6.
    GapUnseen,
    HistoryUnseen,
    /// Regions 7.
    HeadAfterClear,
    /// Regions 8.
    HeardFromTheEnd,
    /// Regions 8, by a node that was demoted.
    DoubtUnseen,
    /// Regions 10.
    AnyConnection,
    /// Regions 9.
    ForgottenAtOnce,
    /// Regions 14.
    SettledUnacknowledged,
}

/// How far the secondary follows the log, as it may lose it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Followed {
    pub(super) asked: u64,
    pub(super) answered: u64,
    pub(super) position: Option<LogPosition>,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) now: u64,
    pub(super) careless: Option<Careless>,
    /// When the primary has executed each target.
    pub(super) executed: [Vec<u64>; TARGETS],
    pub(super) last: LogPosition,
    records: Vec<(u64, LogRecord)>,
    /// The log of a node that was demoted and answers the pumps still.
    demoted: Option<(LogPosition, Vec<(u64, LogRecord)>)>,
    /// When the secondary has invalidated each target last.
    pub(super) applied: [u64; TARGETS],
    pub(super) followed: Followed,
    earlier: Vec<Followed>,
    pub(super) history: u64,
    /// The number of the present connections to the secondary.
    pub(super) epoch: u64,
    pub(super) outbox: Vec<(u64, LogRecord)>,
    owed: (u64, [u64; TARGETS]),
    names: u64,
}

pub(super) fn record(target: usize) -> LogRecord {
    LogRecord::Tag(target.to_string())
}

pub(super) fn target(record: &LogRecord) -> Option<usize> {
    match record {
        LogRecord::Tag(text) => text.parse().ok(),
        _ => None,
    }
}

impl World {
    pub(super) fn new(careless: Option<Careless>, random: &mut fastrand::Rng) -> Self {
        Self {
            now: 1,
            careless,
            executed: Default::default(),
            last: LogPosition { history: 1, nonce: random.u64(1..), number: 0 },
            records: Vec::new(),
            demoted: None,
            applied: [0; TARGETS],
            followed: Followed::default(),
            earlier: Vec::new(),
            history: 1_000_000,
            epoch: 1,
            outbox: Vec::new(),
            owed: (0, [0; TARGETS]),
            names: 1,
        }
    }

    pub(super) fn is(&self, careless: Careless) -> bool {
        self.careless == Some(careless)
    }

    fn name(&mut self) -> u64 {
        self.names += 1;
        self.names
    }

    /// The primary executes an invalidation, and logs it.
    pub(super) fn execute(&mut self, record: &LogRecord) -> LogPosition {
        if let Some(target) = target(record) {
            self.executed[target].push(self.now);
        }
        self.last.number += 1;
        self.records.push((self.last.number, record.clone()));
        self.last
    }

    pub(super) fn read(&self, after: u64) -> LogPage {
        let (last, records) = match &self.demoted {
            Some((last, records)) => (*last, records),
            None => (self.last, &self.records),
        };
        let records = records.iter().filter(|(number, _)| *number > after);
        LogPage { last, records: records.take(5).cloned().collect() }
    }

    /// The secondary executes what the primary could not be told.
    pub(super) fn owe(&mut self, target: usize) {
        self.applied[target] = self.now;
        self.owed.0 += 1;
        self.owed.1[target] = self.now;
        self.outbox.push((self.owed.0, record(target)));
    }

    pub(super) fn settle(&mut self, upto: u64) -> Result<(), String> {
        self.outbox.retain(|(number, _)| *number > upto);
        for (target, owed) in self.owed.1.iter().enumerate() {
            let is_kept = self.outbox.iter().any(|(_, kept)| *kept == record(target));
            let executed = self.executed[target].last().copied().unwrap_or_default();
            if *owed > 0 && !is_kept && executed < *owed {
                return Err(format!(
                    "{target} has left the outbox and was not executed since {owed}"
                ));
            }
        }
        Ok(())
    }

    pub(super) fn primary_fails_over(&mut self, random: &mut fastrand::Rng) {
        let lost = random.usize(..4).min(self.records.len());
        let left = self.records.len() - lost;
        self.records.truncate(left);
        self.last.number -= lost as u64;
        self.last.history = self.name();
    }

    /// Another node is the primary, and pumps stay with the former until they hear of it.
    pub(super) fn primary_splits(&mut self) {
        self.demoted = Some((self.last, self.records.clone()));
        self.last.history = self.name();
    }

    pub(super) fn primary_is_found(&mut self) {
        self.demoted = None;
    }

    pub(super) fn is_split(&self) -> bool {
        self.demoted.is_some()
    }

    pub(super) fn primary_loses_its_log(&mut self) {
        self.records.clear();
        let nonce = 1 << 60 | self.name();
        self.last = LogPosition { nonce, number: 0, ..self.last };
    }

    /// A replica of the secondary takes over: what its values are worth is gone with its history (coherence 8), and
    /// of what it noted it may lack the last moments.
    pub(super) fn secondary_fails_over(&mut self, random: &mut fastrand::Rng) {
        if let Some(earlier) = random.choice(&self.earlier) {
            self.followed = *earlier;
        }
        self.history = 1_000_000 + self.name();
        self.applied = [self.now; TARGETS];
        self.reconnect();
    }

    pub(super) fn reconnect(&mut self) {
        self.epoch += 1;
    }

    pub(super) fn trim(&mut self, keep: usize) {
        let gone = self.records.len().saturating_sub(keep);
        self.records.drain(..gone);
    }

    pub(super) fn remember(&mut self) {
        self.earlier.push(self.followed);
        if self.earlier.len() > TAIL {
            self.earlier.remove(0);
        }
    }
}

/// A process that asks the secondary, and has invalidated things itself.
#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) hearing: Hearing,
    pub(super) untold: Untold<usize>,
    /// When the primary has executed what this process has invalidated last.
    own: [u64; TARGETS],
    /// A question that was sent, and its answer once the secondary has given it.
    asked: Option<(u64, u64, Option<LogPulse>)>,
}

impl Watcher {
    pub(super) fn new() -> Self {
        Self {
            hearing: Hearing::default(),
            untold: Untold::new(100),
            own: [0; TARGETS],
            asked: None,
        }
    }

    pub(super) fn step(
        &mut self,
        world: &mut World,
        random: &mut fastrand::Rng,
    ) -> Result<(), String> {
        self.asked = match self.asked.take() {
            None => Some((world.now, world.epoch, None)),
            // Its connection was lost.
            Some((_, epoch, None)) if epoch != world.epoch => None,
            Some((sent, epoch, None)) => {
                let Followed { asked, answered, position } = world.followed;
                let history = world.history;
                Some((sent, epoch, Some(LogPulse { epoch, history, asked, answered, position })))
            }
            Some(answer @ (.., Some(_))) if random.bool() => Some(answer),
            Some((sent, _, Some(pulse))) => {
                self.take_in(world, &pulse, sent)?;
                None
            }
        };
        Ok(())
    }

    fn take_in(&mut self, world: &World, pulse: &LogPulse, sent: u64) -> Result<(), String> {
        let sent = if world.is(Careless::HeardFromTheEnd) { world.now } else { sent };
        self.hearing.note(pulse, Tick::from_millis(sent));
        let heard = self.hearing.heard().map_or(0, Tick::as_millis);
        for (target, times) in world.executed.iter().enumerate() {
            let executed = times.iter().rfind(|time| **time < heard).copied().unwrap_or_default();
            if world.applied[target] < executed {
                return Err(format!("heard of {heard}, and {target} of {executed} is not applied"));
            }
        }
        if let Some(mut position) = pulse.position {
            if world.is(Careless::ForgottenAtOnce) {
                position.number = u64::MAX;
            }
            self.untold.passed(0, &position);
        }
        let Telling::These(untold) = self.untold.telling() else { return Ok(()) };
        for (target, own) in self.own.iter().enumerate() {
            let is_kept = untold.iter().any(|(kept, _)| *kept == target);
            if !is_kept && world.applied[target] < *own {
                return Err(format!("{target} of {own} is forgotten and not applied"));
            }
        }
        Ok(())
    }

    /// This process invalidates something, and the primary executes it.
    pub(super) fn invalidate(&mut self, world: &mut World, target: usize) {
        let position = world.execute(&record(target));
        self.untold.keep(target, Some((0, position)));
        self.own[target] = world.now;
    }

    /// As before it is used: the secondary is told what it may not know of.
    pub(super) fn tell(&mut self, world: &mut World) {
        let telling = self.untold.telling();
        if let Telling::These(targets) = &telling {
            for (target, _) in targets {
                world.applied[*target] = world.now;
            }
        }
        self.untold.told(&telling);
    }
}
