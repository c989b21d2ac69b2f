//! The pump: one step at a time, so that anything may happen in between.

use super::super::outbox::Owed;
use super::super::round::{LogReading, RoundStep};
use super::world::{Careless, TARGETS, World, target};
use crate::backend::{LogPage, LogPosition, LogRecord, LogTurn};

/// A process that carries the primary's log into the secondary.
#[derive(Debug, Default)]
pub(super) struct Pump {
    stage: PumpStage,
}

#[derive(Debug, Default)]
enum PumpStage {
    #[default]
    Idle,
    Asked(LogTurn),
    /// Records that are not applied yet, and what is noted when they are.
    Applying(LogTurn, Vec<LogRecord>, (LogPosition, bool)),
    Clearing(LogTurn, (LogPosition, bool)),
    /// Careless: the head is read when all is cleared.
    Heading(LogTurn),
    Advancing(LogTurn, (LogPosition, bool)),
    /// What is owed, and what of it the primary has executed.
    Draining(Owed, Vec<LogRecord>, Vec<LogRecord>),
}

impl Pump {
    pub(super) fn step(
        &mut self,
        world: &mut World,
        random: &mut fastrand::Rng,
    ) -> Result<(), String> {
        self.stage = match std::mem::take(&mut self.stage) {
            PumpStage::Idle => {
                world.followed.asked += 1;
                let (epoch, history) = (world.epoch, world.history);
                let turn = LogTurn {
                    epoch,
                    history,
                    asked: world.followed.asked,
                    position: world.followed.position,
                };
                PumpStage::Asked(turn)
            }
            PumpStage::Asked(turn) => Self::begin(world, turn),
            PumpStage::Applying(turn, mut records, end) => match records.pop() {
                Some(record) => {
                    match target(&record) {
                        Some(target) => world.applied[target] = world.now,
                        None => world.applied = [world.now; TARGETS],
                    }
                    PumpStage::Applying(turn, records, end)
                }
                None => PumpStage::Advancing(turn, end),
            },
            PumpStage::Clearing(turn, end) => {
                world.applied = [world.now; TARGETS];
                if world.is(Careless::HeadAfterClear) {
                    PumpStage::Heading(turn)
                } else {
                    PumpStage::Advancing(turn, end)
                }
            }
            PumpStage::Heading(turn) => PumpStage::Advancing(turn, (world.last, true)),
            PumpStage::Advancing(turn, end) => {
                advance(world, &turn, end);
                Self::drain(world)
            }
            PumpStage::Draining(owed, mut left, mut executed) => match left.pop() {
                // The primary does not answer.
                Some(_) if random.u8(..4) == 0 => Self::settle(world, &owed, &executed)?,
                Some(record) => {
                    world.execute(&record);
                    executed.push(record);
                    PumpStage::Draining(owed, left, executed)
                }
                None => Self::settle(world, &owed, &executed)?,
            },
        };
        Ok(())
    }

    fn begin(world: &mut World, turn: LogTurn) -> PumpStage {
        let mut page = world.read(turn.position.map_or(0, |position| position.number));
        let mut known = turn;
        if let Some(position) = &mut known.position {
            if world.is(Careless::HistoryUnseen) {
                position.history = page.last.history;
            }
            if world.is(Careless::GapUnseen) {
                page = renumbered(page, position.number);
            }
        }
        let is_confirmed = !world.is_split() || world.is(Careless::DoubtUnseen);
        let step = RoundStep::after(&known, LogReading { page, is_confirmed });
        let Some(end) = step.end() else { return PumpStage::Idle };
        if world.is(Careless::CursorFirst) {
            advance(world, &turn, end);
        }
        match step {
            RoundStep::Apply { records, .. } => {
                let records = records.into_iter().map(|(_, record)| record).collect();
                PumpStage::Applying(turn, records, end)
            }
            _ => PumpStage::Clearing(turn, end),
        }
    }

    fn drain(world: &World) -> PumpStage {
        let last = LogPosition { history: 0, nonce: 1, number: 0 };
        let records: Vec<_> = world.outbox.iter().take(5).cloned().collect();
        let settled = world.settled;
        let owed = Owed::of(LogPage { last, settled, records });
        let left = owed.records();
        PumpStage::Draining(owed, left, Vec::new())
    }

    fn settle(world: &mut World, owed: &Owed, executed: &[LogRecord]) -> Result<PumpStage, String> {
        let is_careless = world.is(Careless::SettledUnacknowledged);
        if let Some(upto) = owed.settled(|record| is_careless || executed.contains(record)) {
            world.settle(upto)?;
        }
        Ok(PumpStage::Idle)
    }
}

/// As a store does it: on the connection of the question, and never back.
fn advance(world: &mut World, turn: &LogTurn, (position, is_last): (LogPosition, bool)) {
    let is_here = turn.epoch == world.epoch && turn.asked <= world.followed.asked;
    if !is_here && !world.is(Careless::AnyConnection) {
        return;
    }
    let known = world.followed.position;
    if !known.is_some_and(|known| known.is_in(&position) && known.number > position.number) {
        world.followed.position = Some(position);
    }
    if is_last {
        world.followed.answered = world.followed.answered.max(turn.asked);
    }
}

/// As if nothing were missing.
fn renumbered(page: LogPage, after: u64) -> LogPage {
    let records =
        page.records.into_iter().zip(after + 1..).map(|((_, record), number)| (number, record));
    let records: Vec<_> = records.collect();
    let number = page.last.number.max(after);
    let number = if records.is_empty() { after } else { number };
    LogPage { last: LogPosition { number, ..page.last }, settled: 0, records }
}
