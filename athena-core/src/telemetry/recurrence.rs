//! How often something has happened that is told of once in a while.
//!
//! Invariant: for each thing there is one record in a pause at most, whatever makes it happen.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use crate::clock::{Clock, Tick};
use crate::lock::Mutex;

/// From one record of a thing to the next.
const PAUSE: Duration = Duration::from_secs(60);

/// What was told of; the things must be few.
#[derive(Debug)]
pub(super) struct Recurrence<T> {
    clock: Clock,
    told: Mutex<HashMap<T, LastRecord>>,
}

#[derive(Debug)]
struct LastRecord {
    at: Tick,
    /// How often it has happened since then.
    since: u64,
}

impl<T: Eq + Hash> Recurrence<T> {
    pub(super) fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), told: Mutex::new(HashMap::new()) }
    }

    /// Notes that it has happened; if it is to be told of, how often it has since it was.
    pub(super) fn note(&self, what: T) -> Option<u64> {
        let at = self.clock.now();
        let mut told = self.told.lock();
        let Some(last) = told.get_mut(&what) else {
            told.insert(what, LastRecord { at, since: 0 });
            return Some(1);
        };
        last.since += 1;
        if at.since(last.at) < PAUSE {
            return None;
        }
        let count = last.since;
        *last = LastRecord { at, since: 0 };
        Some(count)
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn each_thing_is_told_of_once_in_a_pause_with_how_often_it_was() {
        let clock = ManualClock::new();
        let recurrence = Recurrence::new(&Clock::from(clock.clone()));
        let note = |what: &'static str, after: u64| {
            clock.advance(Duration::from_secs(after));
            recurrence.note(what)
        };
        assert_eq!([note("a", 0), note("b", 0), note("a", 0)], [Some(1), Some(1), None]);
        assert_eq!([note("a", 59), note("a", 1), note("a", 0)], [None, Some(3), None]);
        assert_eq!([note("b", 1), note("b", 59)], [Some(1), None]);
    }
}
