//! Leases that give themselves back.
//!
//! Invariant: a lease that was asked for is refused, spent by its fill, or given back, however its load
//! ends, also when the answer is lost, the load is dropped half-way, or the backend is away meanwhile;
//! and no load of this process asks for a lease that another one is just giving back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use crate::backend::Token;
use crate::clock::Tick;
use crate::key::Key;
use crate::runtime::Runtime;
use crate::tier::remote::{Address, Leave};

/// A lease in our hands, or one that was asked for and may be.
pub(crate) struct Held {
    /// `None` once spent, refused, or on its way back.
    token: Option<Token>,
    leave: Option<Leave>,
    /// When it has ended by itself.
    until: Tick,
    address: Address,
    key: Key,
    runtime: Arc<Runtime>,
}

impl Held {
    /// To be made before the lease is asked for: asked for is as good as held until the answer comes.
    ///
    /// It ends by itself within `life`.
    pub(crate) fn new(
        runtime: &Arc<Runtime>,
        key: &Key,
        address: Address,
        token: Token,
        life: Duration,
    ) -> Self {
        Self {
            token: Some(token),
            leave: None,
            until: runtime.clock.now().after(life),
            address,
            key: key.clone(),
            runtime: Arc::clone(runtime),
        }
    }

    pub(crate) fn granted(mut self, leave: Leave) -> Self {
        self.leave = Some(leave);
        self
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// When it ends by itself, counted from before it was asked for.
    pub(crate) fn until(&self) -> Tick {
        self.until
    }

    pub(crate) fn token(&self) -> Option<Token> {
        self.token
    }

    /// It lives until then by itself.
    pub(crate) fn prolonged(&mut self, until: Tick) {
        self.until = until;
    }

    /// What fills under the lease need; `None` unless it was granted.
    pub(crate) fn leave(&self) -> Option<&Leave> {
        self.leave.as_ref().filter(|_| self.token.is_some())
    }

    /// There is nothing to give back: the fill has ended it, or it was never ours.
    pub(crate) fn forget(mut self) {
        self.token = None;
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.token.fmt(f)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let (Some(token), Some(spawner)) = (self.token.take(), self.runtime.tasks.spawner()) else {
            return;
        };
        let returning = Returning::new(&self.runtime.returns, &self.key);
        let debt = Debt {
            _owed: Owed::new(&self.runtime.returns, &self.key),
            runtime: Arc::downgrade(&self.runtime),
            address: self.address.clone(),
            token,
            until: self.until,
        };
        spawner.spawn(async move {
            let is_paid = debt.pay().await;
            drop(returning);
            if !is_paid {
                debt.pay_later();
            }
        });
    }
}

/// How often a lease is tried to be given back to a backend that is away.
const PAUSE: Duration = Duration::from_millis(200);

/// A lease that is to be given back.
struct Debt {
    _owed: Owed,
    runtime: Weak<Runtime>,
    address: Address,
    token: Token,
    /// When it ends by itself.
    until: Tick,
}

impl Debt {
    /// Gives the lease back; tells whether there is nothing more to do about it.
    async fn pay(&self) -> bool {
        let Some(runtime) = self.runtime.upgrade() else { return true };
        let Some(remote) = &runtime.remote else { return true };
        runtime.clock.now() >= self.until || remote.release(&self.address, self.token).await
    }

    /// Tries again until the backend is back; nobody waits for it.
    fn pay_later(self) {
        let Some(runtime) = self.runtime.upgrade() else { return };
        let (clock, spawner) = (runtime.clock.clone(), runtime.tasks.spawner());
        if let Some(spawner) = spawner {
            spawner.spawn_aside(async move {
                loop {
                    clock.sleep(PAUSE).await;
                    if self.pay().await {
                        return;
                    }
                }
            });
        }
    }
}

/// The leases that are being given back.
#[derive(Debug, Default)]
pub(crate) struct Returns {
    /// A first attempt is under way.
    pending: Mutex<Counts>,
    ended: Notify,
    /// They could not be given back so far.
    owed: Mutex<Counts>,
}

/// How many leases of each key.
#[derive(Debug, Default)]
struct Counts(HashMap<Key, usize>);

impl Counts {
    fn add(&mut self, key: &Key) {
        *self.0.entry(key.clone()).or_default() += 1;
    }

    fn remove(&mut self, key: &Key) {
        match self.0.get_mut(key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(self.0.remove(key)),
        }
    }
}

impl Returns {
    /// Waits until no lease of this key is being given back.
    pub(crate) async fn settled(&self, key: &Key) {
        loop {
            let ended = self.ended.notified();
            if !self.pending().0.contains_key(key) {
                return;
            }
            ended.await;
        }
    }

    /// Whether the lease of this key may be one of ours that nobody loads under.
    pub(crate) fn owes(&self, key: &Key) -> bool {
        self.owed().0.contains_key(key)
    }

    fn pending(&self) -> MutexGuard<'_, Counts> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn owed(&self) -> MutexGuard<'_, Counts> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One lease on its way back.
struct Returning {
    returns: Arc<Returns>,
    key: Key,
}

impl Returning {
    fn new(returns: &Arc<Returns>, key: &Key) -> Self {
        returns.pending().add(key);
        Self { returns: Arc::clone(returns), key: key.clone() }
    }
}

impl Drop for Returning {
    fn drop(&mut self) {
        self.returns.pending().remove(&self.key);
        self.returns.ended.notify_waiters();
    }
}

/// One lease that is not back yet.
struct Owed {
    returns: Arc<Returns>,
    key: Key,
}

impl Owed {
    fn new(returns: &Arc<Returns>, key: &Key) -> Self {
        returns.owed().add(key);
        Self { returns: Arc::clone(returns), key: key.clone() }
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        self.returns.owed().remove(&self.key);
    }
}
