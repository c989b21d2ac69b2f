//! Whether anybody answers, and why nobody does. Decides, and does nothing else.
//!
//! Invariant: being cut off is told once, and so is its end.

use std::collections::HashMap;
use std::sync::Arc;

use athena_cache_core::backend::{Class, Failure, Message};

use super::Reason;
use crate::url::Endpoint;

#[derive(Debug, Default)]
pub(super) struct Contact {
    /// How many of a node's answers were of no use.
    useless: HashMap<Endpoint, u32>,
    reason: Option<Arc<Reason>>,
    /// The latest round in which anybody answered.
    answered: Option<u32>,
    is_cut_off: bool,
}

impl Contact {
    /// Notes that nobody is left to answer in a round; tells whether that is to be told.
    pub(super) fn end_round(&mut self, round: u32) -> bool {
        let is_answered = self.answered.is_some_and(|answered| answered >= round);
        !is_answered && !std::mem::replace(&mut self.is_cut_off, true)
    }

    /// Notes an answer while a round is the latest; tells whether that is to be told.
    pub(super) fn note_answer(&mut self, round: u32) -> bool {
        self.answered = Some(round);
        self.reason = None;
        std::mem::take(&mut self.is_cut_off)
    }

    /// Notes that a node did not say what it was asked; `was_connected` if it was reached.
    pub(super) fn note_refusal(
        &mut self,
        endpoint: Endpoint,
        failure: &Failure,
        was_connected: bool,
    ) {
        if was_connected && failure.class() != Class::Unreachable {
            *self.useless.entry(endpoint).or_default() += 1;
        }
        // What a node says tells more than that others say nothing.
        let known = self.reason.as_ref().map(|reason| reason.class);
        if says_nothing(failure.class()) && known.is_some_and(|known| !says_nothing(known)) {
            return;
        }
        let message =
            Message::of(format_args!("no node of the redis cluster can be reached: {failure}"));
        self.reason = Some(Arc::new(Reason { class: failure.class(), message }));
    }

    /// Notes that a node answered, and that no node serves anything as far as it knows.
    pub(super) fn note_vacancy(&mut self, endpoint: Endpoint) {
        let message =
            Message::of(format_args!("the redis cluster serves no slots yet, says {endpoint}"));
        self.reason = Some(Arc::new(Reason { class: Class::Unready, message }));
        *self.useless.entry(endpoint).or_default() += 1;
    }

    pub(super) fn is_cut_off(&self) -> bool {
        self.is_cut_off
    }

    pub(super) fn useless_answers_of(&self, endpoint: &Endpoint) -> u32 {
        self.useless.get(endpoint).copied().unwrap_or_default()
    }

    pub(super) fn reason(&self) -> Option<Arc<Reason>> {
        self.reason.clone()
    }
}

fn says_nothing(class: Class) -> bool {
    matches!(class, Class::Unreachable | Class::Timeout | Class::Slow | Class::Disconnected)
}
