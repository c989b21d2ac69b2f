//! Up to when a secondary region knows what the primary has done (regions 8).
//!
//! Invariant: what is heard counts from a question that was sent before the log was read, by this process's own clock
//! alone. No clocks of two machines are compared, and no answer counts from when it came.

use std::collections::VecDeque;
use std::time::Duration;

use crate::backend::LogPulse;
use crate::clock::Tick;

/// How many questions are remembered: those of a turn, and more.
const MOST: usize = 64;

/// What was heard of one part of a log.
#[derive(Debug, Default)]
pub(crate) struct Hearing {
    /// When a question was sent, and the number of the latest round that had begun by then.
    noted: VecDeque<(Tick, u64)>,
    /// The connection and the history that these are of.
    source: Option<(u64, u64)>,
    heard: Option<Tick>,
}

impl Hearing {
    /// Takes in the answer to a question that was sent at `sent`.
    ///
    /// A round that began after a question, and has ended with nothing left of the log, has applied whatever the
    /// primary had executed by then.
    pub(crate) fn note(&mut self, pulse: &LogPulse, sent: Tick) {
        let source = Some((pulse.epoch, pulse.history));
        let has_gone_back = self.noted.back().is_some_and(|(_, asked)| pulse.asked < *asked);
        if self.source != source || has_gone_back {
            // Its successor may count the same numbers once more.
            self.noted.clear();
            self.source = source;
        }
        let proven = self.noted.iter().take_while(|(_, asked)| *asked < pulse.answered).count();
        let latest = self.noted.drain(..proven).map(|(sent, _)| sent).max();
        self.heard = self.heard.max(latest);
        // Of several questions within one round the last says most.
        if self
            .noted
            .back()
            .is_some_and(|(earlier, asked)| *asked == pulse.asked && *earlier <= sent)
        {
            self.noted.pop_back();
        }
        if self.noted.len() >= MOST {
            self.noted.pop_front();
        }
        self.noted.push_back((sent, pulse.asked));
    }

    /// Up to when everything is known that the primary has executed.
    pub(crate) fn heard(&self) -> Option<Tick> {
        self.heard
    }

    /// Until when what was read counts as heard, over all parts of a log; never where one of them is not.
    pub(crate) fn until<'a>(
        parts: impl IntoIterator<Item = &'a Self>,
        tolerance: Duration,
    ) -> Option<Tick> {
        let heard = parts.into_iter().map(Self::heard);
        let least = heard.reduce(|one, other| one.zip(other).map(|(one, other)| one.min(other)));
        least.flatten().map(|heard| heard.after(tolerance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulse(asked: u64, answered: u64) -> LogPulse {
        LogPulse { epoch: 1, history: 1, asked, answered, position: None }
    }

    fn at(millis: u64) -> Tick {
        Tick::from_millis(millis)
    }

    /// Answers, each with the moment of its question.
    type HeardAnswers<'a> = &'a [(u64, LogPulse)];

    /// What is heard after answers, each to a question of a moment.
    fn heard(answers: HeardAnswers<'_>) -> Option<Tick> {
        let mut hearing = Hearing::default();
        for (sent, pulse) in answers {
            hearing.note(pulse, at(*sent));
        }
        hearing.heard()
    }

    #[test]
    fn a_round_that_began_after_a_question_and_has_ended_is_heard_as_of_the_question() {
        let other = |asked, answered| LogPulse { epoch: 2, ..pulse(asked, answered) };
        let successor = |asked, answered| LogPulse { history: 2, ..pulse(asked, answered) };
        let table: [(HeardAnswers<'_>, Option<u64>); 10] = [
            (&[], None),
            // What is answered in the first answer may have been asked long ago.
            (&[(10, pulse(5, 5))], None),
            // Round 5 had begun when it was asked: it may have read the log before.
            (&[(10, pulse(5, 4)), (20, pulse(5, 5))], None),
            (&[(10, pulse(5, 4)), (20, pulse(6, 6))], Some(10)),
            (&[(10, pulse(5, 4)), (20, pulse(5, 5)), (30, pulse(6, 6))], Some(20)),
            (&[(10, pulse(5, 4)), (20, pulse(6, 5)), (30, pulse(7, 7))], Some(20)),
            (&[(10, pulse(5, 4)), (20, pulse(6, 5)), (30, pulse(7, 6))], Some(10)),
            // Rule 10: who takes over may have forgotten questions, and counts them again.
            (&[(10, pulse(7, 4)), (20, successor(5, 4)), (30, successor(7, 7))], Some(20)),
            (&[(10, pulse(7, 4)), (20, other(7, 7))], None),
            (&[(10, pulse(7, 4)), (20, pulse(5, 4)), (30, pulse(8, 8))], Some(20)),
        ];
        for (answers, expected) in table {
            assert_eq!(heard(answers), expected.map(at), "{answers:?}");
        }
    }

    #[test]
    fn what_was_heard_stays_heard_and_late_answers_take_nothing_back() {
        let answers = [(10, pulse(1, 0)), (20, pulse(2, 2)), (30, pulse(3, 2)), (15, pulse(3, 2))];
        assert_eq!(heard(&answers), Some(at(10)));
        let lost = LogPulse { epoch: 9, history: 9, ..pulse(0, 0) };
        assert_eq!(heard(&[&answers[..], &[(40, lost)]].concat()), Some(at(10)));
    }

    #[test]
    fn a_region_is_heard_as_its_least_part_is() {
        let tolerance = Duration::from_secs(5);
        let (mut one, mut other) = (Hearing::default(), Hearing::default());
        assert_eq!(Hearing::until([], tolerance), None);
        one.note(&pulse(1, 0), at(100));
        one.note(&pulse(2, 2), at(200));
        assert_eq!(Hearing::until([&one], tolerance), Some(at(5_100)));
        assert_eq!(Hearing::until([&one, &other], tolerance), None);
        assert_eq!(Hearing::until([&other, &one], tolerance), None);
        other.note(&pulse(7, 0), at(50));
        other.note(&pulse(8, 8), at(60));
        assert_eq!(Hearing::until([&one, &other], tolerance), Some(at(5_050)));
    }

    #[test]
    fn however_long_nothing_is_answered_little_is_kept_and_the_next_round_is_heard() {
        let mut hearing = Hearing::default();
        for number in 0..10_000 {
            hearing.note(&pulse(number, 0), at(number));
        }
        assert!(hearing.noted.len() <= MOST);
        hearing.note(&pulse(10_000, 10_000), at(10_000));
        assert_eq!(hearing.heard(), Some(at(9_999)));
    }
}
