//! Those who wait for a name to change.
//!
//! Invariant: a name is in the map exactly while somebody waits for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::change::Name;

/// Wakes waiters by name.
#[derive(Debug, Default)]
pub(crate) struct Wakes {
    waiting: Mutex<HashMap<Name, Arc<Notify>, foldhash::fast::RandomState>>,
    /// Spares the lock where nobody waits for anything.
    count: AtomicUsize,
}

/// Somebody who waits; begins to hear when made.
#[derive(Debug)]
pub(crate) struct Waiter {
    wakes: Arc<Wakes>,
    name: Name,
    changed: Arc<Notify>,
}

impl Wakes {
    pub(crate) fn waiter(self: &Arc<Self>, name: Name) -> Waiter {
        let mut waiting = self.lock();
        self.count.fetch_add(1, Ordering::SeqCst);
        let changed = Arc::clone(waiting.entry(name).or_default());
        Waiter { wakes: Arc::clone(self), name, changed }
    }

    pub(crate) fn wake(&self, name: Name) {
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        if let Some(changed) = self.lock().get(&name) {
            // One permit is kept for a waiter that is about to wait; all others wake by it, too.
            changed.notify_waiters();
            changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Arc<Notify>, foldhash::fast::RandomState>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter {
    /// Returns when the name has changed, or may have, since the last time.
    pub(crate) async fn woken(&self) {
        self.changed.notified().await;
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut waiting = self.wakes.lock();
        self.wakes.count.fetch_sub(1, Ordering::SeqCst);
        // Ours, and the map's.
        if Arc::strong_count(&self.changed) <= 2 {
            waiting.remove(&self.name);
        }
    }
}
