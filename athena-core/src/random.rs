//! Randomness, from one place, so that a test can seed it.

use crate::lock::Mutex;

/// A source of random numbers; not for secrets.
#[derive(Debug)]
pub(crate) struct Random(Mutex<fastrand::Rng>);

impl Random {
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self(Mutex::new(seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed)))
    }

    pub(crate) fn number(&self) -> u64 {
        self.0.lock().u64(..)
    }

    /// From 0 up to 1.
    pub(crate) fn share(&self) -> f64 {
        self.0.lock().f64()
    }
}
