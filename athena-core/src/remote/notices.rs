//! What a store has announced of its maintenance, until whoever decides asks for it.
//!
//! Invariant: it may be forgotten, since nothing relies on it; there is never more of it than a little.

use std::collections::VecDeque;

use crate::backend::MaintenanceEvent;
use crate::lock::Mutex;

/// So many are kept; the oldest go.
const MOST: usize = 64;

/// Announcements that nobody has asked for so far.
#[derive(Debug, Default)]
pub(super) struct Notices(Mutex<VecDeque<MaintenanceEvent>>);

impl Notices {
    pub(super) fn add(&self, notice: &MaintenanceEvent) {
        let mut waiting = self.0.lock();
        if waiting.len() >= MOST {
            waiting.pop_front();
        }
        waiting.push_back(notice.clone());
    }

    /// All of them, the oldest first.
    pub(super) fn take(&self) -> Vec<MaintenanceEvent> {
        self.0.lock().drain(..).collect()
    }
}
