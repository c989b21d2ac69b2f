//! What is remembered of the rounds into a secondary.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use crate::clock::Clock;
use crate::tasks::Sole;

/// What is remembered of the rounds into one secondary.
#[derive(Debug)]
pub(super) struct Pumping {
    pub(super) task: Sole,
    pub(super) limits: (Duration, Duration),
    /// Records that were rejected there.
    pub(super) parked: AtomicU64,
    /// Whether it was told that both are one store.
    pub(super) told_alike: AtomicBool,
    /// Whether the latest round has failed, so that the first one is told.
    pub(super) is_failing: AtomicBool,
}

impl Pumping {
    /// Rounds often enough for what is tolerated, and for the trust window.
    pub(super) fn new(clock: &Clock, limits: (Duration, Duration)) -> Self {
        let [told_alike, is_failing] = [(); 2].map(|()| AtomicBool::new(false));
        let parked = AtomicU64::new(0);
        Self { task: Sole::new(clock), limits, parked, told_alike, is_failing }
    }
}
