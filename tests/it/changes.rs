//! What has been invalidated, as somebody reads it who follows a log (A31).

use athena_cache::backend::{
    ChangeLog, LogCursor, LogRecord, LoggedChanges, LoggedInvalidation, changes_since, log_name,
};
use athena_cache::testing::MemoryBackend;

const MOST: usize = 300;

fn record(number: usize) -> LogRecord {
    LogRecord::Tag(number.to_string())
}

async fn append(store: &MemoryBackend, numbers: std::ops::Range<usize>, nonce: u64) {
    let log = &log_name("ns", "all");
    let records: Vec<_> = numbers.map(record).collect();
    let (records, cap) = (records.as_slice(), 10_000);
    let change = LoggedInvalidation { bumps: &[], names: &[], log, records, nonce, cap };
    store.execute(change).await.unwrap();
}

async fn read(store: &MemoryBackend, cursor: &LogCursor) -> LoggedChanges {
    changes_since(store, "ns", cursor, MOST).await.unwrap()
}

/// Reads to the end; tells what came, and whether something is missing.
async fn read_all(store: &MemoryBackend, cursor: &mut LogCursor) -> (Vec<LogRecord>, bool) {
    let (mut records, mut is_truncated) = (Vec::new(), false);
    loop {
        let changes = read(store, cursor).await;
        assert!(changes.items.len() <= MOST);
        records.extend(changes.items.into_iter().map(|change| change.record));
        is_truncated |= changes.truncated;
        *cursor = changes.next;
        if changes.lag == 0 {
            return (records, is_truncated);
        }
    }
}

#[tokio::test]
async fn a31_each_change_is_read_once_in_its_order_and_a_cursor_outlives_its_process() {
    let store = MemoryBackend::new();
    let mut cursor = LogCursor::default();
    assert_eq!(read_all(&store, &mut cursor).await, (vec![], false), "there is no log");
    append(&store, 0..1_000, 7).await;
    let expected: Vec<_> = (0..1_000).map(record).collect();
    assert!(read_all(&store, &mut cursor).await == (expected, false));
    assert_eq!(read(&store, &LogCursor::default()).await.lag, 700);
    let kept = serde_json::to_string(&cursor).unwrap();
    append(&store, 1_000..1_003, 8).await;
    let mut cursor: LogCursor = serde_json::from_str(&kept).unwrap();
    let expected: Vec<_> = (1_000..1_003).map(record).collect();
    assert!(read_all(&store, &mut cursor).await == (expected, false));
    assert_eq!(read_all(&store, &mut cursor).await, (vec![], false));
    let other = changes_since(&store, "other", &cursor, MOST).await.unwrap();
    assert!(other.items.is_empty(), "of another namespace");
}

#[tokio::test]
async fn a31_what_is_missing_is_told_once_and_reading_goes_on() {
    let log = log_name("ns", "all");
    for (what, breaks, left) in [
        ("trimmed", (|store, log| store.trim_log(log, 2)) as fn(&MemoryBackend, &str), 8..10),
        ("lost", |store, log| store.lose_log(log), 0..0),
        ("of another node", |store, _| store.fail_over(), 0..10),
    ] {
        let store = MemoryBackend::new();
        append(&store, 0..5, 7).await;
        let mut cursor = LogCursor::default();
        read_all(&store, &mut cursor).await;
        append(&store, 5..10, 8).await;
        breaks(&store, &log);
        let expected: Vec<_> = left.map(record).collect();
        assert!(read_all(&store, &mut cursor).await == (expected, true), "{what}");
        append(&store, 10..11, 9).await;
        assert!(read_all(&store, &mut cursor).await == (vec![record(10)], false), "{what}");
    }
}

#[tokio::test]
async fn a31_who_begins_where_the_oldest_are_gone_is_told_so() {
    let store = MemoryBackend::new();
    append(&store, 0..10, 7).await;
    store.trim_log(&log_name("ns", "all"), 3);
    let mut cursor = LogCursor::default();
    let expected: Vec<_> = (7..10).map(record).collect();
    assert!(read_all(&store, &mut cursor).await == (expected, true));
    store.trim_log(&log_name("ns", "all"), 0);
    assert_eq!(read_all(&store, &mut LogCursor::default()).await, (vec![], true));
    assert_eq!(read_all(&store, &mut cursor).await, (vec![], false));
}
