//! The log of invalidations, and how far one of another store is followed.
//!
//! Invariant: a record is sent only once the change that it tells of was acknowledged, or behind it on the same
//! connection (regions 3); and where a store has got to is noted on the connection of its question (regions 10).

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod reply;

use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use athena_cache_core::backend::{
    Advance, ChangeLog, Class, Failure, LogPage, LogPosition, LogPulse, LogRecord, LogTurn,
    LoggedInvalidation, Parked, Proof, Token, WHOLE,
};

use crate::backend::add_bumps;
use crate::link::{Batch, Malformed, Replies, Script};
use crate::{Redis, slot};

static APPEND: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../scripts/append.lua")));
static READ: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../scripts/read_log.lua")));
static SETTLE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../scripts/settle.lua")));
static TAKE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../scripts/take_turn.lua")));
static ADVANCE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../scripts/advance.lua")));

/// The parts of a log where one node serves every name.
static ONLY: LazyLock<[String; 1]> = LazyLock::new(|| [WHOLE.to_owned()]);

/// How many records that could not be applied are kept.
const MOST_PARKED: u64 = 1_000;
/// Scripts count with numbers that are exact up to here.
const NONCE_BITS: u32 = 52;

#[async_trait]
impl ChangeLog for Redis {
    fn expect_use(&self) {
        self.topology.client().expect_log();
    }

    fn log_parts(&self) -> &[String] {
        if self.topology.is_sharded() { slot::log_parts() } else { &*ONLY }
    }

    fn log_part(&self, name: &str) -> usize {
        if self.topology.is_sharded() { slot::log_part(name) } else { 0 }
    }

    async fn execute(&self, invalidation: LoggedInvalidation<'_>) -> Result<LogPosition, Failure> {
        let LoggedInvalidation { bumps, names, log, records, nonce, cap } = invalidation;
        let mut batch = self.topology.batch();
        add_bumps(&mut batch, bumps);
        batch.over("DEL", names.iter().map(String::as_str));
        // The node of the log may be another one than that of the names.
        if self.topology.is_sharded() && batch.len() > 0 {
            self.topology.send(&batch, |_| Ok(())).await?;
            batch = self.topology.batch();
        }
        let changes = batch.len();
        batch
            .call(&APPEND, log, [head(log).as_str()])
            .number((nonce >> (u64::BITS - NONCE_BITS)).max(1))
            .number(cap)
            .args(records.iter().map(LogRecord::write));
        self.ask_one(&batch, |replies, proof| {
            replies.skip(changes);
            reply::appended(replies, &proof)
        })
        .await
    }

    async fn read_log(&self, log: &str, after: u64, most: usize) -> Result<LogPage, Failure> {
        let mut batch = self.topology.batch();
        batch.call(&READ, log, [head(log).as_str()]).number(after).number(most as u64);
        self.ask_one(&batch, |replies, proof| reply::page(replies, &proof)).await
    }

    async fn settle(&self, log: &str, upto: u64) -> Result<(), Failure> {
        let mut batch = self.topology.batch();
        batch.call(&SETTLE, log, [head(log).as_str()]).number(upto);
        self.topology.send(&batch, |_| Ok(())).await
    }

    async fn log_length(&self, log: &str) -> Result<u64, Failure> {
        let mut batch = self.topology.batch();
        batch.with("XLEN", log);
        self.topology.send(&batch, reply::count).await
    }

    async fn take_turn(
        &self,
        log: &str,
        token: Token,
        life: Duration,
    ) -> Result<Option<LogTurn>, Failure> {
        let mut batch = self.topology.batch();
        let (state, turn) = (state(log), format!("{log}l"));
        let life = u64::try_from(life.as_millis()).unwrap_or(u64::MAX).max(1);
        batch.call(&TAKE, &state, [turn.as_str()]).arg(token.to_string()).number(life);
        self.ask_one(&batch, |replies, proof| reply::turn(replies, &proof)).await
    }

    async fn advance(&self, log: &str, advance: Advance<'_>) -> Result<bool, Failure> {
        let Advance { turn, position, is_last } = advance;
        // Regions 10: on the connection that the question was counted on, or not at all.
        let mut batch = self.topology.batch().on(turn.epoch);
        batch
            .call(&ADVANCE, &state(log), [])
            .arg(reply::hexadecimal(position.history))
            .arg(reply::hexadecimal(position.nonce))
            .number(position.number)
            .number(turn.asked)
            .number(u64::from(is_last));
        self.topology.send(&batch, reply::advanced).await
    }

    async fn pulse(&self, log: &str) -> Result<LogPulse, Failure> {
        let mut batch = self.topology.batch();
        batch.with("HMGET", &state(log)).args(["asked", "answered", "history", "nonce", "number"]);
        self.ask_one(&batch, |replies, proof| reply::pulse(replies, &proof)).await
    }

    async fn park(&self, log: &str, parked: &Parked) -> Result<(), Failure> {
        let mut batch = self.topology.batch();
        batch
            .with("XADD", &parking(log))
            .args(["MAXLEN", "~"])
            .number(MOST_PARKED)
            .args(["*", "number"])
            .number(parked.number)
            .arg("record")
            .arg(parked.record.write())
            .args(["reason", &parked.reason]);
        self.topology.send(&batch, |_| Ok(())).await
    }

    async fn parked(&self, log: &str, most: usize) -> Result<Vec<Parked>, Failure> {
        let mut batch = self.topology.batch();
        batch.with("XRANGE", &parking(log)).args(["-", "+", "COUNT"]).number(most as u64);
        self.topology.send(&batch, reply::parked).await
    }
}

impl Redis {
    /// Sends a batch whose answer counts only if one node has given it, as what it says is of that node.
    async fn ask_one<T>(
        &self,
        batch: &Batch,
        read: impl FnOnce(&mut Replies, Proof) -> Result<T, Malformed>,
    ) -> Result<T, Failure> {
        let answer = self.topology.send(batch, |replies| {
            let proof = replies.origin().proof();
            proof.map(|proof| read(replies, proof)).transpose()
        });
        answer.await?.ok_or_else(|| {
            Failure::new(Class::Scattered, "a log of redis is on its way to another node")
        })
    }
}

fn head(log: &str) -> String {
    format!("{log}n")
}

fn state(log: &str) -> String {
    format!("{log}c")
}

fn parking(log: &str) -> String {
    format!("{log}x")
}
