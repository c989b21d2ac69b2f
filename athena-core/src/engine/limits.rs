//! What bounds a load: one of the permits of its function, and how long it may take.
//!
//! Invariant: every load of every kind runs in `Ask::run_load`.

use std::future::Future;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use super::Ask;
use crate::clock::Tick;
use crate::flight::Flight;

/// Whether a load needs one of the permits of its function, which are bounded while the backend is
/// away and after a failure that nobody can share (behaviours R7 and S5).
#[derive(Debug)]
pub(super) enum LoadPermit {
    NotNeeded,
    Needed,
    /// It has one already, or waited for one in vain.
    Taken(Option<OwnedSemaphorePermit>),
}

impl<R, V, E> Ask<R, V, E> {
    /// Runs a load under a permit; says when it began.
    pub(super) async fn run_load<T>(
        &self,
        permit: LoadPermit,
        load: impl Future<Output = T>,
    ) -> (T, Tick) {
        let _permit = match permit {
            LoadPermit::NotNeeded => None,
            LoadPermit::Needed => self.permit().await,
            LoadPermit::Taken(permit) => permit,
        };
        let started = self.runtime.clock.now();
        (load.await, started)
    }

    /// The same within a limit, the wait for the permit included; `None` if it took longer.
    pub(super) async fn run_load_within<T>(
        &self,
        limit: Duration,
        permit: LoadPermit,
        load: impl Future<Output = T>,
    ) -> Option<(T, Tick)> {
        self.runtime.clock.within(limit, self.run_load(permit, load)).await
    }

    /// A permit of the function. Without one after `wait_for_load` the load runs all the same,
    /// and a load inside a load needs none: it would wait for the one around it (behaviour S8).
    pub(super) async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        if Flight::is_any_led_here() {
            return None;
        }
        let permit = self.runtime.loads.permit(self.site);
        self.runtime.clock.within(self.runtime.settings.wait_for_load, permit).await.flatten()
    }
}
