//! What has been invalidated since somebody looked last (A31).
//!
//! Invariant: within a part, changes come in the order in which they were executed; where some are missing, that is
//! said.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::log::ChangeLog;
use super::names::log_name;
use super::position::LogPosition;
use super::record::LogRecord;
use crate::backend::failure::Failure;

/// How far somebody has read the log of a namespace; keep it to go on from there.
///
/// A new one begins with what the log still holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogCursor(BTreeMap<String, LogPosition>);

/// Changes of a namespace, and how to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedChanges {
    /// The changes, part by part, within each in their order.
    pub items: Vec<LoggedChange>,
    /// Where to go on.
    pub next: LogCursor,
    /// Whether changes since the cursor are missing: anything may have changed.
    ///
    /// The log keeps so many only, and a node that takes over may lack its last ones.
    pub truncated: bool,
    /// How many changes there are that were not read.
    pub lag: u64,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedChange {
    /// The part of the log.
    pub part: String,
    /// Where it stands there.
    pub position: LogPosition,
    /// What was invalidated.
    pub record: LogRecord,
}

/// Reads what has been invalidated in a namespace since a cursor, at most `most` changes of each part of the log.
///
/// Ask again with [`next`](LoggedChanges::next) while there is a [`lag`](LoggedChanges::lag).
///
/// ```
/// # use athena_cache_core::backend::{Backend, Failure, LogCursor, changes_since};
/// # async fn follow(backend: &dyn Backend) -> Result<(), Failure> {
/// let mut cursor = LogCursor::default();
/// if let Some(log) = backend.changes() {
///     let changes = changes_since(log, "shop", &cursor, 1_000).await?;
///     for change in &changes.items {
///         println!("{:?}", change.record);
///     }
///     cursor = changes.next;
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// A part of the log cannot be read; the cursor is still good.
pub async fn changes_since(
    log: &dyn ChangeLog,
    namespace: &str,
    cursor: &LogCursor,
    most: usize,
) -> Result<LoggedChanges, Failure> {
    let mut changes =
        LoggedChanges { items: Vec::new(), next: cursor.clone(), truncated: false, lag: 0 };
    let parts = log.log_parts();
    // Parts of another topology have names of their own, and nothing comes there any more.
    changes.next.0.retain(|part, _| parts.contains(part));
    changes.truncated |= changes.next != *cursor;
    for part in parts {
        read_part(log, &log_name(namespace, part), part, most, &mut changes).await?;
    }
    Ok(changes)
}

async fn read_part(
    log: &dyn ChangeLog,
    name: &str,
    part: &str,
    most: usize,
    changes: &mut LoggedChanges,
) -> Result<(), Failure> {
    let known = changes.next.0.get(part).copied();
    let mut after = known.map_or(0, |position| position.number);
    let mut page = log.read_log(name, after, most).await?;
    if let Some(known) = known
        && page.follows(Some(&known)).is_err()
    {
        changes.truncated = true;
        // What is there is told from its beginning: of another log, or behind a gap.
        if !known.is_in(&page.last) || page.last.number < known.number {
            after = 0;
            page = log.read_log(name, after, most).await?;
        }
    }
    let first = page.records.first().map_or(page.last.number + 1, |(number, _)| *number);
    changes.truncated |= known.is_none() && first > 1;
    let end = page.end(if page.records.is_empty() { page.last.number } else { after });
    changes.lag += page.last.number.saturating_sub(end.number);
    changes.items.extend(page.records.into_iter().map(|(number, record)| LoggedChange {
        part: part.to_owned(),
        position: LogPosition { number, ..end },
        record,
    }));
    // A log that has not begun is read from its beginning once it has.
    match end.nonce {
        0 => changes.next.0.remove(part),
        _ => changes.next.0.insert(part.to_owned(), end),
    };
    Ok(())
}
