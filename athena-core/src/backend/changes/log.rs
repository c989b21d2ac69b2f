//! What a store that keeps a log has to do.
//!
//! Invariant: whoever finds a record may rely on the change that it tells of (regions 3).

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use super::position::{LogPage, LogPosition};
use super::record::LogRecord;
use crate::backend::failure::Failure;
use crate::backend::operation::{Bump, Token};

/// A store that keeps a log of invalidations, and remembers how far it follows that of another store.
///
/// A log has [parts](Self::log_parts), each with a name of its own: [`log_name`](crate::backend::log_name) makes that of the log itself,
/// [`outbox_name`](crate::backend::outbox_name) that of what the store keeps for another one. What the store knows of a log that it follows
/// (its *state*) is kept under the name of that log, too, which the log of another store is known by here.
///
/// Numbers of records begin at 1 and have no gaps. A log that is lost, with its numbers or without, begins anew with
/// another nonce: that is how whoever follows it notices.
///
/// An implementation is checked by the suite in `conformance` (feature `testing`) together with its backend.
///
/// # Errors
///
/// Every method returns a [`Failure`] when the store did not do, or may not have done, what was asked. All of them
/// may be repeated.
#[async_trait]
pub trait ChangeLog: fmt::Debug + Send + Sync {
    /// Said before anything is logged or followed here: what that needs of the store may be found out.
    ///
    /// Called once by each cache that has the store in one of several regions.
    fn expect_use(&self) {}

    /// The parts of a log that this store keeps, as texts for [`log_name`](crate::backend::log_name); at least one.
    ///
    /// The same for as long as the store has the same topology.
    fn log_parts(&self) -> &[String];

    /// The number of the part that changes of a name are logged in.
    fn log_part(&self, name: &str) -> usize;

    /// Executes an invalidation, then appends its records; tells where the last of them stands.
    ///
    /// In that order, and done only if both are: whoever finds a record may rely on the change that it tells of.
    /// Without a log there, one begins with the nonce that is given, also if there is nothing to append.
    async fn execute(&self, invalidation: LoggedInvalidation<'_>) -> Result<LogPosition, Failure>;

    /// Reads at most `most` records after a number, with the nonce and the last number as of the same moment.
    ///
    /// Whoever reads a log on a connection that announces changes hears of the next record.
    async fn read_log(&self, log: &str, after: u64, most: usize) -> Result<LogPage, Failure>;

    /// Removes the records up to a number, which have been taken care of, and notes that they were.
    ///
    /// So that they can be told from those that went since the log keeps so many only.
    async fn settle(&self, log: &str, upto: u64) -> Result<(), Failure>;

    /// How many records a log holds; 0 if there is none.
    async fn log_length(&self, log: &str) -> Result<u64, Failure>;

    /// Takes the turn to follow a log, and counts the question; `None` while somebody else has it.
    ///
    /// The turn ends by itself after `life`, and only saves work: two at a time do no harm.
    async fn take_turn(
        &self,
        log: &str,
        token: Token,
        life: Duration,
    ) -> Result<Option<LogTurn>, Failure>;

    /// Notes how far this store follows a log, on the connection of the turn or not at all; tells whether it did.
    ///
    /// Within one log a position never goes back. A store that has forgotten the question of the turn refuses.
    async fn advance(&self, log: &str, advance: Advance<'_>) -> Result<bool, Failure>;

    /// How far this store follows a log.
    async fn pulse(&self, log: &str) -> Result<LogPulse, Failure>;

    /// Keeps a record that could not be applied here, for people; the newest 1000 or so.
    async fn park(&self, log: &str, parked: &Parked) -> Result<(), Failure>;

    /// The records that could not be applied here, the oldest first, at most `most` of them.
    async fn parked(&self, log: &str, most: usize) -> Result<Vec<Parked>, Failure>;
}

/// An invalidation, and what a log is to say of it.
#[derive(Debug, Clone, Copy)]
pub struct LoggedInvalidation<'a> {
    /// Generations to change, in this order.
    pub bumps: &'a [Bump<'a>],
    /// Names to remove, after them.
    pub names: &'a [String],
    /// The log, by its name.
    pub log: &'a str,
    /// What is appended to it, last; may be empty.
    pub records: &'a [LogRecord],
    /// A number that no log had before, in case that one begins; not 0.
    pub nonce: u64,
    /// How many records the log keeps at least: the oldest beyond them go.
    pub cap: u64,
}

/// Leave to follow a log for a while, and what was known when it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogTurn {
    /// The connection that it was given on; see [`Backend::epoch`](crate::backend::Backend::epoch).
    pub epoch: u64,
    /// The history of the node that gave it; see [`Proof::history`](crate::backend::Proof::history).
    pub history: u64,
    /// The number of the question, counted by the store.
    pub asked: u64,
    /// How far the store follows the log; `None` if it does not.
    pub position: Option<LogPosition>,
}

/// How far a store follows a log from now on.
#[derive(Debug, Clone, Copy)]
pub struct Advance<'a> {
    /// The turn in which this was found out.
    pub turn: &'a LogTurn,
    /// The last record that has been applied.
    pub position: LogPosition,
    /// Whether it was the last one there was: then the question of the turn is answered.
    pub is_last: bool,
}

/// How far a store follows a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPulse {
    /// The connection that it was told on; see [`Backend::epoch`](crate::backend::Backend::epoch).
    pub epoch: u64,
    /// The history of the node that told it; see [`Proof::history`](crate::backend::Proof::history).
    pub history: u64,
    /// Questions that have been counted.
    pub asked: u64,
    /// The latest question after which the whole log was applied.
    pub answered: u64,
    /// The last record that was.
    pub position: Option<LogPosition>,
}

/// A record that could not be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// The number that it has in its log.
    pub number: u64,
    /// What it says.
    pub record: LogRecord,
    /// Why the store would not have it.
    pub reason: String,
}
