//! How many retries all operations on one cache may make together.
//!
//! A limit per operation still multiplies the load on a backend that fails for everybody; a share of
//! the requests does not. As in Finagle's `RetryBudget` (a percentage, and a minimum per second for
//! caches with little traffic) and Envoy's `retry_budget` (of the two the greater).
//!
//! Invariant: whenever a retry is granted, the retries of the window are at most the greater of the
//! two limits.

use std::sync::MutexGuard;
use std::time::Duration;

use super::window::Window;
use crate::clock::Tick;
use crate::lock::Mutex;
use crate::policy::Percent;

/// What is looked back at.
const WINDOW: Duration = Duration::from_secs(10);

/// How many retries there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BudgetSettings {
    /// Retries as a share of the requests of the last 10 s. Default 20 %.
    pub(crate) share: Percent,
    /// Retries per second that there may always be, on average over 10 s. Default 3.
    pub(crate) minimum: u32,
}

impl Default for BudgetSettings {
    fn default() -> Self {
        Self { share: Percent::new(20), minimum: 3 }
    }
}

/// The retries left to the operations on one cache.
#[derive(Debug)]
pub(crate) struct Budget {
    ledger: Mutex<Ledger>,
}

#[derive(Debug)]
struct Ledger {
    settings: BudgetSettings,
    requests: Window,
    retries: Window,
}

impl Budget {
    pub(crate) fn new(settings: BudgetSettings) -> Self {
        let (requests, retries) = (Window::new(WINDOW), Window::new(WINDOW));
        Self { ledger: Mutex::new(Ledger { settings, requests, retries }) }
    }

    /// Counts an operation, once, at its first attempt.
    pub(crate) fn request(&self, now: Tick) {
        self.lock().requests.add(now);
    }

    /// Takes one retry, if there is one left.
    pub(crate) fn try_spend(&self, now: Tick) -> bool {
        let mut ledger = self.lock();
        let granted = u64::from(ledger.retries.total(now)) < ledger.limit(now);
        if granted {
            ledger.retries.add(now);
        }
        granted
    }

    /// How many retries there would be now, if all were taken at once.
    pub(crate) fn left(&self, now: Tick) -> u64 {
        let mut ledger = self.lock();
        ledger.limit(now).saturating_sub(u64::from(ledger.retries.total(now)))
    }

    /// Other settings from now on; what was counted stays.
    pub(crate) fn configure(&self, settings: BudgetSettings) {
        self.lock().settings = settings;
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock()
    }
}

impl Ledger {
    fn limit(&mut self, now: Tick) -> u64 {
        let share = u64::from(self.settings.share.get());
        let earned = u64::from(self.requests.total(now)) * share / 100;
        earned.max(u64::from(self.settings.minimum) * WINDOW.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{Budget, BudgetSettings};
    use crate::clock::Tick;
    use crate::policy::Percent;

    /// The start of a slice.
    const START: u64 = 1_000_000;

    fn at(millis: u64) -> Tick {
        Tick::from_millis(START + millis)
    }

    fn requests(budget: &Budget, count: u32, millis: u64) {
        (0..count).for_each(|_| budget.request(at(millis)));
    }

    /// Spends until refused.
    fn spend(budget: &Budget, millis: u64) -> u32 {
        let granted = |_: &u32| budget.try_spend(at(millis));
        u32::try_from((0..10_000).take_while(granted).count()).expect("few")
    }

    #[test]
    fn retries_are_a_share_of_the_requests() {
        for (share, requested, granted) in [(20, 1_000, 200), (20, 999, 199), (0, 1_000, 0)] {
            let budget = Budget::new(BudgetSettings { share: Percent::new(share), minimum: 0 });
            requests(&budget, requested, 0);
            assert_eq!(spend(&budget, 0), granted, "{share} % of {requested}");
        }
    }

    #[test]
    fn little_traffic_still_has_the_minimum() {
        let budget = Budget::new(BudgetSettings::default());
        assert_eq!(spend(&budget, 0), 30);
        requests(&budget, 100, 0);
        assert_eq!(spend(&budget, 0), 0, "of the two limits the greater one holds");
        requests(&budget, 100, 0);
        assert_eq!(spend(&budget, 0), 10);
    }

    #[test]
    fn what_is_left_is_what_can_be_spent() {
        let budget = Budget::new(BudgetSettings::default());
        for (requested, millis, left) in [(0, 0, 30), (1_000, 0, 200), (0, 10_000, 30)] {
            requests(&budget, requested, millis);
            assert_eq!(budget.left(at(millis)), left, "{requested} more at {millis} ms");
        }
        assert!(budget.try_spend(at(10_000)));
        assert_eq!(budget.left(at(10_000)), 29);
        assert_eq!(spend(&budget, 10_000), 29);
        assert_eq!(budget.left(at(10_000)), 0);
        // Less is allowed than was taken.
        budget.configure(BudgetSettings { share: Percent::new(0), minimum: 0 });
        assert_eq!(budget.left(at(10_000)), 0);
    }

    #[test]
    fn requests_and_retries_are_forgotten_after_the_window() {
        let budget = Budget::new(BudgetSettings::default());
        requests(&budget, 1_000, 0);
        assert_eq!(spend(&budget, 9_999), 200);
        assert_eq!(spend(&budget, 10_000), 0, "the requests are gone, the retries are not");
        assert_eq!(spend(&budget, 19_000), 30);
    }

    #[test]
    fn other_settings_keep_what_was_counted() {
        let budget = Budget::new(BudgetSettings::default());
        requests(&budget, 1_000, 0);
        assert_eq!(spend(&budget, 0), 200);
        budget.configure(BudgetSettings { share: Percent::new(50), minimum: 0 });
        assert_eq!(spend(&budget, 0), 300);
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Advance(u64),
        Requests(u32),
        Spend(u32),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (0_u64..6_000).prop_map(Step::Advance),
            (1_u32..200).prop_map(Step::Requests),
            (1_u32..100).prop_map(Step::Spend),
        ];
        prop::collection::vec(step, 1..80)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn retries_never_exceed_what_requests_and_seconds_allow(
            steps in steps(),
            share in 0_u8..=100,
            minimum in 0_u32..5,
        ) {
            let budget = Budget::new(BudgetSettings { share: Percent::new(share), minimum });
            let (mut now, mut requested, mut retried) = (0, 0_u64, 0_u64);
            for step in steps {
                match step {
                    Step::Advance(millis) => now += millis,
                    Step::Requests(count) => {
                        requests(&budget, count, now);
                        requested += u64::from(count);
                    }
                    Step::Spend(tries) => {
                        let granted = (0..tries).filter(|_| budget.try_spend(at(now))).count();
                        retried += granted as u64;
                    }
                }
                // Windows that end at a retry and do not overlap cover all retries; each allows its
                // own requests' share and, begun or not, ten seconds of the minimum.
                let windows = Duration::from_millis(now).as_secs() / 10 + 1;
                let allowed = requested * u64::from(share) / 100 + windows * u64::from(minimum) * 10;
                prop_assert!(retried <= allowed, "{retried} of {allowed} after {now} ms");
            }
        }

        #[test]
        fn a_retry_is_granted_exactly_while_the_window_has_one_left(steps in steps()) {
            let budget = Budget::new(BudgetSettings::default());
            let (mut now, mut asked, mut spent) = (0, Vec::new(), Vec::new());
            for step in steps {
                let slice = now / 1_000;
                let acknowledged = |times: &Vec<u64>| times.iter().filter(|time| **time + 10 > slice).count();
                match step {
                    Step::Advance(millis) => now += millis,
                    Step::Requests(count) => {
                        requests(&budget, count, now);
                        (0..count).for_each(|_| asked.push(slice));
                    }
                    Step::Spend(tries) => for _ in 0..tries {
                        let limit = (acknowledged(&asked) / 5).max(30);
                        let granted = budget.try_spend(at(now));
                        prop_assert_eq!(granted, acknowledged(&spent) < limit);
                        if granted {
                            spent.push(slice);
                        }
                    }
                }
            }
        }
    }
}
