//! Leases that give themselves back.
//!
//! Invariant: a lease that was asked for is refused, spent by its fill, or given back, however its load
//! ends, also when the answer is lost, the load is dropped half-way, or the backend is away meanwhile;
//! and no load of this process asks for a lease that another one is just giving back.

use std::collections::{HashMap, VecDeque};
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
        let returns = &self.runtime.returns;
        returns.abandon(token);
        let returning = Returning::new(returns, &self.key);
        let debt = Debt {
            runtime: Arc::downgrade(&self.runtime),
            address: self.address.clone(),
            token,
            until: self.leave.is_some().then_some(self.until),
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

/// How soon a lease is given back again to a backend that is away, and how late at most.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A lease that is to be given back.
struct Debt {
    runtime: Weak<Runtime>,
    address: Address,
    token: Token,
    /// When it ends by itself. `None` if the request for it was never answered: a node that stood still
    /// may execute it as late as it goes on.
    until: Option<Tick>,
}

impl Debt {
    /// Gives the lease back; tells whether there is nothing more to do about it.
    async fn pay(&self) -> bool {
        let Some(runtime) = self.runtime.upgrade() else { return true };
        let Some(remote) = &runtime.remote else { return true };
        if !runtime.returns.is_abandoned(self.token) {
            return true;
        }
        let has_ended = self.until.is_some_and(|until| runtime.clock.now() >= until);
        if !has_ended && !remote.release(&self.address, self.token).await {
            return false;
        }
        // One that was never answered may still be granted, out of turn.
        if self.until.is_some() {
            runtime.returns.settle(self.token);
        }
        true
    }

    /// Tries again until the backend is back; nobody waits for it.
    fn pay_later(self) {
        let Some(runtime) = self.runtime.upgrade() else { return };
        let (clock, spawner) = (runtime.clock.clone(), runtime.tasks.spawner());
        if let Some(spawner) = spawner {
            spawner.spawn_aside(async move {
                let mut pause = FIRST_PAUSE;
                loop {
                    clock.sleep(pause).await;
                    if self.pay().await {
                        return;
                    }
                    pause = (2 * pause).min(LONGEST_PAUSE);
                }
            });
        }
    }
}

/// How many leases are remembered that may be granted without anybody who loads under them.
const MAX_ABANDONED: usize = 1024;

/// The leases that are being given back.
#[derive(Debug, Default)]
pub(crate) struct Returns {
    /// How many of each key have a first attempt under way.
    pending: Mutex<HashMap<Key, usize>>,
    ended: Notify,
    /// Those that the backend has not taken back for certain; the newest are last.
    abandoned: Mutex<VecDeque<Token>>,
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

    /// Whether a lease is one of ours that nobody loads under.
    pub(crate) fn is_abandoned(&self, token: Token) -> bool {
        self.abandoned().contains(&token)
    }

    fn abandon(&self, token: Token) {
        let mut abandoned = self.abandoned();
        if abandoned.len() == MAX_ABANDONED {
            abandoned.pop_front();
        }
        abandoned.push_back(token);
    }

    fn settle(&self, token: Token) {
        self.abandoned().retain(|it| *it != token);
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<Key, usize>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn abandoned(&self) -> MutexGuard<'_, VecDeque<Token>> {
        self.abandoned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One lease on its way back, for as long as this lives.
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
        let mut pending = self.returns.pending();
        match pending.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(pending.remove(&self.key)),
        }
        drop(pending);
        self.returns.ended.notify_waiters();
    }
}
