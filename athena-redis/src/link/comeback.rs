//! When a node that refused to serve, or was silent, serves again.
//!
//! The first clean answer after a refusal is the news, not each of those that follow: a node that answers
//! signs of life while it refuses or loses what it is asked for does not reset anybody's back-off (R3).
//!
//! Invariant: between two comebacks there is a refusal that the earlier one's kind of answer had not denied.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::lock::Lock;

/// What a node was last heard to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Presence {
    #[default]
    Serves,
    /// It refused what it was asked, or gave no sign of life.
    Refuses {
        /// Whether a sign of life would say that this is over; it does not where it said so before, wrongly.
        until_proven: bool,
    },
    /// It has given a sign of life since it refused, and answered nothing else yet.
    Proven,
}

/// Something that was heard of a node, or was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LifeSign {
    /// It answered an operation.
    Answer,
    /// It said that it does not serve what it was asked.
    Refusal,
    /// It gave a sign of life, and serves by its own word.
    Proof,
    /// It gave none, or said that it does not serve.
    NoProof,
}

/// What one node was heard to do.
#[derive(Debug, Default)]
pub(super) struct Comeback {
    presence: Lock<Presence>,
    /// Whether it is worth looking at for an answer.
    is_away: AtomicBool,
}

impl Comeback {
    /// Notes what was heard; tells whether the node is back.
    pub(super) fn note(&self, heard: LifeSign) -> bool {
        // Answers are many, and change nothing nearly always.
        if heard == LifeSign::Answer && !self.is_away.load(Ordering::Acquire) {
            return false;
        }
        let mut presence = self.presence.lock();
        let before = *presence;
        *presence = before.after(heard);
        self.is_away.store(*presence != Presence::Serves, Ordering::Release);
        matches!(before, Presence::Refuses { .. }) && !matches!(*presence, Presence::Refuses { .. })
    }
}

impl Presence {
    fn after(self, heard: LifeSign) -> Self {
        match (self, heard) {
            (_, LifeSign::Answer) => Self::Serves,
            (_, LifeSign::NoProof) | (Self::Serves, LifeSign::Refusal) => {
                Self::Refuses { until_proven: true }
            }
            (Self::Proven, LifeSign::Refusal) => Self::Refuses { until_proven: false },
            (Self::Refuses { until_proven: true }, LifeSign::Proof) => Self::Proven,
            (Self::Refuses { .. }, LifeSign::Refusal)
            | (
                Self::Serves | Self::Proven | Self::Refuses { until_proven: false },
                LifeSign::Proof,
            ) => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LifeSign::{Answer, NoProof, Proof, Refusal};
    use super::*;

    /// At which of these the node is back.
    fn comebacks(heard: &[LifeSign]) -> Vec<usize> {
        let comeback = Comeback::default();
        let is_back = |it: &(usize, &LifeSign)| comeback.note(*it.1);
        heard.iter().enumerate().filter(is_back).map(|(at, _)| at).collect()
    }

    #[test]
    fn the_first_clean_answer_after_a_refusal_is_the_news() {
        assert_eq!(comebacks(&[Answer, Proof, Answer, Proof]), [0; 0]);
        assert_eq!(comebacks(&[Refusal, Refusal, Answer, Answer, Proof]), [2]);
        assert_eq!(comebacks(&[Refusal, NoProof, Proof, Proof, Answer]), [2]);
        assert_eq!(comebacks(&[NoProof, NoProof, Proof, NoProof, Proof]), [2, 4]);
        assert_eq!(comebacks(&[Refusal, Answer, Refusal, Proof]), [1, 3]);
    }

    #[test]
    fn r3_a_node_that_gives_signs_of_life_while_it_refuses_is_not_back_with_each_of_them() {
        let flapping = [Refusal, Proof, Refusal, Proof, Refusal, Proof, Proof];
        assert_eq!(comebacks(&flapping), [1]);
        assert_eq!(comebacks(&[&flapping[..], &[Answer]].concat()), [1, 7]);
        // A sign of life that was missing is one that can be believed again.
        assert_eq!(comebacks(&[&flapping[..], &[NoProof, Proof]].concat()), [1, 8]);
    }
}
