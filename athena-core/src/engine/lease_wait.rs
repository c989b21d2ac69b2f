//! Waiting for a value that another process loads.

use std::future::Future;
use std::time::Duration;

use crate::clock::{Clock, Tick};
use crate::resilience::backoff::Backoff;
use crate::runtime::Runtime;

/// How soon to look first.
const FIRST_LOOK: Duration = Duration::from_millis(20);

/// How long another process is waited for, and how often it is looked whether it is done: the
/// connection that would announce that may have been made meanwhile.
pub(super) struct LeaseWait {
    until: Tick,
    looks: Backoff,
}

impl LeaseWait {
    pub(super) fn begin(runtime: &Runtime) -> Self {
        let Runtime { clock, settings, .. } = runtime;
        let until = clock.now().after(settings.wait_for_lease);
        Self { until, looks: Backoff::new(FIRST_LOOK, settings.lease / 4) }
    }

    pub(super) fn is_over(&self, now: Tick) -> bool {
        now >= self.until
    }

    /// Waits for an announcement, until it is time to look again.
    pub(super) async fn wait_for(&mut self, clock: &Clock, announced: impl Future) {
        let left = self.until.since(clock.now());
        clock.within(left.min(self.looks.pause()), announced).await;
    }
}
