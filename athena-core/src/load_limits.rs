//! How many loads one function runs at once while the backend is away.
//!
//! Invariant: loads that nobody waits for take no place from those that callers wait for.

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
    sites: Mutex<SitePlaces>,
}

/// The places of each function, by its number.
type SitePlaces = HashMap<(Option<u32>, Urgency), Arc<Places>>;

/// The places for loads of one function and urgency.
#[derive(Debug)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    /// How often one became free.
    given_back: AtomicU64,
}

/// A place; dropped, it is free for another load.
#[derive(Debug)]
pub(crate) struct LoadPlace {
    places: Arc<Places>,
    #[expect(dead_code, reason = "it is there to be held")]
    permit: OwnedSemaphorePermit,
}

impl LoadLimits {
    pub(crate) fn new(limit: usize) -> Self {
        // More than a semaphore can count is as good as no limit.
        Self { limit: limit.min(Semaphore::MAX_PERMITS), sites: Mutex::default() }
    }

    /// The places of a function.
    pub(crate) fn places(&self, site: Option<u32>, urgency: Urgency) -> Arc<Places> {
        let mut sites = self.sites.lock();
        let new = || {
            let free = Arc::new(Semaphore::new(self.limit));
            Arc::new(Places { free, given_back: AtomicU64::new(0) })
        };
        Arc::clone(sites.entry((site, urgency)).or_insert_with(new))
    }
}

impl Places {
    /// A place, in the order of asking.
    pub(crate) async fn place(self: &Arc<Self>) -> Option<LoadPlace> {
        let permit = Arc::clone(&self.free).acquire_owned().await.ok()?;
        Some(LoadPlace { places: Arc::clone(self), permit })
    }

    /// Changes whenever a place becomes free.
    pub(crate) fn given_back(&self) -> u64 {
        self.given_back.load(Ordering::Relaxed)
    }
}

impl Drop for LoadPlace {
    fn drop(&mut self) {
        self.places.given_back.fetch_add(1, Ordering::Relaxed);
    }
}
