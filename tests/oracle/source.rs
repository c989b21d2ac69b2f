//! The source of truth: a version for each item, and when it had which.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::configuration::Configuration;
use super::random::SplitMix64;
use super::value::Value;
use super::workload::{Options, Workload};

/// What all processes load from; clones are the same source.
#[derive(Debug, Clone)]
pub(crate) struct Source(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    begun: Instant,
    seed: u64,
    load_time: [Duration; 2],
    configuration: Configuration,
    decoding: Duration,
    options: Options,
    items: Vec<Item>,
}

#[derive(Debug)]
struct Item {
    /// When each version came to be, the first one before the play.
    versions: Mutex<Vec<Duration>>,
    /// When each load of it began.
    loads: Mutex<Vec<Duration>>,
}

impl Source {
    /// All items at version 0.
    pub(crate) fn new(
        items: usize,
        seed: u64,
        workload: &Workload,
        configuration: Configuration,
    ) -> Self {
        let item = || Item { versions: Mutex::new(vec![Duration::ZERO]), loads: Mutex::default() };
        let items = (0..items).map(|_| item()).collect();
        let Workload { load_time, decoding, options, .. } = *workload;
        let begun = Instant::now();
        Self(Arc::new(Inner { begun, seed, load_time, configuration, decoding, options, items }))
    }

    /// The one clock of the play.
    pub(crate) fn now(&self) -> Duration {
        self.0.begun.elapsed()
    }

    /// How the functions that load from it are annotated.
    pub(crate) fn options(&self) -> Options {
        self.0.options
    }

    /// Changes an item; returns its new version.
    pub(crate) fn write(&self, item: usize) -> u32 {
        let mut versions = self.versions(item);
        // Stamped under the lock, so that the times are in the order of the versions.
        versions.push(self.now());
        last(&versions)
    }

    pub(crate) fn version(&self, item: usize) -> u32 {
        last(&self.versions(item))
    }

    /// Takes a while, and sees the version of some moment of it.
    pub(crate) async fn load(&self, item: usize) -> Value {
        let count = {
            let mut loads = lock(&self.0.items[item].loads);
            loads.push(self.now());
            loads.len() as u64 - 1
        };
        let mut random = SplitMix64::of(self.0.seed, &[item as u64, count]);
        let time = random.between(self.0.load_time);
        let before = random.between([Duration::ZERO, time]);
        tokio::time::sleep(before).await;
        let version = self.version(item);
        tokio::time::sleep(time.saturating_sub(before)).await;
        Value::new(item, version, self.0.decoding, self.0.configuration.bytes_of(item, version))
    }

    /// When each version of each item came to be.
    pub(crate) fn written(&self) -> Vec<Vec<Duration>> {
        (0..self.0.items.len()).map(|item| self.versions(item).clone()).collect()
    }

    /// When each load of each item began.
    pub(crate) fn loaded(&self) -> Vec<Vec<Duration>> {
        self.0.items.iter().map(|item| lock(&item.loads).clone()).collect()
    }

    fn versions(&self, item: usize) -> MutexGuard<'_, Vec<Duration>> {
        lock(&self.0.items[item].versions)
    }
}

fn lock(times: &Mutex<Vec<Duration>>) -> MutexGuard<'_, Vec<Duration>> {
    times.lock().unwrap_or_else(PoisonError::into_inner)
}

fn last(versions: &[Duration]) -> u32 {
    u32::try_from(versions.len() - 1).expect("few versions")
}
