//! The log of a backend in memory.

use async_trait::async_trait;

use super::MemoryBackend;
use super::contents::FollowedLog;
use crate::backend::{
    Advance, Backend, ChangeLog, Failure, LogPage, LogPosition, LogPulse, LogTurn,
    LoggedInvalidation, Node, Parked, Token, WHOLE,
};

/// How many records that could not be applied are kept.
const MOST_PARKED: usize = 1_000;

impl MemoryBackend {
    /// Forgets a log with its numbers, as a server that makes room may.
    pub fn lose_log(&self, log: &str) {
        self.lock().logs.remove(log);
    }

    /// Keeps the newest records of a log alone.
    pub fn trim_log(&self, log: &str, keep: usize) {
        if let Some(log) = self.lock().logs.get_mut(log) {
            let gone = log.records.len().saturating_sub(keep);
            log.records.drain(..gone);
        }
    }

    /// What a server that has lost its last moments knows of the questions that were asked: so many fewer.
    pub fn forget_questions(&self, log: &str, count: u64) {
        if let Some(followed) = self.lock().followed.get_mut(log) {
            followed.asked = followed.asked.saturating_sub(count);
        }
    }
}

#[async_trait]
impl ChangeLog for MemoryBackend {
    fn log_parts(&self) -> &[String] {
        static ONLY: std::sync::LazyLock<[String; 1]> =
            std::sync::LazyLock::new(|| [WHOLE.to_owned()]);
        &*ONLY
    }

    fn log_part(&self, _name: &str) -> usize {
        0
    }

    async fn execute(&self, invalidation: LoggedInvalidation<'_>) -> Result<LogPosition, Failure> {
        let LoggedInvalidation { bumps, names, log: name, records, nonce, cap } = invalidation;
        let mut store = self.lock();
        self.bump_in(&mut store, bumps);
        self.remove_in(&mut store, names);
        let history = store.history();
        let log = store.logs.entry(name.to_owned()).or_default();
        if log.nonce == 0 {
            log.nonce = nonce;
        }
        for record in records {
            log.number += 1;
            log.records.push_back((log.number, record.clone()));
        }
        let most = usize::try_from(cap).unwrap_or(usize::MAX);
        log.records.drain(..log.records.len().saturating_sub(most));
        let position = LogPosition { history, nonce: log.nonce, number: log.number };
        if !records.is_empty() {
            store.changed(&self.connection, [head(name).as_str()]);
        }
        Ok(position)
    }

    async fn read_log(&self, log: &str, after: u64, most: usize) -> Result<LogPage, Failure> {
        let mut store = self.lock();
        store.read(&self.connection, [head(log).as_str()]);
        let history = store.history();
        let Some(log) = store.logs.get(log) else {
            let last = LogPosition { history, nonce: 0, number: 0 };
            return Ok(LogPage { last, settled: 0, records: Vec::new() });
        };
        let last = LogPosition { history, nonce: log.nonce, number: log.number };
        let records = log.records.iter().filter(|(number, _)| *number > after);
        let records = records.take(most).cloned().collect();
        Ok(LogPage { last, settled: log.settled, records })
    }

    async fn settle(&self, log: &str, upto: u64) -> Result<(), Failure> {
        if let Some(log) = self.lock().logs.get_mut(log) {
            log.records.retain(|(number, _)| *number > upto);
            log.settled = log.settled.max(upto);
        }
        Ok(())
    }

    async fn log_length(&self, log: &str) -> Result<u64, Failure> {
        Ok(self.lock().logs.get(log).map_or(0, |log| log.records.len() as u64))
    }

    async fn take_turn(
        &self,
        log: &str,
        token: Token,
        life: std::time::Duration,
    ) -> Result<Option<LogTurn>, Failure> {
        let now = self.clock.now();
        let epoch = self.epoch(Node::ONLY);
        let mut store = self.lock();
        let history = store.history();
        let followed = store.followed.entry(log.to_owned()).or_default();
        if followed.turn.is_some_and(|(holder, until)| holder != token && until > now) {
            return Ok(None);
        }
        followed.turn = Some((token, now.after(life)));
        followed.asked += 1;
        Ok(Some(LogTurn { epoch, history, asked: followed.asked, position: followed.position }))
    }

    async fn advance(&self, log: &str, advance: Advance<'_>) -> Result<bool, Failure> {
        let Advance { turn, position, is_last } = advance;
        let is_here = turn.epoch == self.epoch(Node::ONLY);
        let mut store = self.lock();
        let followed = store.followed.get_mut(log);
        let Some(followed) = followed.filter(|it| is_here && it.asked >= turn.asked) else {
            return Ok(false);
        };
        let goes_back =
            |known: &LogPosition| known.is_in(&position) && known.number > position.number;
        if !followed.position.as_ref().is_some_and(goes_back) {
            followed.position = Some(position);
        }
        if is_last {
            followed.answered = followed.answered.max(turn.asked);
        }
        Ok(true)
    }

    async fn pulse(&self, log: &str) -> Result<LogPulse, Failure> {
        let epoch = self.epoch(Node::ONLY);
        let store = self.lock();
        let history = store.history();
        let nothing = FollowedLog::default();
        let FollowedLog { asked, answered, position, .. } =
            store.followed.get(log).unwrap_or(&nothing);
        Ok(LogPulse { epoch, history, asked: *asked, answered: *answered, position: *position })
    }

    async fn park(&self, log: &str, parked: &Parked) -> Result<(), Failure> {
        let mut store = self.lock();
        let followed = store.followed.entry(log.to_owned()).or_default();
        followed.parked.push_back(parked.clone());
        followed.parked.drain(..followed.parked.len().saturating_sub(MOST_PARKED));
        Ok(())
    }

    async fn parked(&self, log: &str, most: usize) -> Result<Vec<Parked>, Failure> {
        let store = self.lock();
        let parked = store.followed.get(log).into_iter().flat_map(|followed| &followed.parked);
        Ok(parked.take(most).cloned().collect())
    }
}

/// What is read, and announced, when a log grows.
fn head(log: &str) -> String {
    format!("{log}n")
}
