//! What callers got, and questions to it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What a call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The value that it had to be.
    Right,
    /// Another one.
    Wrong,
    /// None.
    Error,
}

/// One call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record {
    /// When it began, from the start of the load.
    pub(crate) at: Duration,
    /// How long it took.
    pub(crate) took: Duration,
    /// What it came to.
    pub(crate) verdict: Verdict,
    /// The kind of call or answer, by the caller.
    pub(crate) label: &'static str,
}

/// Calls in the order in which they began.
#[derive(Debug, Clone)]
pub(crate) struct Records {
    start: Instant,
    /// How long the machine stood still at most.
    stall: Duration,
    all: Vec<Record>,
}

impl Record {
    /// A call that ends now.
    pub(super) fn new(start: Instant, begun: Instant, outcome: (Verdict, &'static str)) -> Self {
        let (verdict, label) = outcome;
        Self { at: begun.saturating_duration_since(start), took: begun.elapsed(), verdict, label }
    }

    /// When it ended, from the start of the load.
    pub(crate) fn end(&self) -> Duration {
        self.at + self.took
    }
}

impl Records {
    pub(super) fn new(start: Instant, stall: Duration, mut all: Vec<Record>) -> Self {
        all.sort_by_key(|record| record.at);
        Self { start, stall, all }
    }

    /// When the load began.
    pub(crate) fn started(&self) -> Instant {
        self.start
    }

    /// A moment as the records count it; zero if it was before the start.
    pub(crate) fn time_of(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.start)
    }

    /// Every call.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Record> {
        self.all.iter()
    }

    /// How many calls there were.
    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    /// How many got an error.
    pub(crate) fn errors(&self) -> usize {
        self.with(Verdict::Error)
    }

    /// How many got a wrong value.
    pub(crate) fn wrong(&self) -> usize {
        self.with(Verdict::Wrong)
    }

    /// Those that fulfil a condition.
    pub(crate) fn filter(&self, keep: impl Fn(&Record) -> bool) -> Self {
        let all = self.all.iter().copied().filter(|record| keep(record)).collect();
        Self { all, ..*self }
    }

    /// Those that began between two times, the second excluded.
    pub(crate) fn between(&self, from: Duration, to: Duration) -> Self {
        self.filter(|record| (from..to).contains(&record.at))
    }

    /// Those that were under way at some moment between two times.
    pub(crate) fn during(&self, from: Duration, to: Duration) -> Self {
        self.filter(|record| record.at < to && record.end() >= from)
    }

    /// Those of each label.
    pub(crate) fn by_label(&self) -> BTreeMap<&'static str, Self> {
        let mut labels: BTreeMap<_, Self> = BTreeMap::new();
        for &record in &self.all {
            let of_label =
                labels.entry(record.label).or_insert_with(|| Self { all: Vec::new(), ..*self });
            of_label.all.push(record);
        }
        labels
    }

    /// The time within which a share of the calls ended, such as 0.999; zero without calls.
    pub(crate) fn percentile(&self, share: f64) -> Duration {
        let mut times: Vec<_> = self.all.iter().map(|record| record.took).collect();
        times.sort_unstable();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rank between zero and the number of calls"
        )]
        let rank = (share * times.len() as f64).ceil() as usize;
        times
            .get(rank.saturating_sub(1).min(times.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    }

    /// The time of the slowest call; zero without calls.
    pub(crate) fn worst(&self) -> Duration {
        self.all.iter().map(|record| record.took).max().unwrap_or_default()
    }

    /// The same, less what the machine may have added by standing still.
    pub(crate) fn worst_but_for_stalls(&self) -> Duration {
        self.worst().saturating_sub(self.held_up())
    }

    /// How long the machine may have held up a call at most: it takes several turns.
    pub(crate) fn held_up(&self) -> Duration {
        4 * self.stall
    }

    /// The longest time in which no call ended right: its begin, and how long it was.
    ///
    /// It lies between two right ends; one that reaches to the end of the load is no part of it.
    pub(crate) fn longest_gap(&self) -> (Duration, Duration) {
        let right = self.all.iter().filter(|record| record.verdict == Verdict::Right);
        let mut ends: Vec<_> = right.map(Record::end).collect();
        ends.sort_unstable();
        let gaps = ends.windows(2).map(|pair| (pair[0], pair[1].saturating_sub(pair[0])));
        gaps.max_by_key(|(_, length)| *length).unwrap_or_default()
    }

    /// When the first call ended right that began at or after a time.
    pub(crate) fn first_right(&self, from: Duration) -> Option<Duration> {
        let right = |record: &&Record| record.at >= from && record.verdict == Verdict::Right;
        self.all.iter().filter(right).map(Record::end).min()
    }

    fn with(&self, verdict: Verdict) -> usize {
        self.all.iter().filter(|record| record.verdict == verdict).count()
    }
}
