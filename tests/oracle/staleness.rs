//! How stale the values were that were served as fresh.
//!
//! The staleness of a read: how long before it the earliest invalidation was done that reached what it
//! returned. Nobody promises that it is zero; the bound is what it is measured against.

use std::fmt;
use std::time::Duration;

use super::record::{Ending, History};

/// The staleness of the fresh reads of one phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Staleness {
    pub(crate) phase: String,
    /// How many reads were fresh.
    pub(crate) fresh: usize,
    /// How many of them returned what had been invalidated before.
    pub(crate) outdated: usize,
    pub(crate) median: Duration,
    pub(crate) p99: Duration,
    pub(crate) max: Duration,
}

/// One line for each phase, in their order.
pub(crate) fn by_phase(history: &History) -> Vec<Staleness> {
    ages(history).map(|(phase, ages)| Staleness::of(phase, ages)).collect()
}

/// The staleness of each fresh read, by phase.
pub(crate) fn ages(history: &History) -> impl Iterator<Item = (&str, Vec<Duration>)> {
    let items = 0..history.written.len();
    let items: Vec<_> = items.map(|item| Outdatings::of(history, item)).collect();
    let mut sorted: Vec<Vec<Duration>> = vec![Vec::new(); history.phases.len()];
    for read in history.reads.iter().filter(|read| read.flags.is_fresh()) {
        let phase = history.phases.partition_point(|phase| phase.from <= read.begun);
        if let Some(ages) = phase.checked_sub(1).and_then(|phase| sorted.get_mut(phase)) {
            ages.push(items[read.item].age(read.version, read.begun));
        }
    }
    history.phases.iter().map(|phase| phase.name.as_str()).zip(sorted)
}

/// When each version of an item was outdated for certain.
struct Outdatings(Vec<Option<Duration>>);

impl Outdatings {
    fn of(history: &History, item: usize) -> Self {
        let mut ends: Vec<Option<Duration>> = vec![None; history.written[item].len()];
        for done in history.invalidations.iter().filter(|it| it.ending == Ending::Done) {
            let Some(version) = done.version_of(item) else { continue };
            // It outdates every version before.
            for end in ends.iter_mut().take(usize::try_from(version).unwrap_or(0)) {
                *end = Some(end.map_or(done.ended, |end| end.min(done.ended)));
            }
        }
        Self(ends)
    }

    fn age(&self, version: u32, begun: Duration) -> Duration {
        let end = self.0.get(usize::try_from(version).unwrap_or(usize::MAX)).copied().flatten();
        end.map_or(Duration::ZERO, |end| begun.saturating_sub(end))
    }
}

impl Staleness {
    /// The figures of a phase.
    pub(crate) fn of(phase: &str, mut ages: Vec<Duration>) -> Self {
        ages.sort_unstable();
        let share = |percent: usize| {
            let place = (ages.len() * percent).div_ceil(100).saturating_sub(1);
            ages.get(place).copied().unwrap_or_default()
        };
        Self {
            phase: phase.to_owned(),
            fresh: ages.len(),
            outdated: ages.iter().filter(|age| !age.is_zero()).count(),
            median: share(50),
            p99: share(99),
            max: share(100),
        }
    }
}

impl fmt::Display for Staleness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { phase, fresh, outdated, .. } = self;
        let [median, p99, max] = [self.median, self.p99, self.max].map(|it| it.as_secs_f64() * 1e3);
        write!(
            f,
            "{phase:<46} {fresh:>8} fresh, {outdated:>6} outdated: p50 {median:>6.1} ms, \
             p99 {p99:>6.1} ms, max {max:>7.1} ms"
        )
    }
}

#[cfg(test)]
mod tests {
    use athena_cache::Source;

    use super::super::record::{Flags, Invalidation, Phase, Read, What};
    use super::*;

    #[test]
    fn a_read_is_as_stale_as_the_first_invalidation_of_what_it_returned() {
        let at = Duration::from_millis;
        let read = |begun, version, flags| {
            let (begun, ended) = (at(begun), at(begun));
            Read { process: 0, item: 0, begun, ended, of: 0, version, flags }
        };
        let done = |version, ended, ending| {
            let (begun, ended, covers) = (at(0), at(ended), vec![(0, version)]);
            Invalidation { process: 0, what: What::Item(0), covers, begun, ended, ending }
        };
        let fresh = Flags::Fresh { source: Source::Memory, joined: false };
        let history = History {
            written: vec![vec![at(0), at(10), at(20)]],
            reads: vec![
                read(5, 0, fresh),
                read(40, 0, fresh),
                read(50, 1, fresh),
                read(60, 2, fresh),
                read(90, 0, Flags::Flagged),
            ],
            invalidations: vec![
                done(1, 30, Ending::Done),
                done(2, 45, Ending::Done),
                done(2, 21, Ending::Pending),
            ],
            phases: [(0, "first"), (45, "second")]
                .map(|(from, name)| Phase { from: at(from), name: name.to_owned() })
                .into(),
            ..History::default()
        };
        let [first, second] = by_phase(&history).try_into().unwrap();
        assert_eq!((first.fresh, first.outdated, first.max), (2, 1, at(10)));
        assert_eq!((second.fresh, second.outdated, second.max), (2, 1, at(5)));
    }
}
