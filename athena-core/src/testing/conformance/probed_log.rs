//! A log of a backend under test.

use super::{Checked, LONG, Token, generation};
use crate::backend::{
    ChangeLog, LogPage, LogPosition, LogRecord, LogTurn, LoggedInvalidation, log_name, outbox_name,
};

/// More than any check writes.
pub(super) const CAP: u64 = 1_000;

/// A log of a name that nothing has used before.
pub(super) struct ProbedLog<'a> {
    pub(super) log: &'a dyn ChangeLog,
    pub(super) name: String,
    pub(super) outbox: String,
}

pub(super) fn probed(probe: &Checked) -> ProbedLog<'_> {
    let log = probe.backend.changes();
    probe.promise(log.is_some(), "a backend that keeps a log keeps it", ());
    let log = log.unwrap_or_else(|| unreachable!("it was looked at"));
    let part = log.log_parts().first().cloned().unwrap_or_default();
    let (name, outbox) = (log_name(&probe.namespace, &part), outbox_name(&probe.namespace, &part));
    ProbedLog { log, name, outbox }
}

pub(super) fn record(number: u64) -> LogRecord {
    LogRecord::Entry(format!("entry {number}"))
}

impl ProbedLog<'_> {
    pub(super) async fn append(&self, probe: &Checked, records: &[LogRecord]) -> LogPosition {
        self.append_to(probe, &self.name, records, CAP).await
    }

    pub(super) async fn append_to(
        &self,
        probe: &Checked,
        log: &str,
        records: &[LogRecord],
        cap: u64,
    ) -> LogPosition {
        let nonce = generation().get();
        let change = LoggedInvalidation { bumps: &[], names: &[], log, records, nonce, cap };
        probe.done(self.log.execute(change).await)
    }

    pub(super) async fn read(&self, probe: &Checked, after: u64) -> LogPage {
        probe.done(self.log.read_log(&self.name, after, 1_000).await)
    }

    /// The turn of the only one who follows it.
    pub(super) async fn turn(&self, probe: &Checked) -> LogTurn {
        let turn = probe.done(self.log.take_turn(&self.name, Token::new(7), LONG).await);
        probe.promise(turn.is_some(), "who has the turn keeps it", turn);
        turn.unwrap_or(LogTurn { epoch: 0, history: 0, asked: 0, position: None })
    }
}
