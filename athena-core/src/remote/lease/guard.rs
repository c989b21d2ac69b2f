//! Leases that give themselves back.
//!
//! Invariant: a lease that was asked for is refused, spent by its fill, or given back, however its load
//! ends, also when the answer is lost, the load is dropped half-way, or the backend is away meanwhile;
//! and no load of this process asks for a lease that another one is just giving back.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Grant;
use super::returns::Returning;
use crate::backend::Token;
use crate::clock::Tick;
use crate::key::Key;
use crate::remote::{Address, Remote};
use crate::resilience::backoff::Backoff;

/// A lease in our hands, or one that was asked for and may be; dropped, it gives itself back (S7).
pub(crate) struct LeaseGuard {
    /// `None` once spent, refused, or on its way back.
    token: Option<Token>,
    grant: Option<Grant>,
    /// When it has ended by itself.
    until: Tick,
    address: Arc<Address>,
    key: Key,
    remote: Arc<Remote>,
}

impl LeaseGuard {
    /// To be made before the lease is asked for: asked for is as good as held until the answer comes.
    ///
    /// It ends by itself within `life`.
    pub(crate) fn new(
        remote: &Arc<Remote>,
        key: &Key,
        address: Arc<Address>,
        token: Token,
        life: Duration,
    ) -> Self {
        Self {
            token: Some(token),
            grant: None,
            until: remote.clock.now().after(life),
            address,
            key: key.clone(),
            remote: Arc::clone(remote),
        }
    }

    pub(crate) fn granted(mut self, grant: Grant) -> Self {
        self.grant = Some(grant);
        self
    }

    pub(crate) fn address(&self) -> &Arc<Address> {
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
    pub(crate) fn extended(&mut self, until: Tick) {
        self.until = until;
    }

    /// What fills under the lease need; `None` unless it was granted.
    pub(crate) fn grant(&self) -> Option<&Grant> {
        self.grant.as_ref().filter(|_| self.token.is_some())
    }

    /// There is nothing to give back: the fill has ended it, or it was never ours.
    pub(crate) fn forget(mut self) {
        self.token = None;
    }
}

impl std::fmt::Debug for LeaseGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.token.fmt(f)
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        let (Some(token), Some(spawner)) = (self.token.take(), self.remote.tasks.spawner()) else {
            return;
        };
        let returns = &self.remote.returns;
        returns.abandon(token);
        let returning = Returning::new(returns, &self.key);
        let release = PendingRelease {
            remote: Arc::downgrade(&self.remote),
            address: Arc::clone(&self.address),
            token,
            until: self.grant.is_some().then_some(self.until),
        };
        spawner.spawn(async move {
            let is_done = release.attempt().await;
            drop(returning);
            if !is_done {
                release.retry_later();
            }
        });
    }
}

/// How soon a lease is given back again to a backend that is away, and how late at most.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A lease that is to be given back.
struct PendingRelease {
    remote: Weak<Remote>,
    address: Arc<Address>,
    token: Token,
    /// When it ends by itself. `None` if the request for it was never answered: a node that stood still
    /// may execute it as late as it goes on.
    until: Option<Tick>,
}

impl PendingRelease {
    /// Gives the lease back; tells whether there is nothing more to do about it.
    async fn attempt(&self) -> bool {
        let Some(remote) = self.remote.upgrade() else { return true };
        if !remote.returns.is_abandoned(self.token) {
            return true;
        }
        let has_ended = self.until.is_some_and(|until| remote.clock.now() >= until);
        if !has_ended && !remote.release(&self.address, self.token).await {
            return false;
        }
        // One that was never answered may still be granted, out of turn.
        if self.until.is_some() {
            remote.returns.settle(self.token);
        }
        true
    }

    /// Tries again until the backend is back; nobody waits for it.
    fn retry_later(self) {
        let Some(remote) = self.remote.upgrade() else { return };
        let (clock, spawner) = (remote.clock.clone(), remote.tasks.spawner());
        drop(remote);
        if let Some(spawner) = spawner {
            spawner.spawn_aside(async move {
                let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
                loop {
                    clock.sleep(backoff.pause()).await;
                    if self.attempt().await {
                        return;
                    }
                }
            });
        }
    }
}
