//! Leases that give themselves back.
//!
//! Invariant: a lease that was granted is spent by its fill or given back, however its load ends, also
//! when the load is dropped half-way; and no load of this process asks for a lease that another one is
//! still giving back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::key::Key;
use crate::runtime::Runtime;
use crate::tier::remote::{Address, Lease};

/// A lease in our hands.
pub(crate) struct Held {
    /// `None` once spent or on its way back.
    lease: Option<Lease>,
    address: Address,
    key: Key,
    runtime: Arc<Runtime>,
}

impl Held {
    pub(crate) fn new(runtime: &Arc<Runtime>, key: &Key, address: Address, lease: Lease) -> Self {
        Self { lease: Some(lease), address, key: key.clone(), runtime: Arc::clone(runtime) }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// The lease itself; `None` is never seen before [`spent`](Self::spent).
    pub(crate) fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    /// The fill has ended it.
    pub(crate) fn spent(mut self) {
        self.lease = None;
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.lease.fmt(f)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let (Some(lease), Some(spawner)) = (self.lease.take(), self.runtime.tasks.spawner()) else {
            return;
        };
        let (runtime, address) = (Arc::clone(&self.runtime), self.address.clone());
        let returning = Returning::new(&runtime.returns, &self.key);
        spawner.spawn(async move {
            if let Some(remote) = &runtime.remote {
                remote.release(&address, &lease).await;
            }
            drop(returning);
        });
    }
}

/// The leases that are being given back.
#[derive(Debug, Default)]
pub(crate) struct Returns {
    pending: Mutex<HashMap<Key, usize>>,
    ended: Notify,
}

impl Returns {
    /// Waits until no lease of this key is being given back.
    pub(crate) async fn settled(&self, key: &Key) {
        loop {
            let ended = self.ended.notified();
            if !self.pending().contains_key(key) {
                return;
            }
            ended.await;
        }
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<Key, usize>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One lease on its way back.
struct Returning {
    returns: Arc<Returns>,
    key: Key,
}

impl Returning {
    fn new(returns: &Arc<Returns>, key: &Key) -> Self {
        *returns.pending().entry(key.clone()).or_default() += 1;
        Self { returns: Arc::clone(returns), key: key.clone() }
    }
}

impl Drop for Returning {
    fn drop(&mut self) {
        {
            let mut pending = self.returns.pending();
            match pending.get_mut(&self.key) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(pending.remove(&self.key)),
            }
        }
        self.returns.ended.notify_waiters();
    }
}
