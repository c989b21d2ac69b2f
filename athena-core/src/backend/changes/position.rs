//! Where something stands in a log, and whether what is read there follows.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::record::LogRecord;

/// A record of a log, by all that tells it from records of other logs.
///
/// The history is part of it because a node that takes over may lack the last records of its predecessor, and gives
/// their numbers to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogPosition {
    /// The history of the node that told it; see [`Proof::history`](crate::backend::Proof::history).
    pub history: u64,
    /// Which log it is: random, made when the log began.
    pub nonce: u64,
    /// The number of the record; 0 before the first.
    pub number: u64,
}

/// What one reading of a log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// The last record there is, read together with the others; its nonce is 0 if there is no log.
    pub last: LogPosition,
    /// The last record that was settled; 0 if none was.
    pub settled: u64,
    /// Records after the number that was asked for, in their order, each with its number.
    pub records: Vec<(u64, LogRecord)>,
}

/// Why what was read of a log does not follow what was known of it: records in between are missing, or may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogBreak {
    /// Nothing was known of the log.
    Unknown,
    /// Another node serves it, which may lack what its predecessor had.
    History,
    /// It was lost, and has begun anew.
    Nonce,
    /// It has fewer records than were read before.
    Behind,
    /// Records that were not read are gone: the log keeps so many only.
    Gap,
}

impl LogPosition {
    /// Whether both stand in the same log, as the same node tells.
    pub fn is_in(&self, other: &Self) -> bool {
        self.history == other.history && self.nonce == other.nonce
    }
}

impl LogPage {
    /// Whether the records follow a position; else why not (regions 6).
    pub fn follows(&self, position: Option<&LogPosition>) -> Result<(), LogBreak> {
        let Some(position) = position else { return Err(LogBreak::Unknown) };
        if self.last.history != position.history {
            return Err(LogBreak::History);
        }
        if self.last.nonce != position.nonce {
            return Err(LogBreak::Nonce);
        }
        if self.last.number < position.number {
            return Err(LogBreak::Behind);
        }
        let mut expected = position.number;
        for (number, _) in &self.records {
            expected += 1;
            if *number != expected {
                return Err(LogBreak::Gap);
            }
        }
        // None came though there are some.
        if self.records.is_empty() && self.last.number > position.number {
            return Err(LogBreak::Gap);
        }
        Ok(())
    }

    /// Where the last record of the page stands, or the one that it was asked after.
    pub fn end(&self, after: u64) -> LogPosition {
        let number = self.records.last().map_or(after, |(number, _)| *number);
        LogPosition { number, ..self.last }
    }
}

impl LogBreak {
    /// A short name, as used in events and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::History => "history",
            Self::Nonce => "nonce",
            Self::Behind => "behind",
            Self::Gap => "gap",
        }
    }
}

impl fmt::Display for LogBreak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "nothing was known of the log",
            Self::History => "another node serves the log",
            Self::Nonce => "the log was lost and has begun anew",
            Self::Behind => "the log has lost its last records",
            Self::Gap => "records that were not read are gone",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(history: u64, nonce: u64, number: u64) -> LogPosition {
        LogPosition { history, nonce, number }
    }

    fn page(last: LogPosition, numbers: impl IntoIterator<Item = u64>) -> LogPage {
        let records = numbers.into_iter().map(|number| (number, LogRecord::Everything)).collect();
        LogPage { last, settled: 0, records }
    }

    #[test]
    fn what_is_read_follows_what_was_known_or_tells_why_not() {
        let known = at(1, 7, 5);
        for (page, follows) in [
            (page(at(1, 7, 5), []), Ok(())),
            (page(at(1, 7, 8), [6, 7, 8]), Ok(())),
            // One that holds more than was asked for.
            (page(at(1, 7, 900), 6..=505), Ok(())),
            (page(at(2, 7, 8), [6, 7, 8]), Err(LogBreak::History)),
            (page(at(2, 9, 0), []), Err(LogBreak::History)),
            (page(at(1, 9, 8), [6, 7, 8]), Err(LogBreak::Nonce)),
            (page(at(1, 0, 0), []), Err(LogBreak::Nonce)),
            (page(at(1, 7, 4), []), Err(LogBreak::Behind)),
            (page(at(1, 7, 8), [7, 8]), Err(LogBreak::Gap)),
            (page(at(1, 7, 8), [6, 8]), Err(LogBreak::Gap)),
            (page(at(1, 7, 8), []), Err(LogBreak::Gap)),
        ] {
            assert_eq!(page.follows(Some(&known)), follows, "{page:?}");
            assert_eq!(page.follows(None), Err(LogBreak::Unknown));
        }
        assert_eq!(page(at(1, 7, 8), [6, 7]).end(5), at(1, 7, 7));
        assert_eq!(page(at(1, 7, 5), []).end(5), known);
    }
}
