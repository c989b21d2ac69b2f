//! What became of the writes to one name. Decides, and does nothing else.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

/// A gap is told of from this length on.
const GAP: Duration = Duration::from_millis(50);

/// Writes so far: each is the next number.
#[derive(Debug)]
pub(super) struct Record {
    acknowledged: u64,
    failed: u64,
    lost: u64,
    /// The last number that was acknowledged; 0 before the first.
    last: u64,
    last_at: Instant,
    /// Failures since, and what the first of them said.
    open: Option<(u64, String)>,
    longest: Duration,
    /// When the last gap or failover was over.
    over: Option<Instant>,
}

/// A time without an acknowledged write that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) took: Duration,
    pub(super) failed: u64,
    pub(super) error: String,
}

/// What is told at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    /// The node that served at the beginning.
    pub(super) endpoint: String,
    pub(super) acknowledged: u64,
    pub(super) failed: u64,
    pub(super) longest_gap_ms: u64,
    /// Writes that were acknowledged, and that whoever serves now has not.
    pub(super) lost: u64,
    /// Whether the last write failed.
    pub(super) is_down: bool,
    /// Why, if so.
    pub(super) error: Option<String>,
}

impl Record {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            acknowledged: 0,
            failed: 0,
            lost: 0,
            last: 0,
            last_at: now,
            open: None,
            longest: Duration::ZERO,
            over: None,
        }
    }

    /// The number to write next: above all that were written before, acknowledged or not.
    pub(super) fn next(&self) -> u64 {
        self.acknowledged + self.failed + 1
    }

    /// Takes note of the number that is there, before the next one is written.
    ///
    /// One that is above what was acknowledged was written although nobody said so.
    pub(super) fn check(&mut self, found: Option<u64>) {
        let lost = self.last.saturating_sub(found.unwrap_or(0));
        self.lost += lost.min(self.acknowledged);
        self.last = self.last.min(found.unwrap_or(0));
    }

    /// Takes note of a write; answers the gap that it ends, if it ends one.
    pub(super) fn note(&mut self, now: Instant, outcome: Result<(), String>) -> Option<Gap> {
        if let Err(error) = outcome {
            self.failed += 1;
            self.open.get_or_insert((0, error)).0 += 1;
            return None;
        }
        let number = self.next();
        let took = now.duration_since(self.last_at);
        let is_first = self.acknowledged == 0;
        self.acknowledged += 1;
        (self.last, self.last_at) = (number, now);
        let open = self.open.take();
        self.longest = if is_first { self.longest } else { self.longest.max(took) };
        let (failed, error) = open.filter(|_| took >= GAP && !is_first)?;
        self.over = Some(now);
        Some(Gap { took, failed, error })
    }

    pub(super) fn note_failover(&mut self, now: Instant) {
        self.over = Some(now);
    }

    /// Whether what was waited for has been over for so long.
    pub(super) fn is_over(&self, now: Instant, long: Duration) -> bool {
        self.open.is_none() && self.over.is_some_and(|over| now.duration_since(over) >= long)
    }

    pub(super) fn summary(self, endpoint: String, now: Instant) -> Summary {
        let is_down = self.open.is_some();
        let gap = if is_down { now.duration_since(self.last_at) } else { Duration::ZERO };
        let longest_gap_ms = u64::try_from(self.longest.max(gap).as_millis()).unwrap_or(u64::MAX);
        let Self { acknowledged, failed, lost, open, .. } = self;
        let error = open.map(|(_, error)| error);
        Summary { endpoint, acknowledged, failed, longest_gap_ms, lost, is_down, error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_lasts_from_one_acknowledged_write_to_the_next() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut record = Record::new(start);
        assert_eq!((record.note(at(0), Ok(())), record.next()), (None, 2));
        assert_eq!(record.note(at(10), Ok(())), None);
        for ms in [20, 30, 40] {
            assert_eq!(record.note(at(ms), Err("gone".to_owned())), None);
        }
        assert!(!record.is_over(at(5_000), Duration::ZERO));
        record.check(Some(1));
        let gap = Gap { took: Duration::from_millis(800), failed: 3, error: "gone".to_owned() };
        assert_eq!(record.note(at(810), Ok(())), Some(gap));
        assert!(!record.is_over(at(2_000), Duration::from_secs(3)));
        assert!(record.is_over(at(3_810), Duration::from_secs(3)));
        let summary = record.summary("a".to_owned(), at(4_000));
        assert_eq!((summary.acknowledged, summary.failed, summary.lost), (3, 3, 1));
        assert_eq!((summary.longest_gap_ms, summary.is_down), (800, false));
    }

    #[test]
    fn what_is_lost_is_counted_once() {
        let now = Instant::now();
        let mut record = Record::new(now);
        for _ in 0..10 {
            record.note(now, Ok(()));
        }
        record.check(Some(10));
        record.check(Some(4));
        record.check(Some(4));
        record.note(now, Ok(()));
        record.check(Some(11));
        assert_eq!(record.summary(String::new(), now).lost, 6);
    }

    #[test]
    fn one_that_is_down_at_the_end_is_in_its_gap() {
        let start = Instant::now();
        let mut record = Record::new(start);
        record.note(start, Ok(()));
        record.note(start, Err("gone".to_owned()));
        let summary = record.summary(String::new(), start + Duration::from_secs(2));
        assert_eq!((summary.is_down, summary.longest_gap_ms), (true, 2_000));
        assert_eq!(summary.error.as_deref(), Some("gone"));
    }
}
