//! The leases of this process that are being given back.
//!
//! Invariant: no load of this process asks for a lease that another one is just giving back.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, MutexGuard};

use tokio::sync::Notify;

use crate::backend::Token;
use crate::key::Key;
use crate::lock::Mutex;

/// How many leases are remembered that may be granted without anybody who loads under them.
pub(super) const MOST_ABANDONED: usize = 1024;

/// The leases that are being given back.
#[derive(Debug, Default)]
pub(crate) struct Returns {
    /// How many of each key have a first attempt under way.
    pending: Mutex<PendingReturns>,
    ended: Notify,
    /// Those that the backend has not taken back for certain; the newest are last.
    abandoned: Mutex<VecDeque<Token>>,
}

/// How many leases of each key are being given back.
type PendingReturns = HashMap<Key, usize, foldhash::fast::RandomState>;

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

    /// Whether a lease is one of ours that nobody loads under (coherence 6, S6).
    pub(crate) fn is_abandoned(&self, token: Token) -> bool {
        self.abandoned().contains(&token)
    }

    pub(super) fn abandon(&self, token: Token) {
        let mut abandoned = self.abandoned();
        if abandoned.len() == MOST_ABANDONED {
            abandoned.pop_front();
        }
        abandoned.push_back(token);
    }

    pub(super) fn settle(&self, token: Token) {
        self.abandoned().retain(|it| *it != token);
    }

    fn pending(&self) -> MutexGuard<'_, PendingReturns> {
        self.pending.lock()
    }

    fn abandoned(&self) -> MutexGuard<'_, VecDeque<Token>> {
        self.abandoned.lock()
    }
}

/// One lease on its way back, for as long as this lives.
pub(super) struct Returning {
    returns: Arc<Returns>,
    key: Key,
}

impl Returning {
    pub(super) fn new(returns: &Arc<Returns>, key: &Key) -> Self {
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
