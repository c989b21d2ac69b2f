//! Carries what the primary region has invalidated into a secondary, and what the secondary owes back.
//!
//! Invariant: whenever it is dropped or fails, the next round does the rest, by whomever. It may be run by any number
//! of processes at once.

use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;

use crate::backend::{
    Advance, ChangeLog, Class, Failure, LogBreak, LogPosition, LogRecord, LogTurn,
    LoggedInvalidation, Parked, Token, log_name, outbox_name,
};
use crate::regions::{LogReading, Owed, Reach, RoundStep, Unapplied};

/// How many records one round carries.
const MOST: usize = 500;
/// A turn is no shorter, however little is tolerated.
const SHORTEST_TURN: Duration = Duration::from_millis(100);

/// A region as it is pumped from or to.
#[async_trait]
pub(crate) trait PumpedRegion: Send + Sync {
    fn log(&self) -> &dyn ChangeLog;

    /// How many partitions its names have; 0 where one node serves every name.
    fn partitions(&self) -> usize;

    /// Whether the node of a name is known to be the one that serves it (coherence 5).
    fn is_confirmed(&self, name: &str) -> bool;

    /// Invalidates, and marks this process: nobody else tells it (regions 18).
    async fn invalidate(&self, reaches: &[Reach<'_>]) -> Result<(), Failure>;

    /// The same, and logs that: a record for each.
    async fn execute(&self, reaches: &[Reach<'_>], records: &[LogRecord]) -> Result<(), Failure>;

    /// A number that no log had before.
    fn nonce(&self) -> u64;
}

/// Whose rounds these are, and of which namespace.
#[derive(Debug)]
pub(crate) struct Pump {
    token: Token,
    namespace: String,
    /// Less than what is tolerated: who dies in its turn keeps nobody from hearing in time.
    turn: Duration,
}

/// What one round has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pumped {
    /// It is somebody else's turn.
    Elsewhere,
    /// Both regions are one store.
    Itself,
    /// So many records were applied, of which some are parked; `is_last` if none is left.
    Carried { applied: usize, parked: usize, is_last: bool },
    /// All of the secondary was cleared.
    Resynced(LogBreak),
}

impl Pump {
    pub(crate) fn new(token: Token, namespace: &str, tolerance: Duration) -> Self {
        let turn = (tolerance / 5 * 3).max(SHORTEST_TURN);
        Self { token, namespace: namespace.to_owned(), turn }
    }

    /// Carries one page of one part of the primary's log.
    pub(crate) async fn round(
        &self,
        part: usize,
        primary: &dyn PumpedRegion,
        secondary: &dyn PumpedRegion,
    ) -> Result<Pumped, Failure> {
        let log = log_name(&self.namespace, part_of(primary, part)?);
        let turn = secondary.log().take_turn(&log, self.token, self.turn).await?;
        let Some(turn) = turn else { return Ok(Pumped::Elsewhere) };
        let step = self.read(&log, &turn, primary).await?;
        let (round, position, is_last) = match step {
            RoundStep::Itself => return Ok(Pumped::Itself),
            RoundStep::Begin => return Err(lost("a log that was begun is not there")),
            RoundStep::Resync { reason, position, is_last } => {
                secondary.invalidate(&[Reach::All]).await?;
                (Pumped::Resynced(reason), position, is_last)
            }
            RoundStep::Apply { records, position, is_last } => {
                let place = (part, primary.log().log_parts().len(), secondary.partitions());
                let parked = apply(&log, &records, place, secondary).await?;
                (Pumped::Carried { applied: records.len(), parked, is_last }, position, is_last)
            }
        };
        advance(&log, &turn, (position, is_last), secondary).await?;
        Ok(round)
    }

    /// Reads the log behind what is known of it; begins it if it is not there.
    async fn read(
        &self,
        log: &str,
        turn: &LogTurn,
        primary: &dyn PumpedRegion,
    ) -> Result<RoundStep, Failure> {
        let after = turn.position.map_or(0, |position| position.number);
        let read = async || {
            let page = primary.log().read_log(log, after, MOST).await?;
            let reading = LogReading { page, is_confirmed: primary.is_confirmed(log) };
            Ok(RoundStep::after(turn, reading))
        };
        let step = read().await?;
        if step != RoundStep::Begin {
            return Ok(step);
        }
        let nonce = primary.nonce();
        let begin = LoggedInvalidation { bumps: &[], names: &[], log, records: &[], nonce, cap: 1 };
        primary.log().execute(begin).await?;
        read().await
    }

    /// Tells the primary what one part of the secondary's outbox holds; tells whether that was all.
    pub(crate) async fn drain(
        &self,
        part: usize,
        primary: &dyn PumpedRegion,
        secondary: &dyn PumpedRegion,
    ) -> Result<bool, Failure> {
        let outbox = outbox_name(&self.namespace, part_of(secondary, part)?);
        let page = secondary.log().read_log(&outbox, 0, MOST).await?;
        let last = page.last.number;
        let owed = Owed::of(page);
        let (records, parts) = (owed.records(), secondary.log().log_parts().len());
        let reach = |record| Reach::of(record, part, parts, primary.partitions());
        let all: Vec<_> = records.iter().map(reach).collect();
        let rejected =
            in_halves(all.len(), |range| primary.execute(&all[range.clone()], &records[range]));
        // What it will never take of itself, it is told by what stands in its place.
        for (place, _) in rejected.await? {
            let reach = Reach::in_place_of(&records[place], part, parts, primary.partitions());
            primary.execute(&[reach], &[LogRecord::ANY]).await?;
        }
        let settled = owed.settled(|record| records.contains(record));
        if let Some(upto) = settled {
            secondary.log().settle(&outbox, upto).await?;
        }
        Ok(settled.is_none_or(|upto| upto >= last))
    }
}

/// Invalidates what records mean; tells how many of them are parked (A34).
async fn apply(
    log: &str,
    records: &[(u64, LogRecord)],
    (part, parts, partitions): (usize, usize, usize),
    secondary: &dyn PumpedRegion,
) -> Result<usize, Failure> {
    let reach = |record| Reach::of(record, part, parts, partitions);
    let all: Vec<_> = records.iter().map(|(_, record)| reach(record)).collect();
    let rejected = in_halves(all.len(), |range| secondary.invalidate(&all[range]));
    let rejected = rejected.await?;
    for (place, failure) in &rejected {
        let (number, record) = &records[*place];
        secondary.invalidate(&[Reach::in_place_of(record, part, parts, partitions)]).await?;
        let it = Parked { number: *number, record: record.clone(), reason: failure.to_string() };
        secondary.log().park(log, &it).await?;
    }
    Ok(rejected.len())
}

/// Does something with so many things at once, and where that is rejected with the halves of them; tells which are
/// rejected, and why.
///
/// One by one they would take as many round trips between regions.
async fn in_halves<F: Future<Output = Result<(), Failure>>>(
    count: usize,
    send: impl Fn(Range<usize>) -> F,
) -> Result<Vec<(usize, Failure)>, Failure> {
    let mut rejected = Vec::new();
    let mut left = vec![(0, count)];
    while let Some((start, end)) = left.pop() {
        if start == end {
            continue;
        }
        match send(start..end).await {
            Ok(()) => {}
            Err(failure) if Unapplied::after(failure.class()) == Unapplied::Again => {
                return Err(failure);
            }
            Err(failure) if end - start == 1 => rejected.push((start, failure)),
            Err(_) => {
                let middle = usize::midpoint(start, end);
                // Those before the middle come first.
                left.extend([(middle, end), (start, middle)]);
            }
        }
    }
    Ok(rejected)
}

/// Regions 4: all of it has been acknowledged.
async fn advance(
    log: &str,
    turn: &LogTurn,
    (position, is_last): (LogPosition, bool),
    secondary: &dyn PumpedRegion,
) -> Result<(), Failure> {
    let advance = Advance { turn, position, is_last };
    if secondary.log().advance(log, advance).await? {
        return Ok(());
    }
    Err(lost("the connection of a turn was lost before its round had ended"))
}

fn part_of(region: &dyn PumpedRegion, part: usize) -> Result<&str, Failure> {
    let text = region.log().log_parts().get(part).map(String::as_str);
    text.ok_or_else(|| Failure::new(Class::Rejected, format!("a log has no part {part}")))
}

fn lost(message: &str) -> Failure {
    Failure::new(Class::Disconnected, message)
}

#[cfg(feature = "testing")]
#[cfg(test)]
mod tests;
