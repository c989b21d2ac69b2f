//! How many loads one function runs at once while the backend is away.
//!
//! Invariant: loads that nobody waits for take no permit from those that callers wait for.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::lock::Mutex;

/// Who waits for a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Urgency {
    /// A caller.
    Foreground,
    /// Nobody.
    Background,
}

/// Bounds the loads of each function while the backend is away.
#[derive(Debug)]
pub(crate) struct LoadLimits {
    limit: usize,
    sites: Mutex<SitePermits>,
}

/// The permits of each function, by its number.
type SitePermits = HashMap<(Option<u32>, Urgency), Arc<Permits>>;

/// The permits for loads of one function and urgency.
#[derive(Debug)]
pub(crate) struct Permits {
    free: Arc<Semaphore>,
    /// How often one became free.
    given_back: AtomicU64,
}

/// A permit; dropped, it is free for another load.
#[derive(Debug)]
pub(crate) struct HeldPermit {
    of: Arc<Permits>,
    #[expect(dead_code, reason = "it is there to be held")]
    held: OwnedSemaphorePermit,
}

impl LoadLimits {
    pub(crate) fn new(limit: usize) -> Self {
        // More than a semaphore can count is as good as no limit.
        Self { limit: limit.min(Semaphore::MAX_PERMITS), sites: Mutex::default() }
    }

    /// The permits of a function.
    pub(crate) fn permits(&self, site: Option<u32>, urgency: Urgency) -> Arc<Permits> {
        let mut sites = self.sites.lock();
        let new = || {
            let free = Arc::new(Semaphore::new(self.limit));
            Arc::new(Permits { free, given_back: AtomicU64::new(0) })
        };
        Arc::clone(sites.entry((site, urgency)).or_insert_with(new))
    }
}

impl Permits {
    /// One of them, in the order of asking.
    pub(crate) async fn acquire(self: &Arc<Self>) -> Option<HeldPermit> {
        let held = Arc::clone(&self.free).acquire_owned().await.ok()?;
        Some(HeldPermit { of: Arc::clone(self), held })
    }

    /// Changes whenever one becomes free.
    pub(crate) fn given_back(&self) -> u64 {
        self.given_back.load(Ordering::Relaxed)
    }
}

impl Drop for HeldPermit {
    fn drop(&mut self) {
        self.of.given_back.fetch_add(1, Ordering::Relaxed);
    }
}
