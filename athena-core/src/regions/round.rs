//! What a round of the pump does with what it has read (regions 5, 6 and 7).
//!
//! Invariant: a secondary gets the position of a step only after it has acknowledged all that the step applies, and
//! each step covers everything between the former position and its own.

use crate::backend::{LogBreak, LogPage, LogPosition, LogRecord, LogTurn};

/// A page of the primary's log, as it was read in a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogReading {
    pub(crate) page: LogPage,
    /// Whether the node that told it was known to be the one that serves, within the trust window: one that was
    /// demoted may answer for long, and its log grows no more (coherence 5).
    pub(crate) is_confirmed: bool,
}

/// What follows from a page of the primary's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RoundStep {
    /// Both regions are one store, or copies of one: there is nothing to carry, and whoever set that is told.
    Itself,
    /// There is no log yet: begin it, and read once more.
    Begin,
    /// Records are missing: clear all of the secondary, and go on from the end of the log.
    ///
    /// All of it, whichever part of the log it was: a tag whose record is missing has entries everywhere.
    Resync { reason: LogBreak, position: LogPosition, is_last: bool },
    /// Invalidate each of these in the secondary, which stand there in the log; there may be none.
    Apply { records: Vec<(u64, LogRecord)>, position: LogPosition, is_last: bool },
}

impl RoundStep {
    /// What follows from a page that was read after the turn was taken, behind the position that it told.
    ///
    /// Regions 8: it is the last of the log only by the word of a node that is confirmed.
    pub(crate) fn after(turn: &LogTurn, reading: LogReading) -> Self {
        let LogReading { page, is_confirmed } = reading;
        if page.last.history != 0 && page.last.history == turn.history {
            return Self::Itself;
        }
        if page.last.nonce == 0 {
            return Self::Begin;
        }
        if let Err(reason) = page.follows(turn.position.as_ref()) {
            // Regions 7: as it was read, before anything is cleared.
            return Self::Resync { reason, position: page.last, is_last: is_confirmed };
        }
        let position = page.end(turn.position.map_or(0, |position| position.number));
        let is_last = is_confirmed && position.number >= page.last.number;
        let records = distinct(page.records);
        Self::Apply { records, position, is_last }
    }

    /// Where the secondary is once all of it was acknowledged, and whether nothing of the log is left.
    #[cfg(test)]
    pub(crate) fn end(&self) -> Option<(LogPosition, bool)> {
        match self {
            Self::Itself | Self::Begin => None,
            Self::Resync { position, is_last, .. } | Self::Apply { position, is_last, .. } => {
                Some((*position, *is_last))
            }
        }
    }
}

/// Each record once, where it came first: invalidating twice is no more than once.
pub(super) fn distinct(
    records: impl IntoIterator<Item = (u64, LogRecord)>,
) -> Vec<(u64, LogRecord)> {
    let mut met = std::collections::HashSet::new();
    records.into_iter().filter(|(_, record)| met.insert(record.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(number: u64) -> LogPosition {
        LogPosition { history: 1, nonce: 7, number }
    }

    fn turn(position: Option<LogPosition>) -> LogTurn {
        LogTurn { epoch: 1, history: 9, asked: 1, position }
    }

    fn tag(text: &str) -> LogRecord {
        LogRecord::Tag(text.into())
    }

    #[test]
    fn what_follows_is_applied_once_each_and_what_does_not_is_a_resync_to_the_end_that_was_read() {
        let page = |last, records: &[(u64, &str)]| LogPage {
            last,
            settled: 0,
            records: records.iter().map(|(number, text)| (*number, tag(text))).collect(),
        };
        let apply = |records: &[(u64, &str)], position, is_last| RoundStep::Apply {
            records: records.iter().map(|(number, text)| (*number, tag(text))).collect(),
            position,
            is_last,
        };
        let none = LogPosition { nonce: 0, ..at(0) };
        for (known, page, expected) in [
            (Some(at(5)), page(none, &[]), RoundStep::Begin),
            (Some(at(5)), page(LogPosition { history: 9, ..at(8) }, &[]), RoundStep::Itself),
            (None, page(LogPosition { history: 9, ..none }, &[]), RoundStep::Itself),
            (None, page(none, &[]), RoundStep::Begin),
            (
                None,
                page(at(2), &[(1, "a"), (2, "b")]),
                RoundStep::Resync { reason: LogBreak::Unknown, position: at(2), is_last: true },
            ),
            (Some(at(5)), page(at(5), &[]), apply(&[], at(5), true)),
            (
                Some(at(5)),
                page(at(8), &[(6, "a"), (7, "b"), (8, "a")]),
                apply(&[(6, "a"), (7, "b")], at(8), true),
            ),
            (
                Some(at(5)),
                page(at(8), &[(6, "a"), (7, "b")]),
                apply(&[(6, "a"), (7, "b")], at(7), false),
            ),
            (
                Some(at(5)),
                page(at(8), &[(7, "b"), (8, "c")]),
                RoundStep::Resync { reason: LogBreak::Gap, position: at(8), is_last: true },
            ),
            (
                Some(LogPosition { history: 2, ..at(5) }),
                page(at(8), &[(6, "a"), (7, "b"), (8, "c")]),
                RoundStep::Resync { reason: LogBreak::History, position: at(8), is_last: true },
            ),
        ] {
            let reading = |is_confirmed| LogReading { page: page.clone(), is_confirmed };
            let step = RoundStep::after(&turn(known), reading(true));
            assert!(step == expected, "{page:?}: {step:?}");
            // By the word of one that may have been demoted nothing is known to be all.
            let in_doubt = RoundStep::after(&turn(known), reading(false));
            let position = |step: &RoundStep| step.end().map(|(position, _)| position);
            assert_eq!(position(&in_doubt), position(&expected));
            assert!(in_doubt.end().is_none_or(|(_, is_last)| !is_last), "{in_doubt:?}");
        }
        assert_eq!((RoundStep::Begin.end(), RoundStep::Itself.end()), (None, None));
        assert_eq!(apply(&[], at(5), true).end(), Some((at(5), true)));
        let resync = RoundStep::Resync { reason: LogBreak::Gap, position: at(8), is_last: true };
        assert_eq!(resync.end(), Some((at(8), true)));
    }
}
