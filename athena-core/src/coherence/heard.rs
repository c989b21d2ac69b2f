//! Until when a store counts as one that knows what another one has done (regions 11).
//!
//! Invariant: it is never taken back, and what is noted of it before a question bounds what follows from the answer.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Tick;

/// Until when a secondary region counts as heard.
#[derive(Debug, Default)]
pub(crate) struct HeardUntil(AtomicU64);

impl HeardUntil {
    pub(crate) fn get(&self) -> Tick {
        Tick::from_millis(self.0.load(Ordering::SeqCst))
    }

    pub(crate) fn extend(&self, until: Tick) {
        self.0.fetch_max(until.as_millis(), Ordering::SeqCst);
    }
}
