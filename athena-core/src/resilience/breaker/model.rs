//! The breaker against a model that keeps lists instead of counts.
//!
//! Each state is told apart by its era, the number of changes before it. The model knows which permits
//! are out, and derives from that what the breaker keeps count of.

use std::time::Duration;

use proptest::prelude::*;

use super::{Breaker, BreakerState, Ending, Permit, Transition};
use crate::clock::Tick;
use crate::policy::Percent;
use crate::resilience::breaker::BreakerSettings;

/// The start of a slice of every window below.
const START: u64 = 1_000_000;

#[derive(Debug, Clone)]
enum Step {
    Acquire,
    /// Ends the permit at that place, if so many are out.
    End(usize, Ending),
    Drop(usize),
    Advance(u64),
    NewLink,
    Isolate(Option<u64>),
    Resume,
    Configure(BreakerSettings),
}

/// A permit that is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Out {
    era: u32,
    link: u64,
}

struct Model {
    settings: BreakerSettings,
    state: BreakerState,
    era: u32,
    now: u64,
    link: u64,
    out: Vec<Out>,
    /// What was recorded in this era: when, and how it ended.
    recorded: Vec<(u64, Ending)>,
    /// When the refusals of this era end.
    until: Option<u64>,
    /// The link that failed when it opened.
    failed: u64,
    /// Openings since it was last closed.
    openings: u32,
    /// When the latest probe or trial began.
    probed: u64,
    /// From when on a trial may begin, if it was opened by a refusal.
    trial: Option<u64>,
}

impl Model {
    fn new(settings: BreakerSettings) -> Self {
        let state = if settings.enabled { BreakerState::Closed } else { BreakerState::Disabled };
        let (out, recorded) = (Vec::new(), Vec::new());
        let now = START;
        Self {
            settings,
            state,
            era: 0,
            now,
            link: 1,
            out,
            recorded,
            until: None,
            failed: 0,
            openings: 0,
            probed: 0,
            trial: None,
        }
    }

    /// Permits that find out about the node.
    fn probes(&self) -> usize {
        let finds_out = matches!(self.state, BreakerState::HalfOpen | BreakerState::Open);
        self.out.iter().filter(|out| finds_out && out.era == self.era).count()
    }

    fn may_try(&self) -> bool {
        let is_time = self.trial.is_some_and(|trial| self.now >= trial);
        is_time && (self.probes() == 0 || self.is_probe_lost())
    }

    fn is_over(&self) -> bool {
        let waited = self.until.is_some_and(|until| self.now >= until);
        match self.state {
            BreakerState::Open => waited || self.link > self.failed,
            BreakerState::Isolated => waited,
            _ => false,
        }
    }

    fn is_probe_lost(&self) -> bool {
        let longest = self.settings.max_recovery_time.max(self.settings.recovery_time);
        Duration::from_millis(self.now - self.probed) >= longest
    }

    fn admits(&self) -> bool {
        match self.state {
            BreakerState::Closed | BreakerState::Disabled => true,
            BreakerState::HalfOpen => self.probes() == 0 || self.is_probe_lost(),
            BreakerState::Open | BreakerState::Isolated => self.is_over(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        let left = self.until?.saturating_sub(self.now);
        (left > 0).then(|| Duration::from_millis(left))
    }

    fn change(&mut self, to: BreakerState) -> Transition {
        let from = std::mem::replace(&mut self.state, to);
        self.era += 1;
        self.until = None;
        self.trial = None;
        self.recorded.clear();
        Transition { from, to }
    }

    fn resumed(&self) -> BreakerState {
        if self.settings.enabled { BreakerState::HalfOpen } else { BreakerState::Disabled }
    }

    fn acquire(&mut self) -> (bool, Option<Transition>) {
        let admitted = self.admits() || self.may_try();
        let transition = self.is_over().then(|| self.change(self.resumed()));
        if admitted {
            if self.probes() > 0 {
                self.era += 1;
            }
            self.probed = self.now;
            self.out.push(Out { era: self.era, link: self.link });
        }
        (admitted, transition)
    }

    fn end(&mut self, place: usize, ending: Ending) -> Option<Transition> {
        let out = self.out.remove(place);
        if out.era != self.era {
            return None;
        }
        self.recorded.push((self.now, ending));
        match self.state {
            BreakerState::Closed if self.trips() => Some(self.open(out.link, ending)),
            BreakerState::HalfOpen if ending != Ending::Success => {
                Some(self.open(out.link, ending))
            }
            BreakerState::Open => match ending {
                Ending::Failure => {
                    self.open(out.link, ending);
                    None
                }
                Ending::Refused => {
                    self.trial = Some(self.now + self.trial_pause());
                    None
                }
                Ending::Success => Some(self.tried()),
            },
            BreakerState::HalfOpen
                if self.recorded.len() >= self.settings.half_open_successes as usize =>
            {
                self.openings = 0;
                Some(self.change(BreakerState::Closed))
            }
            _ => None,
        }
    }

    /// A trial was done.
    fn tried(&mut self) -> Transition {
        if self.settings.half_open_successes == 1 {
            self.openings = 0;
            return self.change(BreakerState::Closed);
        }
        let transition = self.change(BreakerState::HalfOpen);
        self.recorded.push((self.now, Ending::Success));
        transition
    }

    fn trial_pause(&self) -> u64 {
        let pause = self.settings.recovery_time.min(Duration::from_secs(1));
        u64::try_from(pause.as_millis()).expect("short")
    }

    fn open(&mut self, link: u64, ending: Ending) -> Transition {
        let doubled = self.settings.recovery_time * 2_u32.pow(self.openings.min(10));
        let pause = doubled.min(self.settings.max_recovery_time);
        self.openings += 1;
        self.failed = link;
        let transition = self.change(BreakerState::Open);
        self.until = Some(self.now + u64::try_from(pause.as_millis()).expect("short"));
        self.trial = (ending == Ending::Refused).then(|| self.now + self.trial_pause());
        transition
    }

    /// Whether the latest record opens a closed breaker.
    fn trips(&self) -> bool {
        let failed = |record: &&(u64, Ending)| record.1 != Ending::Success;
        if !self.recorded.last().is_some_and(|record| failed(&record)) {
            return false;
        }
        let in_a_row = self.recorded.iter().rev().take_while(failed).count();
        let slice = u64::try_from(self.settings.window.as_millis()).expect("short") / 10;
        let acknowledged = |record: &&(u64, Ending)| record.0 / slice + 10 > self.now / slice;
        let calls = self.recorded.iter().filter(acknowledged).count();
        let failures = self.recorded.iter().filter(acknowledged).filter(failed).count();
        in_a_row >= self.settings.failure_threshold as usize
            || (calls >= self.settings.minimum_calls as usize
                && failures * 100 >= calls * usize::from(self.settings.failure_ratio.get()))
    }

    fn isolate(&mut self, until: Option<u64>) -> Option<Transition> {
        let transition = match self.state {
            BreakerState::Isolated => None,
            _ => Some(self.change(BreakerState::Isolated)),
        };
        self.until = until;
        transition
    }

    fn resume(&mut self) -> Option<Transition> {
        (self.state == BreakerState::Isolated).then(|| self.change(self.resumed()))
    }

    fn configure(&mut self, settings: BreakerSettings) -> Option<Transition> {
        self.settings = settings;
        match (self.state, self.settings.enabled) {
            (BreakerState::Isolated, _) | (BreakerState::Disabled, false) => None,
            (BreakerState::Disabled, true) => {
                self.openings = 0;
                Some(self.change(BreakerState::Closed))
            }
            (_, false) => Some(self.change(BreakerState::Disabled)),
            (_, true) => None,
        }
    }
}

/// Takes a step with both; the breaker's answer must be the model's.
fn take(
    step: Step,
    breaker: &Breaker,
    permits: &mut Vec<Permit>,
    model: &mut Model,
) -> Result<(), TestCaseError> {
    let now = |model: &Model| Tick::from_millis(model.now);
    match step {
        Step::Acquire => {
            let (permit, transition) = breaker.acquire(now(model), model.link);
            prop_assert_eq!((permit.is_some(), transition), model.acquire());
            permits.extend(permit);
        }
        Step::End(place, ending) if place < permits.len() => {
            let transition = permits.remove(place).end(ending, now(model), 0.5);
            prop_assert_eq!(transition, model.end(place, ending));
        }
        Step::Drop(place) if place < permits.len() => {
            drop(permits.remove(place));
            model.out.remove(place);
        }
        Step::End(..) | Step::Drop(_) => {}
        Step::Advance(millis) => model.now += millis,
        Step::NewLink => model.link += 1,
        Step::Isolate(after) => {
            let until = after.map(|after| model.now + after);
            let transition = breaker.isolate(until.map(Tick::from_millis));
            prop_assert_eq!(transition, model.isolate(until));
        }
        Step::Resume => prop_assert_eq!(breaker.resume(), model.resume()),
        Step::Configure(settings) => {
            prop_assert_eq!(breaker.configure(settings.clone()), model.configure(settings));
        }
    }
    Ok(())
}

prop_compose! {
    /// Small numbers, so that everything happens within a few steps.
    fn settings()(
        enabled in prop::bool::weighted(0.9),
        failure_threshold in 1_u32..6,
        ratio in 1_u8..=100,
        minimum_calls in 1_u32..12,
        recovery in 1_u64..3_000,
        longest in 1_u64..6_000,
        half_open_successes in 1_u32..4,
    ) -> BreakerSettings {
        BreakerSettings {
            enabled,
            failure_threshold,
            failure_ratio: Percent::new(ratio),
            minimum_calls,
            recovery_time: Duration::from_millis(recovery),
            max_recovery_time: Duration::from_millis(recovery.max(longest)),
            recovery_jitter: Percent::new(0),
            half_open_successes,
            ..BreakerSettings::default()
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let ending = prop_oneof![
        2 => Just(Ending::Success),
        2 => Just(Ending::Failure),
        2 => Just(Ending::Refused),
    ];
    prop_oneof![
        12 => Just(Step::Acquire),
        10 => (0_usize..3, ending).prop_map(|(place, ending)| Step::End(place, ending)),
        3 => (0_usize..3).prop_map(Step::Drop),
        5 => (0_u64..4_000).prop_map(Step::Advance),
        1 => Just(Step::NewLink),
        1 => prop::option::of(0_u64..3_000).prop_map(Step::Isolate),
        1 => Just(Step::Resume),
        1 => settings().prop_map(Step::Configure),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_024, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_breaker_does_what_the_model_does(
        first in settings(),
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let breaker = Breaker::new(first.clone());
        let mut model = Model::new(first);
        let mut permits = Vec::new();
        for step in steps {
            take(step, &breaker, &mut permits, &mut model)?;
            let now = Tick::from_millis(model.now);
            prop_assert_eq!(breaker.state(), model.state);
            prop_assert_eq!(breaker.admits(now, model.link), model.admits());
            prop_assert_eq!(breaker.retry_after(now), model.retry_after());
            prop_assert!(model.probes() <= 1);
        }
    }
}
