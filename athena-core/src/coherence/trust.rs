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

/// What an entry or a flight relies on to hear of changes: a session for each node that it depends on.
#[derive(Debug, Clone, Default)]
pub(crate) enum Backing {
    /// Nobody else can change anything.
    #[default]
    Own,
    One(Arc<Session>),
    Several(Arc<Vec<Arc<Session>>>),
}

impl Backing {
    pub(crate) fn of(sessions: impl IntoIterator<Item = Arc<Session>>) -> Self {
        sessions.into_iter().fold(Self::Own, Self::and)
    }

    fn and(self, session: Arc<Session>) -> Self {
        if self.sessions().iter().any(|known| Arc::ptr_eq(known, &session)) {
            return self;
        }
        match self {
            Self::Own => Self::One(session),
            Self::One(first) => Self::Several(Arc::new(vec![first, session])),
            Self::Several(mut all) => {
                Arc::make_mut(&mut all).push(session);
                Self::Several(all)
            }
        }
    }

    pub(super) fn sessions(&self) -> &[Arc<Session>] {
        match self {
            Self::Own => &[],
            Self::One(session) => std::slice::from_ref(session),
            Self::Several(all) => all,
        }
    }

    pub(crate) fn is_own(&self) -> bool {
        matches!(self, Self::Own)
    }

    /// Whether every change until shortly before `now` has been heard of (coherence 4).
    #[inline]
    pub(crate) fn is_trusted(&self, now: Tick) -> bool {
        self.sessions().iter().all(|session| session.is_trusted(now))
    }
}
