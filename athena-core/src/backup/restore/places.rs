//! What is in the places of values that come back, and what is written there.
//!
//! Invariant: what is written takes the place of what was found there, and of nothing else.

use std::sync::Arc;
use std::time::Duration;

use crate::backend::operate::{ExpectedValue, ValueChange};
use crate::backup::judge::ReturningValue;
use crate::remote::WantedGenerations;

/// The generations that they need, each for as long as any of them lives; that of a namespace has no end.
pub(super) fn wanted<'c>(
    candidates: impl Iterator<Item = &'c ReturningValue>,
) -> WantedGenerations {
    let mut wanted = WantedGenerations::default();
    for candidate in candidates {
        for (at, name) in candidate.generations.iter().enumerate() {
            let life = (at > 0).then_some(candidate.life);
            let longest = wanted.entry(Arc::clone(name)).or_insert(life);
            *longest = longest.zip(life).map(|(one, other)| one.max(other));
        }
    }
    wanted
}

/// A value that is to be written.
pub(super) struct ReturningWrite<'f> {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) life: Duration,
    pub(super) found: &'f PresentValue,
}

impl ReturningWrite<'_> {
    pub(super) fn change(&self) -> ValueChange<'_> {
        ValueChange::replacement(&self.name, self.found.as_found(), &self.bytes, self.life)
    }
}

/// What is in the place of a value.
pub(super) enum PresentValue {
    Nothing,
    Whatever,
    Bytes(Vec<u8>, u64),
}

impl PresentValue {
    pub(super) fn as_found(&self) -> ExpectedValue<'_> {
        match self {
            Self::Nothing => ExpectedValue::Nothing,
            Self::Whatever => ExpectedValue::Whatever,
            Self::Bytes(beginning, length) => ExpectedValue::Bytes { beginning, length: *length },
        }
    }
}
