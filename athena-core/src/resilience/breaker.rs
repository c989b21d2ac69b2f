//! Stops asking a backend that does not answer.
//!
//! Closed → Open after `failure_threshold` failures in a row, or when a failure raises its share of a
//! window with enough calls to the ratio. Open → half-open when the recovery time has passed, or at
//! once over a link made after the one that failed. Half-open admits one probe at a time: enough
//! successes close the breaker, one failure opens it again for twice as long, up to a cap. What was opened by a
//! refusal lets one operation through each second: done, it leads to half-open. Any state → Isolated by hand,
//! and back by half-open.
//!
//! Invariant: a permit that was taken before a transition records nothing after it, and a permit that
//! is dropped without an outcome gives its place back and records nothing.

mod machine;
mod settings;
mod state;

use std::sync::PoisonError;
use std::time::Duration;

use self::machine::Machine;
pub use self::settings::BreakerSettings;
pub use self::state::BreakerState;
pub(crate) use self::state::{Ending, Transition};
use super::sync::{Arc, Mutex, MutexGuard};
use crate::clock::Tick;

/// A breaker shared by the operations on one endpoint.
#[derive(Debug)]
pub(crate) struct Breaker {
    machine: Arc<Mutex<Machine>>,
}

/// A permit for one operation.
#[derive(Debug)]
pub(crate) struct Permit {
    machine: Arc<Mutex<Machine>>,
    generation: u64,
    /// The link that the operation uses.
    epoch: u64,
    open: bool,
}

impl Breaker {
    pub(crate) fn new(settings: BreakerSettings) -> Self {
        Self { machine: Arc::new(Mutex::new(Machine::new(settings))) }
    }

    /// A permit to send one operation over the link of `epoch`, or `None` while open.
    pub(crate) fn acquire(&self, now: Tick, epoch: u64) -> (Option<Permit>, Option<Transition>) {
        let mut machine = lock(&self.machine);
        let (admitted, transition) = machine.acquire(now, epoch);
        let generation = machine.generation();
        drop(machine);
        let permit = admitted.then(|| Permit {
            machine: Arc::clone(&self.machine),
            generation,
            epoch,
            open: true,
        });
        (permit, transition)
    }

    pub(crate) fn state(&self) -> BreakerState {
        lock(&self.machine).state()
    }

    /// Whether an operation over the link of `epoch` would be let through now.
    pub(crate) fn admits(&self, now: Tick, epoch: u64) -> bool {
        lock(&self.machine).admits(now, epoch)
    }

    /// How long operations will be refused at most.
    ///
    /// `None` if they are not, or if that depends on a probe under way or on a person.
    pub(crate) fn retry_after(&self, now: Tick) -> Option<Duration> {
        lock(&self.machine).retry_after(now)
    }

    /// Other settings from now on. State and window stay, and permits that are out still count.
    ///
    /// Only what enables or disables the breaker changes its state, unless it is isolated.
    pub(crate) fn configure(&self, settings: BreakerSettings) -> Option<Transition> {
        lock(&self.machine).configure(settings)
    }

    /// Refuses everything until then, or until [`resume`](Self::resume); a new link changes nothing.
    ///
    /// Isolating again replaces the earlier end.
    pub(crate) fn isolate(&self, until: Option<Tick>) -> Option<Transition> {
        lock(&self.machine).isolate(until)
    }

    /// Ends an isolation: the next operation is a probe.
    pub(crate) fn resume(&self) -> Option<Transition> {
        lock(&self.machine).resume()
    }
}

impl Permit {
    /// Records how the operation ended. `random` from 0 to 1 spreads the recovery of instances.
    pub(crate) fn end(mut self, ending: Ending, now: Tick, random: f64) -> Option<Transition> {
        self.open = false;
        let mut machine = lock(&self.machine);
        if machine.generation() != self.generation {
            return None;
        }
        match ending {
            Ending::Success => machine.succeed(now),
            Ending::Failure | Ending::Refused => machine.fail(ending, now, self.epoch, random),
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.open {
            let mut machine = lock(&self.machine);
            if machine.generation() == self.generation {
                machine.release();
            }
        }
    }
}

fn lock(machine: &Mutex<Machine>) -> MutexGuard<'_, Machine> {
    machine.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[cfg(athena_loom)]
mod loom;
#[cfg(test)]
#[cfg(not(athena_loom))]
mod model;
#[cfg(test)]
#[cfg(not(athena_loom))]
mod tests;
