//! What rarely happens, with the time of day.
//!
//! Invariant: no keys, and no more than [`PLACES`] of them; what happens per call never gets here.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::excerpt::Excerpt;
use crate::lock::Mutex;
use crate::moment::Moment;

/// Kept at most; the oldest give way.
const PLACES: usize = 256;

/// Something that rarely happens to a cache: from [`Status::timeline`](crate::Status::timeline).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Occurrence {
    /// When, by the machine's clock.
    pub at: Moment,
    /// Of what kind it is.
    pub kind: OccurrenceKind,
    /// Where the node is that it is about, if it is about one.
    pub endpoint: Option<String>,
    /// What that node took over from, if it did.
    pub from: Option<String>,
    /// Who did it, if it was asked for.
    pub actor: Option<String>,
    /// What happened, without addresses.
    pub text: String,
}

/// Of what kind an occurrence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum OccurrenceKind {
    /// Another node took over.
    Failover,
    /// A breaker changed its state.
    Breaker,
    /// Nothing was sent to a node from then on, or it was again.
    Isolation,
    /// A connection was replaced.
    Reconnected,
    /// A node answers and does not do its work, or does so again.
    Refusal,
    /// Memory answers for entries of a node again, or no longer.
    Trust,
    /// Invalidations began to wait for the backend, or no longer do.
    Journal,
    /// The backend is maintained.
    Maintenance,
    /// A step of recovery.
    Recovery,
    /// Somebody asked for it.
    Action,
}

/// The latest occurrences.
#[derive(Debug, Default)]
pub(crate) struct Timeline(Mutex<VecDeque<Occurrence>>);

impl Occurrence {
    pub(crate) fn new(kind: OccurrenceKind, text: String) -> Self {
        let [endpoint, from, actor] = [None, None, None];
        Self { at: Moment::now(), kind, endpoint, from, actor, text }
    }

    pub(crate) fn at(self, endpoint: &str) -> Self {
        Self { endpoint: Some(Excerpt::of(endpoint).into()), ..self }
    }
}

impl Timeline {
    pub(crate) fn note(&self, occurrence: Occurrence) {
        let mut latest = self.0.lock();
        if latest.len() == PLACES {
            latest.pop_front();
        }
        latest.push_back(occurrence);
    }

    /// All of them, the latest last.
    pub(crate) fn read(&self) -> Vec<Occurrence> {
        self.0.lock().iter().cloned().collect()
    }
}
