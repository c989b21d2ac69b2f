//! Stops asking a backend that does not answer.
//!
//! Closed → Open after `failure_threshold` failures in a row, or once the failure ratio of a window
//! with enough calls is reached. Open → half-open when the recovery time has passed, or at once when
//! the link was made anew. Half-open admits one probe at a time: enough successes close the breaker,
//! one failure opens it again for twice as long, up to a cap.
//!
//! Invariant: a permit that was taken before a transition records nothing after it, and a permit that
//! is dropped without an outcome gives its place back and records nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Tick;
use crate::settings::BreakerSettings;

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
            Self::Disabled => "disabled",
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

/// Leave for one operation.
#[derive(Debug)]
pub(crate) struct Permit {
    machine: Arc<Mutex<Machine>>,
    generation: u64,
    open: bool,
}

impl Breaker {
    pub(crate) fn new(settings: BreakerSettings) -> Self {
        Self { machine: Arc::new(Mutex::new(Machine::new(settings))) }
    }

    /// Leave to send one operation over the link of `epoch`, or `None` while open.
    pub(crate) fn acquire(&self, now: Tick, epoch: u64) -> (Option<Permit>, Option<Transition>) {
        let mut machine = lock(&self.machine);
        let (admitted, transition) = machine.acquire(now, epoch);
        let generation = machine.generation;
        drop(machine);
        let permit =
            admitted.then(|| Permit { machine: Arc::clone(&self.machine), generation, open: true });
        (permit, transition)
    }

    pub(crate) fn state(&self) -> BreakerState {
        lock(&self.machine).state()
    }

    /// Whether an operation over the link of `epoch` would be let through now.
    pub(crate) fn admits(&self, now: Tick, epoch: u64) -> bool {
        lock(&self.machine).admits(now, epoch)
    }
}

impl Permit {
    /// Records how the operation ended. `random` from 0 to 1 spreads the recovery of instances.
    pub(crate) fn end(mut self, ending: Ending, now: Tick, random: f64) -> Option<Transition> {
        self.open = false;
        let mut machine = lock(&self.machine);
        machine.record(self.generation, ending, now, random)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.open {
            lock(&self.machine).release(self.generation);
        }
    }
}

fn lock(machine: &Mutex<Machine>) -> MutexGuard<'_, Machine> {
    machine.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
enum State {
    Closed { in_a_row: u32, window: Window },
    Open { until: Tick, epoch: u64 },
    HalfOpen { probing: bool, successes: u32 },
}

#[derive(Debug)]
struct Machine {
    settings: BreakerSettings,
    state: State,
    /// Counts transitions, so that late outcomes are told from current ones.
    generation: u64,
    /// Openings since the breaker was last closed; doubles the recovery time.
    openings: u32,
    /// The link that the machine saw last.
    epoch: u64,
}

impl Machine {
    fn new(settings: BreakerSettings) -> Self {
        let state = State::Closed { in_a_row: 0, window: Window::default() };
        Self { settings, state, generation: 0, openings: 0, epoch: 0 }
    }

    fn state(&self) -> BreakerState {
        match self.state {
            _ if !self.settings.enabled => BreakerState::Disabled,
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    fn admits(&self, now: Tick, epoch: u64) -> bool {
        match self.state {
            _ if !self.settings.enabled => true,
            State::Closed { .. } => true,
            State::Open { until, epoch: failed } => now >= until || epoch > failed,
            State::HalfOpen { probing, .. } => !probing,
        }
    }

    fn acquire(&mut self, now: Tick, epoch: u64) -> (bool, Option<Transition>) {
        self.epoch = self.epoch.max(epoch);
        if !self.admits(now, epoch) {
            return (false, None);
        }
        match &mut self.state {
            State::Open { .. } => {
                let half_open = State::HalfOpen { probing: true, successes: 0 };
                (true, Some(self.change(half_open)))
            }
            State::HalfOpen { probing, .. } => {
                *probing = true;
                (true, None)
            }
            State::Closed { .. } => (true, None),
        }
    }

    fn release(&mut self, generation: u64) {
        if let State::HalfOpen { probing, .. } = &mut self.state
            && generation == self.generation
        {
            *probing = false;
        }
    }

    fn record(
        &mut self,
        generation: u64,
        ending: Ending,
        now: Tick,
        random: f64,
    ) -> Option<Transition> {
        if generation != self.generation || !self.settings.enabled {
            return None;
        }
        let settings = &self.settings;
        match (&mut self.state, ending) {
            (State::Closed { in_a_row, window }, Ending::Success) => {
                *in_a_row = 0;
                window.count(now, settings.window, ending);
                None
            }
            (State::Closed { in_a_row, window }, Ending::Failure) => {
                *in_a_row += 1;
                window.count(now, settings.window, ending);
                let trips = *in_a_row >= settings.failure_threshold || window.trips(settings);
                trips.then(|| self.open(now, random))
            }
            (State::HalfOpen { probing, successes }, Ending::Success) => {
                *probing = false;
                *successes += 1;
                if *successes < settings.half_open_successes {
                    return None;
                }
                self.openings = 0;
                let closed = State::Closed { in_a_row: 0, window: Window::default() };
                Some(self.change(closed))
            }
            (State::HalfOpen { .. }, Ending::Failure) => Some(self.open(now, random)),
            (State::Open { .. }, _) => None,
        }
    }

    fn open(&mut self, now: Tick, random: f64) -> Transition {
        let until = now.after(self.settings.recovery_after(self.openings, random));
        self.openings = self.openings.saturating_add(1);
        self.change(State::Open { until, epoch: self.epoch })
    }

    fn change(&mut self, state: State) -> Transition {
        let from = self.state();
        self.state = state;
        self.generation += 1;
        Transition { from, to: self.state() }
    }
}

/// Outcomes of the recent past, in slices that age out one by one.
#[derive(Debug, Default)]
struct Window {
    slices: [Slice; Window::SLICES],
}

#[derive(Debug, Default, Clone, Copy)]
struct Slice {
    number: u64,
    calls: u32,
    failures: u32,
}

impl Window {
    const SLICES: usize = 10;

    fn count(&mut self, now: Tick, window: Duration, ending: Ending) {
        let length = (crate::clock::millis(window) / Self::SLICES as u64).max(1);
        let number = now.as_millis() / length;
        let oldest = number.saturating_sub(Self::SLICES as u64 - 1);
        for slice in &mut self.slices {
            if slice.number < oldest {
                *slice = Slice::default();
            }
        }
        let place = usize::try_from(number % Self::SLICES as u64).unwrap_or_default();
        let slice = &mut self.slices[place];
        slice.number = number;
        slice.calls += 1;
        slice.failures += u32::from(ending == Ending::Failure);
    }

    fn trips(&self, settings: &BreakerSettings) -> bool {
        let calls: u32 = self.slices.iter().map(|slice| slice.calls).sum();
        let failures: u32 = self.slices.iter().map(|slice| slice.failures).sum();
        let ratio = u64::from(settings.failure_ratio.get());
        calls >= settings.minimum_calls && u64::from(failures) * 100 >= u64::from(calls) * ratio
    }
}

impl BreakerSettings {
    /// How long the breaker stays open when it opens for the `openings + 1`th time in a row.
    fn recovery_after(&self, openings: u32, random: f64) -> Duration {
        let factor = 2_u32.saturating_pow(openings.min(16));
        let base = self
            .recovery_time
            .saturating_mul(factor)
            .min(self.max_recovery_time.max(self.recovery_time));
        let spread = f64::from(self.recovery_jitter.get()) / 100.0;
        base.mul_f64(1.0 + spread * (2.0 * random.clamp(0.0, 1.0) - 1.0))
    }
}

#[cfg(test)]
#[path = "breaker/tests.rs"]
mod tests;
