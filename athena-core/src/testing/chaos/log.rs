//! The log of a backend that fails on demand.

use std::time::Duration;

use async_trait::async_trait;

use super::ChaosBackend;
use crate::backend::{
    Advance, Backend, ChangeLog, Class, Failure, LogPage, LogPosition, LogPulse, LogTurn,
    LoggedInvalidation, Parked, Token,
};

impl<B: Backend> ChaosBackend<B> {
    fn log(&self) -> Result<&dyn ChangeLog, Failure> {
        self.inner.changes().ok_or_else(|| Failure::new(Class::Rejected, "chaos: there is no log"))
    }
}

#[async_trait]
impl<B: Backend> ChangeLog for ChaosBackend<B> {
    fn expect_use(&self) {
        if let Some(log) = self.inner.changes() {
            log.expect_use();
        }
    }

    fn log_parts(&self) -> &[String] {
        self.inner.changes().map(ChangeLog::log_parts).unwrap_or_default()
    }

    fn log_part(&self, name: &str) -> usize {
        self.inner.changes().map_or(0, |log| log.log_part(name))
    }

    async fn execute(&self, invalidation: LoggedInvalidation<'_>) -> Result<LogPosition, Failure> {
        self.run("execute", self.log()?.execute(invalidation)).await
    }

    async fn read_log(&self, log: &str, after: u64, most: usize) -> Result<LogPage, Failure> {
        self.run("read_log", self.log()?.read_log(log, after, most)).await
    }

    async fn settle(&self, log: &str, upto: u64) -> Result<(), Failure> {
        self.run("settle", self.log()?.settle(log, upto)).await
    }

    async fn log_length(&self, log: &str) -> Result<u64, Failure> {
        self.run("log_length", self.log()?.log_length(log)).await
    }

    async fn take_turn(
        &self,
        log: &str,
        token: Token,
        life: Duration,
    ) -> Result<Option<LogTurn>, Failure> {
        let turn = self.run("take_turn", self.log()?.take_turn(log, token, life)).await?;
        let made = self.chaos.lock().epoch;
        Ok(turn.map(|turn| LogTurn { epoch: turn.epoch + made, ..turn }))
    }

    async fn advance(&self, log: &str, advance: Advance<'_>) -> Result<bool, Failure> {
        let work = async {
            let made = self.chaos.lock().epoch;
            // Of an earlier connection: there is nothing that the store could be asked.
            let Some(epoch) = advance.turn.epoch.checked_sub(made) else { return Ok(false) };
            let turn = LogTurn { epoch, ..*advance.turn };
            self.log()?.advance(log, Advance { turn: &turn, ..advance }).await
        };
        self.run("advance", work).await
    }

    async fn pulse(&self, log: &str) -> Result<LogPulse, Failure> {
        let pulse = self.run("pulse", self.log()?.pulse(log)).await?;
        Ok(LogPulse { epoch: pulse.epoch + self.chaos.lock().epoch, ..pulse })
    }

    async fn park(&self, log: &str, parked: &Parked) -> Result<(), Failure> {
        self.run("park", self.log()?.park(log, parked)).await
    }

    async fn parked(&self, log: &str, most: usize) -> Result<Vec<Parked>, Failure> {
        self.run("parked", self.log()?.parked(log, most)).await
    }
}
