//! What bounds a load: one of the permits of its function, and how long it may take.
//!
//! Invariant: every load of every kind runs in `Ask::run_load`.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use super::Ask;
use crate::clock::Tick;
use crate::flight::Flight;
use crate::load_limits::{HeldPermit, Urgency};
use crate::runtime::Runtime;
use crate::telemetry::Event;

/// After so long without any permit becoming free, a caller may be waiting for itself.
const STANDSTILL: Duration = Duration::from_secs(1);

/// Whether a load needs one of the permits of its function, which are bounded while the backend is
/// away and after a failure that nobody can share (behaviours R7 and S5).
#[derive(Debug)]
pub(super) enum LoadPermit {
    NotNeeded,
    Needed,
    /// It has one already, or waited for one in vain.
    Taken(Option<HeldPermit>),
}

impl Ask {
    /// Runs a load under a permit; says when it began.
    pub(super) async fn run_load<T>(
        &self,
        permit: LoadPermit,
        load: impl Future<Output = T>,
    ) -> (T, Tick) {
        let _permit = match permit {
            LoadPermit::NotNeeded => None,
            // Boxed: it is rare, and would stand in the future of every load.
            LoadPermit::Needed => Box::pin(self.permit(Urgency::Foreground)).await,
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

    /// A permit of the function, if one becomes free in time.
    ///
    /// While others end, it is waited for within `wait_for_load`. If none has ended for a second, the load
    /// that has the permit may be waiting for this one, by ways that cannot be seen from here: it runs all
    /// the same, counted. A load inside a load needs none (behaviour S8).
    pub(super) async fn permit(&self, urgency: Urgency) -> Option<HeldPermit> {
        if Flight::is_any_led_here() {
            return None;
        }
        let Runtime { loads, clock, settings, .. } = &*self.runtime;
        let permits = loads.permits(self.site, urgency);
        let mut permit = pin!(permits.acquire());
        let until = clock.now().after(settings.wait_for_load);
        loop {
            let (left, before) = (until.since(clock.now()), permits.given_back());
            let patience = match urgency {
                Urgency::Foreground => STANDSTILL.min(left),
                Urgency::Background => left,
            };
            if let Some(permit) = clock.within(patience, &mut permit).await {
                return permit;
            }
            if clock.now() >= until || permits.given_back() == before {
                self.tell(|key| Event::Unbounded { key });
                return None;
            }
        }
    }
}
