//! Stops asking a backend that does not answer.
//!
//! Closed → Open after `failure_threshold` failures in a row, or when a failure raises its share of a
//! window with enough calls to the ratio. Open → half-open when the recovery time has passed, or at
//! once over a link made after the one that failed. Half-open admits one probe at a time: enough
//! successes close the breaker, one failure opens it again for twice as long, up to a cap. Any state →
//! Isolated by hand, and back by half-open.
//!
//! Invariant: a permit that was taken before a transition records nothing after it, and a permit that
//! is dropped without an outcome gives its place back and records nothing.

mod machine;
mod settings;

use std::sync::PoisonError;
use std::time::Duration;

use self::machine::Machine;
pub use self::settings::BreakerSettings;
use super::sync::{Arc, Mutex, MutexGuard};
use crate::clock::Tick;

/// The state of a breaker, for people and counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BreakerState {
    /// Operations pass.
    Closed,
    /// Operations are refused.
    Open,
    /// One operation at a time finds out whether the backend is back.
    HalfOpen,
    /// Operations are refused because somebody said so.
    Isolated,
    /// Operations pass, whatever happens.
    Disabled,
}

impl BreakerState {
    /// A short name, as used in logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
            Self::Isolated => "isolated",
            Self::Disabled => "disabled",
        }
    }
}

impl BreakerState {
    /// How much it stands in the way.
    pub(crate) fn severity(self) -> u8 {
        match self {
            Self::Disabled => 0,
            Self::Closed => 1,
            Self::HalfOpen => 2,
            Self::Open => 3,
            Self::Isolated => 4,
        }
    }
}

/// A change of state, to be told once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Transition {
    pub(crate) from: BreakerState,
    pub(crate) to: BreakerState,
}

/// How an operation ended, as far as the breaker cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Success,
    Failure,
}

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
            Ending::Failure => machine.fail(now, self.epoch, random),
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
