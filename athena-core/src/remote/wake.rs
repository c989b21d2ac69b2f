//! Those who wait for a name to change.
//!
//! Invariant: a name is in the map exactly while somebody waits for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::coherence::revision::Name;

/// Wakes waiters by name.
#[derive(Debug, Default)]
pub(crate) struct Wakes {
    waiting: Mutex<Waiting>,
    /// Spares the lock where nobody waits for anything.
    count: AtomicUsize,
}

/// How many wait for a name, and what wakes them.
type Waiting = HashMap<Name, (usize, Arc<Notify>), foldhash::fast::RandomState>;

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
        let (count, changed) = waiting.entry(name).or_default();
        *count += 1;
        let changed = Arc::clone(changed);
        Waiter { wakes: Arc::clone(self), name, changed }
    }

    pub(crate) fn wake(&self, name: Name) {
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        if let Some((_, changed)) = self.lock().get(&name) {
            // One permit is kept for a waiter that is about to wait; all others wake by it, too.
            changed.notify_waiters();
            changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
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
        if let Some((count, _)) = waiting.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.name);
            }
        }
    }
}
