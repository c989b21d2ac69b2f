//! How long callers wait, by what answers them.

use std::time::Duration;

use serde::Serialize;

use super::histogram::{Distribution, Histogram, NANOS, TIMES};
use super::outcome::{Outcome, Source};

/// What answers a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Answerer {
    /// Memory, fresh; one of 1024 is measured.
    Memory,
    /// The backend, fresh.
    Backend,
    /// The function.
    Load,
    /// The function, run for another call, or an entry that another call kept.
    Joined,
    /// A stale value.
    Stale,
    /// What is there while the backend cannot answer.
    Fallback,
}

impl Answerer {
    const ALL: [Self; 6] =
        [Self::Memory, Self::Backend, Self::Load, Self::Joined, Self::Stale, Self::Fallback];

    /// A short name, as used in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Backend => "backend",
            Self::Load => "load",
            Self::Joined => "joined",
            Self::Stale => "stale",
            Self::Fallback => "fallback",
        }
    }

    /// What answered a call that memory did not answer at once; `None` if no cache was involved.
    pub fn of(outcome: &Outcome) -> Option<Self> {
        Some(match outcome.source {
            Source::Bypass => return None,
            _ if outcome.degraded => Self::Fallback,
            _ if outcome.stale => Self::Stale,
            _ if outcome.joined => Self::Joined,
            Source::Load => Self::Load,
            Source::Backend => Self::Backend,
            // It was not there when the call began.
            Source::Memory => Self::Joined,
        })
    }
}

/// How long callers waited for one kind of answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct WaitReport {
    /// What answered.
    pub tier: Answerer,
    /// How long it took.
    pub took: Distribution,
}

/// The same for all kinds, as it is counted.
#[derive(Debug)]
pub(crate) struct Waits([Histogram<{ TIMES.len() }>; Answerer::ALL.len()]);

impl Waits {
    pub(crate) fn new() -> Self {
        Self([const { Histogram::new(&TIMES, NANOS) }; Answerer::ALL.len()])
    }

    pub(crate) fn add(&self, tier: Answerer, took: Duration) {
        self.of(tier).add(took);
    }

    pub(crate) fn of(&self, tier: Answerer) -> &Histogram<{ TIMES.len() }> {
        let place = Answerer::ALL.iter().position(|known| *known == tier);
        &self.0[place.unwrap_or_default()]
    }

    /// How many answers other than hits in memory there were, and how long they took together, in seconds.
    pub(crate) fn slow(&self) -> (u64, f64) {
        let slow = Answerer::ALL.iter().filter(|tier| **tier != Answerer::Memory);
        slow.map(|tier| self.of(*tier).total())
            .fold((0, 0.0), |(count, sum), (more, longer)| (count + more, sum + longer))
    }

    pub(crate) fn read(&self) -> Vec<WaitReport> {
        let read = |tier: &Answerer| WaitReport { tier: *tier, took: self.of(*tier).read() };
        Answerer::ALL.iter().map(read).collect()
    }
}
