//! How fast names are gone through.
//!
//! Invariant: over any time, no more names are let through than the rate allows, but for one page. It is the machine's
//! time, whatever the clock of the cache does: what is spared are servers.

use std::time::Duration;

use crate::clock::{Clock, Tick};

/// Lets so many names through in a second.
#[derive(Debug)]
pub(super) struct Pace {
    clock: Clock,
    per_second: u32,
    /// Before this no more names are due.
    due: Tick,
}

impl Pace {
    pub(super) fn new(per_second: u32) -> Self {
        let clock = Clock::system();
        Self { due: clock.now(), clock, per_second: per_second.max(1) }
    }

    pub(super) fn per_second(&self) -> u32 {
        self.per_second
    }

    /// Waits until those that were let through before are paid for, then lets these through.
    pub(super) async fn names(&mut self, count: usize) {
        let now = self.clock.now();
        if self.due > now {
            self.clock.sleep(self.due.since(now)).await;
        }
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let cost = Duration::from_secs(1).saturating_mul(count) / self.per_second;
        self.due = self.due.max(now).after(cost);
    }
}
