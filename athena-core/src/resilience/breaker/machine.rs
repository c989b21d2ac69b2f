//! The states of a breaker and what leads from one to the next.
//!
//! Invariant: at most one permit of the current generation is out while open or half-open, because every
//! transition starts a generation and outcomes of earlier ones are not told to the machine. So does a probe
//! that takes the place of one whose future nobody polls any more.

use std::time::Duration;

use super::settings::BreakerSettings;
use super::state::{BreakerState, Ending, Transition};
use crate::clock::Tick;
use crate::policy::LONGEST;
use crate::resilience::window::Window;

#[derive(Debug)]
enum State {
    Closed {
        in_a_row: u32,
        calls: Window,
        failures: Window,
    },
    Open {
        until: Tick,
        /// The link whose failure opened it.
        epoch: u64,
        /// If it was opened by a refusal.
        trials: Option<Trials>,
    },
    HalfOpen {
        /// Since when a probe is out.
        probing: Option<Tick>,
        successes: u32,
    },
    Isolated {
        until: Option<Tick>,
    },
    Disabled,
}

/// How a refusal is found to have ended: one of the operations that come anyway is let through now and then.
///
/// That it is refused again changes nothing, so that there is nothing to tell.
#[derive(Debug)]
struct Trials {
    next: Tick,
    /// Since when one is out.
    out: Option<Tick>,
}

/// From one trial to the next, before it is spread; no longer than the breaker is open at first.
const TRIAL_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Machine {
    settings: BreakerSettings,
    state: State,
    /// Counts transitions, so that late outcomes are told from current ones.
    generation: u64,
    /// Openings since the breaker was last closed; doubles the recovery time.
    openings: u32,
}

impl Machine {
    pub(super) fn new(settings: BreakerSettings) -> Self {
        let state = if settings.enabled { closed(&settings) } else { State::Disabled };
        Self { settings, state, generation: 0, openings: 0 }
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn state(&self) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
            State::Isolated { .. } => BreakerState::Isolated,
            State::Disabled => BreakerState::Disabled,
        }
    }

    pub(super) fn admits(&self, now: Tick, epoch: u64) -> bool {
        match self.state {
            State::Closed { .. } | State::Disabled => true,
            State::HalfOpen { probing, .. } => self.is_free(probing, now),
            State::Open { .. } | State::Isolated { .. } => self.is_over(now, epoch),
        }
    }

    pub(super) fn retry_after(&self, now: Tick) -> Option<Duration> {
        let until = match self.state {
            State::Open { until, .. } => until,
            State::Isolated { until } => until?,
            State::Closed { .. } | State::HalfOpen { .. } | State::Disabled => return None,
        };
        (until > now).then(|| until.since(now))
    }

    pub(super) fn acquire(&mut self, now: Tick, epoch: u64) -> (bool, Option<Transition>) {
        let transition = self.is_over(now, epoch).then(|| self.half_open());
        let admitted = self.admits(now, epoch) || self.may_try(now);
        if admitted
            && let Some(out) = self.finding_out()
            && out.replace(now).is_some()
        {
            self.generation += 1;
        }
        (admitted, transition)
    }

    /// Since when an operation finds out about the node, where one may.
    fn finding_out(&mut self) -> Option<&mut Option<Tick>> {
        match &mut self.state {
            State::HalfOpen { probing, .. } => Some(probing),
            State::Open { trials, .. } => trials.as_mut().map(|trials| &mut trials.out),
            State::Closed { .. } | State::Isolated { .. } | State::Disabled => None,
        }
    }

    /// Whether an operation may find out if what was refused is taken again.
    fn may_try(&self, now: Tick) -> bool {
        let State::Open { trials: Some(trials), .. } = &self.state else {
            return false;
        };
        now >= trials.next && self.is_free(trials.out, now)
    }

    /// Whether no probe is out, or one that has taken longer than the breaker may stay open.
    fn is_free(&self, probing: Option<Tick>, now: Tick) -> bool {
        probing.is_none_or(|since| now.since(since) >= self.settings.longest_recovery())
    }

    /// An operation of this generation ended without an outcome.
    pub(super) fn release(&mut self) {
        if let Some(out) = self.finding_out() {
            *out = None;
        }
    }

    /// An operation of this generation succeeded.
    pub(super) fn succeed(&mut self, now: Tick) -> Option<Transition> {
        match &mut self.state {
            State::Closed { in_a_row, calls, .. } => {
                *in_a_row = 0;
                calls.add(now);
                None
            }
            State::HalfOpen { probing, successes } => {
                *probing = None;
                *successes += 1;
                (*successes >= self.settings.half_open_successes).then(|| self.close())
            }
            State::Open { .. } if self.settings.half_open_successes <= 1 => Some(self.close()),
            State::Open { .. } => {
                Some(self.change(State::HalfOpen { probing: None, successes: 1 }))
            }
            State::Isolated { .. } | State::Disabled => None,
        }
    }

    /// An operation of this generation failed over the link of `epoch`, or `was` refused there.
    pub(super) fn fail(
        &mut self,
        was: Ending,
        now: Tick,
        epoch: u64,
        random: f64,
    ) -> Option<Transition> {
        let next = |settings: &BreakerSettings| {
            let pause = settings.spread(TRIAL_PAUSE.min(settings.recovery_time), random);
            (was == Ending::Refused).then(|| Trials { next: now.after(pause), out: None })
        };
        let trips = match &mut self.state {
            State::Closed { in_a_row, calls, failures } => {
                *in_a_row += 1;
                calls.add(now);
                failures.add(now);
                *in_a_row >= self.settings.failure_threshold
                    || self.settings.trips(calls.total(now), failures.total(now))
            }
            State::Open { trials, .. } if was == Ending::Refused => {
                *trials = next(&self.settings);
                false
            }
            State::Open { .. } | State::HalfOpen { .. } => true,
            State::Isolated { .. } | State::Disabled => false,
        };
        let transition = trips.then(|| {
            let until = now.after(self.settings.recovery_after(self.openings, random));
            self.openings = self.openings.saturating_add(1);
            let trials = next(&self.settings);
            self.change(State::Open { until, epoch, trials })
        });
        transition.filter(|Transition { from, to }| from != to)
    }

    pub(super) fn configure(&mut self, settings: BreakerSettings) -> Option<Transition> {
        self.settings = settings;
        match &mut self.state {
            State::Isolated { .. } => None,
            State::Disabled => self.settings.enabled.then(|| self.close()),
            _ if !self.settings.enabled => Some(self.change(State::Disabled)),
            State::Closed { calls, failures, .. } => {
                calls.resize(self.settings.window);
                failures.resize(self.settings.window);
                None
            }
            State::Open { .. } | State::HalfOpen { .. } => None,
        }
    }

    pub(super) fn isolate(&mut self, until: Option<Tick>) -> Option<Transition> {
        if let State::Isolated { until: earlier } = &mut self.state {
            *earlier = until;
            return None;
        }
        Some(self.change(State::Isolated { until }))
    }

    pub(super) fn resume(&mut self) -> Option<Transition> {
        matches!(self.state, State::Isolated { .. }).then(|| self.half_open())
    }

    /// Whether operations were refused until now and need not be any more.
    fn is_over(&self, now: Tick, epoch: u64) -> bool {
        match self.state {
            State::Open { until, epoch: failed, .. } => now >= until || epoch > failed,
            State::Isolated { until } => until.is_some_and(|until| now >= until),
            State::Closed { .. } | State::HalfOpen { .. } | State::Disabled => false,
        }
    }

    fn half_open(&mut self) -> Transition {
        self.change(if self.settings.enabled {
            State::HalfOpen { probing: None, successes: 0 }
        } else {
            State::Disabled
        })
    }

    fn close(&mut self) -> Transition {
        self.openings = 0;
        self.change(closed(&self.settings))
    }

    fn change(&mut self, state: State) -> Transition {
        let from = self.state();
        self.state = state;
        self.generation += 1;
        Transition { from, to: self.state() }
    }
}

fn closed(settings: &BreakerSettings) -> State {
    let window = || Window::new(settings.window);
    State::Closed { in_a_row: 0, calls: window(), failures: window() }
}

impl BreakerSettings {
    /// Whether that many failures among that many calls of one window open the breaker.
    fn trips(&self, calls: u32, failures: u32) -> bool {
        let ratio = u64::from(self.failure_ratio.get());
        calls >= self.minimum_calls && u64::from(failures) * 100 >= u64::from(calls) * ratio
    }

    /// How long the breaker stays open at most, but for the spread.
    fn longest_recovery(&self) -> Duration {
        self.max_recovery_time.max(self.recovery_time)
    }

    /// How long the breaker stays open when it opens for the `openings + 1`th time in a row.
    pub(super) fn recovery_after(&self, openings: u32, random: f64) -> Duration {
        let factor = 2_u32.saturating_pow(openings.min(16));
        let base =
            self.recovery_time.saturating_mul(factor).min(self.longest_recovery()).min(LONGEST);
        self.spread(base, random)
    }

    /// A pause, for one of several instances.
    fn spread(&self, pause: Duration, random: f64) -> Duration {
        let spread = f64::from(self.recovery_jitter.get()) / 100.0;
        pause.mul_f64(1.0 + spread * (2.0 * random.clamp(0.0, 1.0) - 1.0))
    }
}
