//! How many loads one function runs at once while the backend is away.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::lock::Mutex;

/// Bounds the loads of each function while the backend is away.
#[derive(Debug)]
pub(crate) struct LoadLimits {
    limit: usize,
    sites: Mutex<HashMap<Option<u32>, Arc<Semaphore>>>,
}

impl LoadLimits {
    pub(crate) fn new(limit: usize) -> Self {
        // More than a semaphore can count is as good as no limit.
        Self { limit: limit.min(Semaphore::MAX_PERMITS), sites: Mutex::default() }
    }

    /// A permit for a load of a function; waits for one.
    pub(crate) async fn permit(&self, site: Option<u32>) -> Option<OwnedSemaphorePermit> {
        let semaphore = {
            let mut sites = self.sites.lock();
            let new = || Arc::new(Semaphore::new(self.limit));
            Arc::clone(sites.entry(site).or_insert_with(new))
        };
        semaphore.acquire_owned().await.ok()
    }
}
