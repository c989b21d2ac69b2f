//! Until when a store counts as one that knows what another one has done (regions 11).
//!
//! Invariant: it is never taken back, and what is noted of it before a question bounds what follows from the answer.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::clock::Tick;
use crate::lock::Mutex;

/// How many notes are kept: those of the longest question, and more. An answer to an older one counts as not heard.
const MOST: usize = 256;

/// Until when a secondary region counts as heard.
#[derive(Debug, Default)]
pub(crate) struct HeardUntil {
    /// How many notes there were.
    count: AtomicU32,
    /// The latest of them, each later than the one before.
    notes: Mutex<VecDeque<Tick>>,
}

/// What had been noted at a moment; far smaller than a time, as it is kept for every question.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct HeardMark(u32);

impl HeardUntil {
    /// What has been noted by now.
    pub(crate) fn mark(&self) -> HeardMark {
        HeardMark(self.count.load(Ordering::SeqCst))
    }

    /// Until when an answer counts as heard to a question that was sent after this mark.
    pub(crate) fn at(&self, mark: HeardMark) -> Tick {
        let notes = self.notes.lock();
        let later = self.count.load(Ordering::SeqCst).wrapping_sub(mark.0);
        let place =
            usize::try_from(later).ok().and_then(|later| notes.len().checked_sub(later + 1));
        place.and_then(|place| notes.get(place)).copied().unwrap_or_default()
    }

    /// The same for a question of now.
    pub(crate) fn get(&self) -> Tick {
        self.notes.lock().back().copied().unwrap_or_default()
    }

    pub(crate) fn extend(&self, until: Tick) {
        let mut notes = self.notes.lock();
        if notes.back().is_some_and(|latest| until <= *latest) {
            return;
        }
        if notes.len() >= MOST {
            notes.pop_front();
        }
        notes.push_back(until);
        self.count.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Tick {
        Tick::from_millis(millis)
    }

    #[test]
    fn what_is_noted_after_a_question_does_not_bound_its_answer() {
        let heard = HeardUntil::default();
        let before = heard.mark();
        heard.extend(at(100));
        let first = heard.mark();
        heard.extend(at(200));
        assert_eq!(heard.at(before), Tick::default());
        assert_eq!(heard.at(first), at(100));
        assert_eq!(heard.at(heard.mark()), at(200));
        assert_eq!(heard.get(), at(200));
    }

    #[test]
    fn it_is_never_taken_back() {
        let heard = HeardUntil::default();
        heard.extend(at(200));
        heard.extend(at(100));
        assert_eq!(heard.at(heard.mark()), at(200));
    }

    #[test]
    fn an_answer_to_a_question_that_is_older_than_all_notes_is_not_heard() {
        let heard = HeardUntil::default();
        heard.extend(at(1));
        let old = heard.mark();
        (2..=MOST as u64).for_each(|millis| heard.extend(at(millis)));
        assert_eq!(heard.at(old), at(1));
        heard.extend(at(MOST as u64 + 1));
        assert_eq!(heard.at(old), Tick::default());
        assert_eq!(heard.at(heard.mark()), at(MOST as u64 + 1));
    }

    #[test]
    fn counts_may_wrap_around() {
        let heard = HeardUntil { count: AtomicU32::new(u32::MAX), ..HeardUntil::default() };
        let before = heard.mark();
        assert_eq!(heard.at(before), Tick::default());
        heard.extend(at(100));
        assert_eq!(heard.at(before), Tick::default());
        assert_eq!(heard.at(heard.mark()), at(100));
    }
}
