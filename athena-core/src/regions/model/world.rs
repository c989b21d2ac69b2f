//! The two stores.

use crate::backend::{LogPage, LogPosition, LogRecord};

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
pub(super) struct Progress {
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
    pub(super) followed: Progress,
    earlier: Vec<Progress>,
    pub(super) history: u64,
    /// The number of the present connections to the secondary.
    pub(super) epoch: u64,
    pub(super) outbox: Vec<(u64, LogRecord)>,
    owed: (u64, [u64; TARGETS]),
    pub(super) settled: u64,
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
            followed: Progress::default(),
            earlier: Vec::new(),
            history: 1_000_000,
            epoch: 1,
            outbox: Vec::new(),
            owed: (0, [0; TARGETS]),
            settled: 0,
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
        match target(record) {
            Some(target) => self.executed[target].push(self.now),
            None => self.executed.iter_mut().for_each(|times| times.push(self.now)),
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
        LogPage { last, settled: 0, records: records.take(5).cloned().collect() }
    }

    /// The secondary executes what the primary could not be told.
    pub(super) fn owe(&mut self, target: usize) {
        self.applied[target] = self.now;
        self.owed.0 += 1;
        self.owed.1[target] = self.now;
        self.outbox.push((self.owed.0, record(target)));
        // It keeps so many only.
        if self.outbox.len() > 8 {
            self.outbox.remove(0);
        }
    }

    pub(super) fn settle(&mut self, upto: u64) -> Result<(), String> {
        self.outbox.retain(|(number, _)| *number > upto);
        self.settled = upto;
        for (target, owed) in self.owed.1.iter().enumerate() {
            let is_kept = self.outbox.iter().any(|(_, kept)| *kept == record(target))
                || self.outbox.first().is_some_and(|(number, _)| *number > self.settled + 1);
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
