//! When which process has begun to use another region.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use athena_cache::{Event, Observer};

use super::super::source::Source;

/// One switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Switched {
    pub(super) process: usize,
    pub(super) at: Duration,
    /// The region that is used from then on.
    pub(super) to: String,
}

/// All of them, in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Switches(Arc<Mutex<Vec<Switched>>>);

/// Notes those of one process.
#[derive(Debug)]
pub(super) struct SwitchObserver {
    pub(super) process: usize,
    pub(super) source: Source,
    pub(super) switches: Switches,
}

impl Switches {
    pub(super) fn all(&self) -> Vec<Switched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Observer for SwitchObserver {
    fn observe(&self, event: &Event<'_>) {
        if let Event::RegionSwitched { to, .. } = event {
            let (process, at, to) = (self.process, self.source.now(), (*to).to_owned());
            let mut all = self.switches.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(Switched { process, at, to });
        }
    }
}
