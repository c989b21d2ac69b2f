//! What happened, in terms of one clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use athena_cache::{Invalidated, Outcome, Source};

use super::value::Value;

/// One call, and what it returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) process: usize,
    /// What was asked for.
    pub(crate) item: usize,
    pub(crate) begun: Duration,
    pub(crate) ended: Duration,
    /// The item that the value is of.
    pub(crate) of: usize,
    pub(crate) version: u32,
    pub(crate) flags: Flags,
}

/// How a value was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flags {
    /// As fresh, from there; `joined` if by another call's work.
    Fresh { source: Source, joined: bool },
    /// As stale or degraded.
    Flagged,
    /// The call does not tell.
    Unsaid,
}

/// One invalidation that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invalidation {
    pub(crate) process: usize,
    pub(crate) what: What,
    /// The version of each item that it reaches, at the time when it was asked for.
    pub(crate) covers: Vec<(usize, u32)>,
    pub(crate) begun: Duration,
    pub(crate) ended: Duration,
    pub(crate) ending: Ending,
}

/// What was invalidated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Item(usize),
    Batch,
    Group(usize),
    Everything,
}

/// How an invalidation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Done,
    Pending,
    /// The function that invalidated does not tell.
    Unsaid,
}

/// A stretch of the play, from its beginning to that of the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Phase {
    pub(crate) from: Duration,
    pub(crate) name: String,
}

/// Everything that happened.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    /// When each version of each item came to be.
    pub(crate) written: Vec<Vec<Duration>>,
    /// When each load of each item began.
    pub(crate) loaded: Vec<Vec<Duration>>,
    pub(crate) reads: Vec<Read>,
    pub(crate) invalidations: Vec<Invalidation>,
    /// What every process read of every item once all was well and quiet.
    pub(crate) last_reads: Vec<Read>,
    pub(crate) phases: Vec<Phase>,
}

impl Flags {
    pub(crate) fn of(outcome: &Outcome) -> Self {
        if outcome.stale || outcome.degraded {
            Self::Flagged
        } else {
            Self::Fresh { source: outcome.source, joined: outcome.joined }
        }
    }

    /// Whether the value was passed off as the truth.
    pub(crate) fn is_fresh(self) -> bool {
        matches!(self, Self::Fresh { .. })
    }
}

impl From<Invalidated> for Ending {
    fn from(invalidated: Invalidated) -> Self {
        match invalidated {
            Invalidated::Done => Self::Done,
            Invalidated::Pending => Self::Pending,
        }
    }
}

impl Read {
    pub(crate) fn new(
        process: usize,
        item: usize,
        [begun, ended]: [Duration; 2],
        value: &Value,
        flags: Flags,
    ) -> Self {
        let whole = value.is_whole().then_some(value.item);
        let of = whole.and_then(|item| usize::try_from(item).ok()).unwrap_or(usize::MAX);
        Self { process, item, begun, ended, of, version: value.version, flags }
    }
}

impl Invalidation {
    /// The version of an item that it reaches.
    pub(crate) fn version_of(&self, item: usize) -> Option<u32> {
        self.covers.iter().find(|(covered, _)| *covered == item).map(|(_, version)| *version)
    }
}

/// Where one process writes down what it did; it survives the process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<History>>);

impl Log {
    pub(crate) fn read(&self, read: Read) {
        self.lock().reads.push(read);
    }

    pub(crate) fn invalidation(&self, invalidation: Invalidation) {
        self.lock().invalidations.push(invalidation);
    }

    /// Everything so far, without the source and the phases.
    pub(crate) fn take(&self) -> History {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, History> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
