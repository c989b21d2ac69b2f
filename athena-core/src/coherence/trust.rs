//! Whether something in memory is what the backend would answer.
//!
//! Invariant: what was read over several sessions is trusted only while every one of them is (coherence 4).

use std::sync::Arc;

use super::session::Session;
use crate::clock::Tick;

/// How far an entry or a flight is trusted to be what the backend would answer.
#[derive(Debug, Clone)]
pub(crate) struct Trust {
    backing: Backing,
    /// Not beyond this, whatever the sessions.
    pub(crate) until: Tick,
}

impl Trust {
    /// Nobody else can change it.
    pub(crate) fn own() -> Self {
        Self { backing: Backing::default(), until: Tick::FAR }
    }

    /// It may have been changed already.
    pub(crate) fn none() -> Self {
        Self { backing: Backing::default(), until: Tick::default() }
    }

    /// Every change is announced over these sessions.
    pub(crate) fn over(backing: Backing) -> Self {
        Self { backing, until: Tick::FAR }
    }

    /// The same, but no longer than this.
    pub(crate) fn ending(self, until: Tick) -> Self {
        Self { until: self.until.min(until), ..self }
    }

    #[cfg(test)]
    pub(crate) fn holds(&self, now: Tick) -> bool {
        now < self.until && self.backing.is_trusted(now)
    }

    #[inline]
    pub(crate) fn backing(&self) -> &Backing {
        &self.backing
    }
}

/// What an entry or a flight relies on to hear of changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Backing {
    /// One for each node that it depends on; none where nobody else can change anything.
    pub(super) sessions: Box<[Arc<Session>]>,
}

impl Backing {
    pub(crate) fn of(sessions: impl IntoIterator<Item = Arc<Session>>) -> Self {
        let mut all: Vec<Arc<Session>> = Vec::with_capacity(1);
        for session in sessions {
            if !all.iter().any(|known| Arc::ptr_eq(known, &session)) {
                all.push(session);
            }
        }
        Self { sessions: all.into() }
    }

    /// Whether every change until shortly before `now` has been heard of (coherence 4).
    #[inline]
    pub(crate) fn is_trusted(&self, now: Tick) -> bool {
        self.sessions.iter().all(|session| session.is_trusted(now))
    }
}
