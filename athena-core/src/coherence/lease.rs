//! Leases that give themselves back.
//!
//! Invariant: a lease that was asked for is refused, spent by its fill, or given back, however its load
//! ends, also when the answer is lost or the load is dropped half-way; and no load of this process asks for a lease that another one is
//! still giving back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::key::Key;
use crate::runtime::Runtime;
use crate::tier::remote::{Address, Claim, Generations};

/// A lease in our hands, or one that was asked for and may be.
pub(crate) struct Held {
    /// `None` once spent, refused, or on its way back.
    claim: Option<Claim>,
    generations: Option<Generations>,
    address: Address,
    key: Key,
    runtime: Arc<Runtime>,
}

impl Held {
    /// To be made before the lease is asked for: asked for is as good as held until the answer comes.
    pub(crate) fn new(runtime: &Arc<Runtime>, key: &Key, address: Address, claim: Claim) -> Self {
        Self {
            claim: Some(claim),
            generations: None,
            address,
            key: key.clone(),
            runtime: Arc::clone(runtime),
        }
    }

    pub(crate) fn granted(mut self, generations: Generations) -> Self {
        self.generations = Some(generations);
        self
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// What fills under the lease need; `None` unless it was granted.
    pub(crate) fn leave(&self) -> Option<(Claim, &Generations)> {
        self.claim.zip(self.generations.as_ref())
    }

    /// There is nothing to give back: the fill has ended it, or it was never ours.
    pub(crate) fn forget(mut self) {
        self.claim = None;
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.claim.fmt(f)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let (Some(claim), Some(spawner)) = (self.claim.take(), self.runtime.tasks.spawner()) else {
            return;
        };
        let (runtime, address) = (Arc::clone(&self.runtime), self.address.clone());
        let returning = Returning::new(&runtime.returns, &self.key);
        spawner.spawn(async move {
            if let Some(remote) = &runtime.remote {
                remote.release(&address, claim).await;
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
