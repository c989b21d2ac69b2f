//! Those who wait for a name to change.
//!
//! Invariant: a name is in the map exactly while somebody waits for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard};

use tokio::sync::Notify;

use crate::coherence::revision::Subject;
use crate::lock::Mutex;

/// Wakes waiters by name.
#[derive(Debug, Default)]
pub(crate) struct KeyedNotify {
    waiting: Mutex<Waiters>,
    /// Spares the lock where nobody waits for anything.
    count: AtomicUsize,
}

/// How many wait for a name, and what wakes them.
type Waiters = HashMap<Subject, (usize, Arc<Notify>), foldhash::fast::RandomState>;

/// Somebody who waits; begins to hear when made.
#[derive(Debug)]
pub(crate) struct Waiter {
    waiters: Arc<KeyedNotify>,
    name: Subject,
    changed: Arc<Notify>,
}

impl KeyedNotify {
    pub(crate) fn waiter(self: &Arc<Self>, name: Subject) -> Waiter {
        let mut waiting = self.lock();
        self.count.fetch_add(1, Ordering::SeqCst);
        let (count, changed) = waiting.entry(name).or_default();
        *count += 1;
        let changed = Arc::clone(changed);
        Waiter { waiters: Arc::clone(self), name, changed }
    }

    pub(crate) fn wake(&self, name: Subject) {
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        if let Some((_, changed)) = self.lock().get(&name) {
            // One permit is kept for a waiter that is about to wait; all others wake by it, too.
            changed.notify_waiters();
            changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiters> {
        self.waiting.lock()
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
        let mut waiting = self.waiters.lock();
        self.waiters.count.fetch_sub(1, Ordering::SeqCst);
        if let Some((count, _)) = waiting.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.name);
            }
        }
    }
}
