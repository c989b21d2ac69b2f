//! That a cache is not ready before it is warm.
//!
//! Invariant: it ends with whoever holds it back, or at the limit, whatever that does.

use std::sync::{Arc, Weak};

use crate::clock::{Clock, Tick};
use crate::health::Finding;
use crate::lock::Mutex;

/// Those that hold readiness back.
#[derive(Debug, Default)]
pub(super) struct ReadinessHolds(Mutex<Vec<Weak<HeldUntil>>>);

/// One of them, for as long as this, or a clone of it, lives.
#[derive(Debug, Clone)]
#[expect(dead_code, reason = "it is there to be held")]
pub(crate) struct ReadinessHold(Arc<HeldUntil>);

/// When it ends by itself.
#[derive(Debug)]
struct HeldUntil(Tick);

impl ReadinessHolds {
    /// Holds it back while this is held, and no longer than until then.
    pub(super) fn hold(&self, until: Tick) -> ReadinessHold {
        let held = Arc::new(HeldUntil(until));
        self.0.lock().push(Arc::downgrade(&held));
        ReadinessHold(held)
    }

    /// For how long it is waited still, at most.
    pub(super) fn found(&self, clock: &Clock) -> Finding {
        let now = clock.now();
        let mut holds = self.0.lock();
        holds.retain(|held| held.upgrade().is_some_and(|held| held.0 > now));
        let ends = holds.iter().filter_map(Weak::upgrade).map(|held| held.0);
        match ends.max() {
            None => Finding::healthy("it is warm, or was waited for long enough"),
            Some(end) => {
                let left = end.since(now);
                Finding::unhealthy(format_args!("it is being warmed up, for {left:?} more at most"))
            }
        }
    }
}
