//! How long a caller waits for a load.

use std::time::Duration;

use super::Policy;

/// When a caller stops waiting for a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// After this a stale value answers and the load goes on.
    Soft(Duration),
    /// After this a stale value answers, or an error.
    Hard(Duration),
}

impl Limit {
    pub(crate) fn duration(self) -> Duration {
        match self {
            Self::Soft(limit) | Self::Hard(limit) => limit,
        }
    }
}

impl Policy {
    /// What bounds the wait: the soft timeout only where a stale value exists (G5), the hard one always (G6).
    pub(crate) fn limit(&self, has_stale: bool) -> Option<Limit> {
        let soft = self.soft_timeout.filter(|_| has_stale).map(Limit::Soft);
        let hard = self.hard_timeout.map(Limit::Hard);
        match (soft, hard) {
            (Some(soft), Some(hard)) if hard.duration() <= soft.duration() => Some(hard),
            (soft, hard) => soft.or(hard),
        }
    }
}
