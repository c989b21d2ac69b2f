//! What a record means in a store whose names may be laid out otherwise than those of the log's store.
//!
//! Invariant: everything that a record may mean where it was written is within its reach here.

use std::ops::Range;

use crate::backend::LogRecord;

/// What a record invalidates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reach<'a> {
    /// An entry, by what all of its names begin with.
    Entry(&'a str),
    /// All entries with a tag.
    Tag(&'a str),
    /// All entries of these partitions of the store.
    Partitions(Range<usize>),
    /// Everything of the namespace.
    All,
}

impl<'a> Reach<'a> {
    /// What a record of part `part` of a log with `parts` of them means in a store with `partitions`.
    ///
    /// Partitions stand in the order of their slots, which are the same in every cluster; where one node serves every
    /// name there are none.
    pub(crate) fn of(record: &'a LogRecord, part: usize, parts: usize, partitions: usize) -> Self {
        match record {
            LogRecord::Entry(name) => Self::Entry(name),
            LogRecord::Tag(text) => Self::Tag(text),
            LogRecord::Everything => Self::of_part(part, parts, partitions),
            LogRecord::Unknown(_) => Self::All,
        }
    }

    /// What takes the place of a record that the store rejects (A34): at least what it means.
    pub(crate) fn in_place_of(
        record: &LogRecord,
        part: usize,
        parts: usize,
        partitions: usize,
    ) -> Self {
        match record {
            LogRecord::Entry(_) => Self::of_part(part, parts, partitions),
            // Its entries are everywhere.
            LogRecord::Tag(_) | LogRecord::Everything | LogRecord::Unknown(_) => Self::All,
        }
    }

    fn of_part(part: usize, parts: usize, partitions: usize) -> Self {
        if parts <= 1 || partitions == 0 || !partitions.is_multiple_of(parts) || part >= parts {
            return Self::All;
        }
        let each = partitions / parts;
        Self::Partitions(part * each..(part + 1) * each)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reaches_whatever_it_may_mean_where_it_was_written() {
        let entry = LogRecord::Entry("shop:{k:a}".into());
        let tag = LogRecord::Tag("books".into());
        let unknown = LogRecord::Unknown(b"z".to_vec());
        let of = |record: &LogRecord, (part, parts, partitions)| {
            (
                format!("{:?}", Reach::of(record, part, parts, partitions)),
                format!("{:?}", Reach::in_place_of(record, part, parts, partitions)),
            )
        };
        // From one node or a cluster to one node or a cluster.
        for (place, part) in [
            ((0, 1, 0), "All"),
            ((0, 1, 1_024), "All"),
            ((3, 16, 0), "All"),
            ((3, 16, 1_024), "Partitions(192..256)"),
            ((15, 16, 1_024), "Partitions(960..1024)"),
            // Nothing that we know of.
            ((3, 16, 1_000), "All"),
            ((16, 16, 1_024), "All"),
        ] {
            let shown = |text: &str| text.to_owned();
            assert_eq!(of(&entry, place), (shown("Entry(\"shop:{k:a}\")"), shown(part)));
            assert_eq!(of(&tag, place), (shown("Tag(\"books\")"), shown("All")));
            assert_eq!(of(&LogRecord::Everything, place), (shown(part), shown("All")));
            assert_eq!(of(&unknown, place), (shown("All"), shown("All")));
        }
    }
}
