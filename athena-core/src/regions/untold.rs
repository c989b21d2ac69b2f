//! What this process has invalidated and a secondary may not know of (regions 9).
//!
//! Invariant: a target is forgotten when the secondary has acknowledged it, or has come past its record in the
//! primary's log, and by nothing else. Nothing is read from the secondary before it was told what is kept here.

use std::collections::HashMap;
use std::hash::Hash;

use crate::backend::LogPosition;

/// Targets that a secondary has to be told before it is asked anything.
#[derive(Debug)]
pub(crate) struct Untold<T> {
    kept: HashMap<T, Waiting>,
    /// Whether there were too many: then everything has to be told.
    has_overflowed: Option<u64>,
    counter: u64,
    limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Waiting {
    number: u64,
    /// Where its record stands, in which part of the primary's log; `None` while the primary has not executed it.
    record: Option<(usize, LogPosition)>,
}

/// What a secondary is told at one moment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Telling<T> {
    /// These, each with its number here.
    These(Vec<(T, u64)>),
    /// Everything: there were too many.
    Everything(u64),
}

impl<T: Clone + Eq + Hash> Untold<T> {
    /// Keeps up to `limit` targets, and what stands for everything in their place when there are more.
    pub(crate) fn new(limit: usize) -> Self {
        Self { kept: HashMap::new(), has_overflowed: None, counter: 0, limit: limit.max(1) }
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.has_overflowed.is_none()
    }

    /// How many targets there are, or 1 where there were too many.
    pub(crate) fn len(&self) -> usize {
        self.kept.len() + usize::from(self.has_overflowed.is_some())
    }

    /// A target was invalidated; its record stands here in the primary's log, if the primary has executed it.
    pub(crate) fn keep(&mut self, target: T, record: Option<(usize, LogPosition)>) {
        self.counter += 1;
        let number = self.counter;
        if self.has_overflowed.is_some()
            || self.kept.len() >= self.limit && !self.kept.contains_key(&target)
        {
            self.kept.clear();
            self.has_overflowed = Some(number);
            return;
        }
        self.kept.insert(target, Waiting { number, record });
    }

    /// The primary has executed what it could not be told before.
    pub(crate) fn executed(&mut self, target: &T, record: (usize, LogPosition)) {
        if let Some(waiting) = self.kept.get_mut(target) {
            waiting.record.get_or_insert(record);
        }
    }

    /// The secondary follows a part of the log up to here.
    pub(crate) fn passed(&mut self, part: usize, position: &LogPosition) {
        let is_behind = |(of, record): (usize, LogPosition)| {
            of == part && record.is_in(position) && record.number <= position.number
        };
        self.kept.retain(|_, waiting| !waiting.record.is_some_and(is_behind));
    }

    /// What the secondary has to be told.
    pub(crate) fn telling(&self) -> Telling<T> {
        match self.has_overflowed {
            Some(number) => Telling::Everything(number),
            None => Telling::These(
                self.kept.iter().map(|(target, it)| (target.clone(), it.number)).collect(),
            ),
        }
    }

    /// The secondary has acknowledged it; what was invalidated once more since stays.
    pub(crate) fn told(&mut self, telling: &Telling<T>) {
        match telling {
            Telling::These(targets) => {
                for (target, number) in targets {
                    if self.kept.get(target).is_some_and(|waiting| waiting.number == *number) {
                        self.kept.remove(target);
                    }
                }
            }
            Telling::Everything(number) => {
                self.has_overflowed.take_if(|latest| latest == number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(number: u64) -> LogPosition {
        LogPosition { history: 1, nonce: 7, number }
    }

    fn targets(untold: &Untold<&'static str>) -> Vec<&'static str> {
        match untold.telling() {
            Telling::These(targets) => {
                let mut targets: Vec<_> = targets.into_iter().map(|(target, _)| target).collect();
                targets.sort_unstable();
                targets
            }
            Telling::Everything(_) => vec!["everything"],
        }
    }

    #[test]
    fn what_the_secondary_has_come_past_in_the_same_log_is_forgotten() {
        for (position, part, left) in [
            (at(4), 0, &["a", "b", "c", "d"][..]),
            (at(5), 0, &["b", "c", "d"]),
            (at(9), 0, &["c", "d"]),
            (at(9), 1, &["a", "b", "c"]),
            (LogPosition { history: 2, ..at(9) }, 0, &["a", "b", "c", "d"]),
            (LogPosition { nonce: 8, ..at(9) }, 0, &["a", "b", "c", "d"]),
        ] {
            let mut untold = Untold::new(10);
            untold.keep("a", Some((0, at(5))));
            untold.keep("b", Some((0, at(6))));
            untold.keep("c", None);
            untold.keep("d", Some((1, at(5))));
            untold.passed(part, &position);
            assert_eq!(targets(&untold), left, "{position:?}");
        }
    }

    #[test]
    fn what_the_primary_executes_later_waits_for_that_record() {
        let mut untold = Untold::new(10);
        untold.keep("a", None);
        untold.passed(0, &at(9));
        assert_eq!(targets(&untold), ["a"]);
        untold.executed(&"a", (0, at(10)));
        // A replay repeats it.
        untold.executed(&"a", (0, at(11)));
        untold.executed(&"b", (0, at(11)));
        untold.passed(0, &at(9));
        assert_eq!(targets(&untold), ["a"]);
        untold.passed(0, &at(10));
        assert!(untold.is_empty());
    }

    #[test]
    fn what_is_invalidated_again_while_it_is_told_is_told_again() {
        let mut untold = Untold::new(10);
        untold.keep("a", Some((0, at(5))));
        untold.keep("b", Some((0, at(6))));
        let telling = untold.telling();
        untold.keep("a", Some((0, at(7))));
        untold.passed(0, &at(6));
        untold.told(&telling);
        assert_eq!(targets(&untold), ["a"]);
        untold.told(&untold.telling());
        assert!(untold.is_empty());
    }

    #[test]
    fn too_many_become_everything_until_that_is_told() {
        let mut untold = Untold::new(2);
        for target in ["a", "b", "a"] {
            untold.keep(target, Some((0, at(5))));
        }
        assert_eq!(targets(&untold), ["a", "b"]);
        untold.keep("c", Some((0, at(6))));
        let telling = untold.telling();
        assert_eq!(targets(&untold), ["everything"]);
        untold.passed(0, &at(9));
        untold.keep("d", None);
        untold.told(&telling);
        assert!(!untold.is_empty(), "d came meanwhile");
        untold.told(&untold.telling());
        assert!(untold.is_empty());
    }
}
