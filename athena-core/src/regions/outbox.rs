//! What a secondary keeps for the primary that could not be told (regions 14 and 16).
//!
//! Invariant: a record leaves the outbox after the primary has executed and logged it, and every one before it.

use super::round::distinct;
use crate::backend::{Class, LogPage, LogRecord};
use crate::resilience::class::refuses_names;

/// Records that the primary is to execute, in one step.
#[derive(Debug, Default)]
pub(crate) struct Owed {
    records: Vec<(u64, LogRecord)>,
}

impl Owed {
    /// What a page of an outbox holds, which was read from its beginning.
    ///
    /// An outbox keeps so many records only: where some went that were not settled, anything is owed.
    pub(crate) fn of(page: LogPage) -> Self {
        let mut records = page.records;
        let first = records.first().map_or(page.last.number + 1, |(number, _)| *number);
        if first > page.settled + 1 {
            records.insert(0, (first - 1, LogRecord::ANY));
        }
        Self { records }
    }

    /// What the primary is to be told, each once.
    pub(crate) fn records(&self) -> Vec<LogRecord> {
        let once = distinct(self.records.iter().cloned());
        once.into_iter().map(|(_, record)| record).collect()
    }

    /// Up to which number the outbox can be settled, by what has been acknowledged; `None` if nothing can.
    pub(crate) fn settled(&self, is_acknowledged: impl Fn(&LogRecord) -> bool) -> Option<u64> {
        let done = self.records.iter().take_while(|(_, record)| is_acknowledged(record));
        done.last().map(|(number, _)| *number)
    }
}

/// What follows if a store has not executed a record (A34).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unapplied {
    /// The same again later: it did not answer, or cannot now.
    Again,
    /// It rejects this one: do what stands in its place, then park it.
    Park,
}

impl Unapplied {
    pub(crate) fn after(class: Class) -> Self {
        if refuses_names(class) { Self::Park } else { Self::Again }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::LogPosition;

    #[test]
    fn the_outbox_is_settled_up_to_the_first_that_is_not_acknowledged() {
        let tag = |text: &str| LogRecord::Tag(text.into());
        let last = LogPosition { history: 1, nonce: 7, number: 9 };
        let texts = [(4, "a"), (5, "b"), (6, "a"), (7, "c")];
        let records = texts.iter().map(|(number, text)| (*number, tag(text))).collect();
        let owed = Owed::of(LogPage { last, settled: 3, records });
        assert!(owed.records() == [tag("a"), tag("b"), tag("c")]);
        for (acknowledged, settled) in [
            ("", None),
            ("b", None),
            ("a", Some(4)),
            ("ab", Some(6)),
            ("ac", Some(4)),
            ("abc", Some(7)),
        ] {
            let is_acknowledged =
                |record: &LogRecord| acknowledged.chars().any(|it| *record == tag(&it.to_string()));
            assert_eq!(owed.settled(is_acknowledged), settled, "{acknowledged}");
        }
        assert_eq!(Owed::default().settled(|_| true), None);
    }

    #[test]
    fn where_the_outbox_could_not_keep_all_anything_is_owed_first() {
        let tag = |text: &str| LogRecord::Tag(text.into());
        let last = LogPosition { history: 1, nonce: 7, number: 9 };
        let owed = |settled, records| Owed::of(LogPage { last, settled, records });
        let beyond = owed(3, vec![(8, tag("a")), (9, tag("b"))]);
        assert!(beyond.records() == [LogRecord::ANY, tag("a"), tag("b")]);
        assert_eq!(beyond.settled(|record| *record == tag("a")), None);
        assert_eq!(beyond.settled(|record| *record != tag("b")), Some(8));
        assert_eq!(beyond.settled(|_| true), Some(9));
        let none = owed(3, vec![]);
        assert!(none.records() == [LogRecord::ANY] && none.settled(|_| true) == Some(9));
        assert!(owed(9, vec![]).records().is_empty());
    }

    #[test]
    fn a34_only_what_a_store_rejects_for_its_names_is_parked() {
        for class in Class::ALL {
            let expected = match class {
                Class::Rejected | Class::Denied => Unapplied::Park,
                _ => Unapplied::Again,
            };
            assert_eq!(Unapplied::after(class), expected, "{class}");
        }
    }
}
