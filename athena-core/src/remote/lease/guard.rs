//! Leases that give themselves back.
//!
//! Invariant: a lease that was asked for is refused, spent by its fill, or goes the way back, however its
//! load ends, also when the answer is lost, the load is dropped half-way, or the backend is away meanwhile;
//! and no load of this process asks for a lease that another one is just giving back.

use std::sync::Arc;
use std::time::Duration;

use super::Grant;
use super::queue::PendingRelease;
use super::returns::Returning;
use crate::backend::Token;
use crate::clock::Tick;
use crate::remote::{Address, Remote};

/// A lease in our hands, or one that was asked for and may be; dropped, it gives itself back (S7).
pub(crate) struct LeaseGuard {
    /// `None` once spent, refused, or on its way back.
    token: Option<Token>,
    grant: Option<Grant>,
    /// When it has ended by itself.
    until: Tick,
    address: Arc<Address>,
    remote: Arc<Remote>,
}

impl LeaseGuard {
    /// To be made before the lease is asked for: asked for is as good as held until the answer comes.
    ///
    /// It ends by itself within `life`.
    pub(crate) fn new(
        remote: &Arc<Remote>,
        address: Arc<Address>,
        token: Token,
        life: Duration,
    ) -> Self {
        Self {
            token: Some(token),
            grant: None,
            until: remote.clock.now().after(life),
            address,
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

    /// The store that it is of.
    pub(crate) fn remote(&self) -> &Arc<Remote> {
        &self.remote
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
        let Some(token) = self.token.take() else { return };
        let (remote, returns) = (&self.remote, &self.remote.returns);
        returns.abandon(token);
        remote.give_back(PendingRelease {
            key: self.address.key.clone(),
            site: self.address.site,
            lease: self.address.entry.lease(),
            token,
            until: self.grant.is_some().then_some(self.until),
            first: Some((Returning::new(returns, &self.address.key), remote.tasks.work())),
        });
    }
}
