//! The numbers that regions are judged by, and what follows from them.

use std::time::Duration;

/// The numbers that regions are judged by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RouterSettings {
    /// How long a region has to be silent to be away.
    pub(crate) detect: Duration,
    /// How long a single one of its nodes has to be.
    pub(crate) failover_timeout: Duration,
    /// How long a region has to answer before it is returned to.
    pub(crate) grace: Duration,
    /// Whether a region is left without anybody's word.
    pub(crate) failover: bool,
}

impl RouterSettings {
    /// Longer than this no region is silent that has answered throughout.
    pub(super) fn doubt(&self) -> Duration {
        self.detect / 10 * 7
    }

    /// A tick that comes later than this after the one before says that the process stood still.
    pub(super) fn stall(&self) -> Duration {
        self.detect / 3
    }
}
