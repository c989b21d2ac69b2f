use std::time::Duration;

use super::{Breaker, BreakerState, Ending, Permit, Transition};
use crate::clock::Tick;
use crate::policy::Percent;
use crate::resilience::breaker::BreakerSettings;
use crate::resilience::settings::Resilience;

const LINK: u64 = 1;

fn at(millis: u64) -> Tick {
    Tick::from_millis(1_000_000 + millis)
}

fn breaker() -> Breaker {
    Breaker::new(BreakerSettings { recovery_jitter: Percent::new(0), ..BreakerSettings::default() })
}

fn take(breaker: &Breaker, millis: u64) -> Permit {
    breaker.acquire(at(millis), LINK).0.expect("a permit")
}

fn end(breaker: &Breaker, millis: u64, ending: Ending) -> Option<Transition> {
    take(breaker, millis).end(ending, at(millis), 0.5)
}

fn open(breaker: &Breaker, millis: u64) {
    while breaker.state() != BreakerState::Open {
        end(breaker, millis, Ending::Failure);
    }
}

#[test]
fn it_opens_after_failures_in_a_row_and_not_after_one_blip() {
    let breaker = breaker();
    for _ in 0..4 {
        assert_eq!(end(&breaker, 0, Ending::Failure), None);
    }
    end(&breaker, 0, Ending::Success);
    for _ in 0..4 {
        assert_eq!(end(&breaker, 0, Ending::Failure), None);
    }
    let transition = end(&breaker, 0, Ending::Failure);
    let expected = Transition { from: BreakerState::Closed, to: BreakerState::Open };
    assert_eq!(transition, Some(expected));
    assert!(breaker.acquire(at(4_999), LINK).0.is_none());
}

#[test]
fn it_opens_when_half_of_enough_calls_fail() {
    let breaker = breaker();
    for call in 0..19 {
        end(&breaker, call * 100, if call % 2 == 0 { Ending::Failure } else { Ending::Success });
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
    end(&breaker, 1_900, Ending::Failure);
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn failures_older_than_the_window_do_not_count() {
    let breaker = breaker();
    for call in 0..18 {
        end(&breaker, 0, if call % 2 == 0 { Ending::Failure } else { Ending::Success });
    }
    for call in 0..18 {
        end(&breaker, 11_000, if call % 2 == 0 { Ending::Failure } else { Ending::Success });
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn half_open_admits_one_probe_and_closes_after_enough_of_them() {
    let breaker = breaker();
    open(&breaker, 0);
    let probe = take(&breaker, 5_000);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    assert!(breaker.acquire(at(5_000), LINK).0.is_none());
    probe.end(Ending::Success, at(5_001), 0.5);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    end(&breaker, 5_002, Ending::Success);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn a_failed_probe_opens_it_for_twice_as_long_up_to_a_cap() {
    let breaker = breaker();
    open(&breaker, 0);
    let mut now = 0;
    for pause in [5_000, 10_000, 20_000, 30_000, 30_000] {
        assert!(breaker.acquire(at(now + pause - 1), LINK).0.is_none(), "after {pause} ms");
        now += pause;
        end(&breaker, now, Ending::Failure);
        assert_eq!(breaker.state(), BreakerState::Open);
    }
}

#[test]
fn a_dropped_probe_gives_its_place_back() {
    let breaker = breaker();
    open(&breaker, 0);
    drop(take(&breaker, 5_000));
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    let _second = take(&breaker, 5_000);
}

#[test]
fn an_outcome_from_before_a_transition_is_ignored() {
    let breaker = breaker();
    let early = take(&breaker, 0);
    open(&breaker, 0);
    let probe = take(&breaker, 5_000);
    assert_eq!(early.end(Ending::Success, at(5_000), 0.5), None);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    drop(probe);
}

#[test]
fn a_new_link_is_probed_at_once() {
    let breaker = breaker();
    open(&breaker, 0);
    assert!(breaker.acquire(at(1), LINK).0.is_none());
    assert!(breaker.acquire(at(1), LINK + 1).0.is_some());
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
}

#[test]
fn late_failures_of_an_old_link_do_not_keep_the_new_one_from_a_probe() {
    let breaker = breaker();
    let old: Vec<_> = (0..5).map(|_| take(&breaker, 0)).collect();
    drop(breaker.acquire(at(1), LINK + 1));
    for permit in old {
        permit.end(Ending::Failure, at(2), 0.5);
    }
    assert_eq!(breaker.state(), BreakerState::Open);
    assert!(breaker.acquire(at(3), LINK).0.is_none());
    assert!(breaker.acquire(at(3), LINK + 1).0.is_some());
}

#[test]
fn a_refusal_says_when_to_come_back() {
    let breaker = breaker();
    assert_eq!(breaker.retry_after(at(0)), None);
    open(&breaker, 0);
    assert_eq!(breaker.retry_after(at(0)), Some(Duration::from_secs(5)));
    assert_eq!(breaker.retry_after(at(4_999)), Some(Duration::from_millis(1)));
    assert_eq!(breaker.retry_after(at(5_000)), None);
    let _probe = take(&breaker, 5_000);
    assert_eq!(breaker.retry_after(at(5_000)), None);
    breaker.isolate(Some(at(6_000)));
    assert_eq!(breaker.retry_after(at(5_000)), Some(Duration::from_secs(1)));
    breaker.isolate(None);
    assert_eq!(breaker.retry_after(at(5_000)), None);
}

#[test]
fn isolated_it_refuses_everything_until_resumed() {
    let breaker = breaker();
    let early = take(&breaker, 0);
    let isolated = Transition { from: BreakerState::Closed, to: BreakerState::Isolated };
    assert_eq!(breaker.isolate(None), Some(isolated));
    assert_eq!(breaker.isolate(None), None);
    assert!(breaker.acquire(at(1_000_000), LINK + 1).0.is_none());
    assert!(!breaker.admits(at(1_000_000), LINK + 1));
    assert_eq!(early.end(Ending::Success, at(0), 0.5), None);

    let resumed = Transition { from: BreakerState::Isolated, to: BreakerState::HalfOpen };
    assert_eq!(breaker.resume(), Some(resumed));
    assert_eq!(breaker.resume(), None);
    let _probe = take(&breaker, 0);
    assert!(breaker.acquire(at(0), LINK).0.is_none());
}

#[test]
fn an_isolation_with_an_end_is_followed_by_a_probe() {
    let breaker = breaker();
    breaker.isolate(Some(at(1_000)));
    assert!(breaker.acquire(at(999), LINK).0.is_none());
    let (probe, transition) = breaker.acquire(at(1_000), LINK);
    let resumed = Transition { from: BreakerState::Isolated, to: BreakerState::HalfOpen };
    assert!(probe.is_some());
    assert_eq!(transition, Some(resumed));
}

#[test]
fn resuming_changes_nothing_but_an_isolation() {
    let breaker = breaker();
    assert_eq!(breaker.resume(), None);
    open(&breaker, 0);
    assert_eq!(breaker.resume(), None);
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn new_settings_keep_state_window_and_permits() {
    let breaker = breaker();
    let early = take(&breaker, 0);
    for _ in 0..3 {
        end(&breaker, 0, Ending::Failure);
    }
    let strict = BreakerSettings { failure_threshold: 4, ..BreakerSettings::default() };
    assert_eq!(breaker.configure(strict), None);
    assert_eq!(breaker.state(), BreakerState::Closed);
    early.end(Ending::Failure, at(0), 0.5);
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn disabled_in_the_middle_of_a_probe_it_starts_anew_when_enabled() {
    let breaker = breaker();
    open(&breaker, 0);
    let probe = take(&breaker, 5_000);
    let disabled = BreakerSettings { enabled: false, ..BreakerSettings::default() };
    let transition = Transition { from: BreakerState::HalfOpen, to: BreakerState::Disabled };
    assert_eq!(breaker.configure(disabled), Some(transition));
    let loose = [take(&breaker, 5_000), take(&breaker, 5_000)];
    probe.end(Ending::Failure, at(5_000), 0.5);
    let transition = Transition { from: BreakerState::Disabled, to: BreakerState::Closed };
    assert_eq!(breaker.configure(BreakerSettings::default()), Some(transition));
    for permit in loose {
        assert_eq!(permit.end(Ending::Failure, at(5_000), 0.5), None);
    }
    for _ in 0..4 {
        end(&breaker, 5_000, Ending::Failure);
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn isolation_outranks_the_settings() {
    let disabled = || BreakerSettings { enabled: false, ..BreakerSettings::default() };
    let breaker = Breaker::new(disabled());
    breaker.isolate(None);
    assert_eq!(breaker.configure(BreakerSettings::default()), None);
    assert_eq!(breaker.configure(disabled()), None);
    assert_eq!(breaker.state(), BreakerState::Isolated);
    breaker.resume();
    assert_eq!(breaker.state(), BreakerState::Disabled);
}

#[test]
fn the_longest_recovery_time_is_no_overflow() {
    let settings = BreakerSettings { recovery_time: Duration::MAX, ..BreakerSettings::default() };
    let breaker = Breaker::new(settings);
    for _ in 0..5 {
        take(&breaker, 0).end(Ending::Failure, at(0), 1.0);
    }
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn jitter_spreads_the_recovery() {
    let settings = BreakerSettings::default();
    let recovery = |random| settings.recovery_after(0, random);
    assert_eq!(recovery(0.0), Duration::from_secs(4));
    assert_eq!(recovery(1.0), Duration::from_secs(6));
}

#[test]
fn disabled_it_only_watches() {
    let breaker = Breaker::new(BreakerSettings { enabled: false, ..BreakerSettings::default() });
    for _ in 0..100 {
        end(&breaker, 0, Ending::Failure);
    }
    assert_eq!(breaker.state(), BreakerState::Disabled);
}

#[test]
fn a36_a37_the_guides_numbers_open_after_five_and_probe_once_after_thirty_seconds() {
    let breaker = Breaker::new(Resilience::guide().breaker);
    for _ in 0..5 {
        assert_eq!(breaker.state(), BreakerState::Closed);
        end(&breaker, 0, Ending::Failure);
    }
    assert!(breaker.acquire(at(29_999), LINK).0.is_none());
    let probe = take(&breaker, 30_000);
    assert!(breaker.acquire(at(30_000), LINK).0.is_none());
    probe.end(Ending::Success, at(30_000), 0.5);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

fn refuse(breaker: &Breaker) {
    while breaker.state() != BreakerState::Open {
        end(breaker, 0, Ending::Refused);
    }
}

#[test]
fn what_was_opened_by_a_refusal_lets_one_operation_through_each_second_and_tells_nothing_of_it() {
    let breaker = breaker();
    refuse(&breaker);
    for second in 1..5 {
        let (early, now) = (second * 1_000 - 1, second * 1_000);
        assert!(breaker.acquire(at(early), LINK).0.is_none());
        let (trial, transition) = breaker.acquire(at(now), LINK);
        assert!(breaker.acquire(at(now), LINK).0.is_none(), "one");
        assert_eq!(transition, None);
        assert_eq!(trial.unwrap().end(Ending::Refused, at(now), 0.5), None);
    }
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn a_trial_that_is_done_leads_to_half_open_and_the_next_one_closes() {
    let breaker = breaker();
    refuse(&breaker);
    let told = end(&breaker, 1_000, Ending::Success);
    assert_eq!(told, Some(Transition { from: BreakerState::Open, to: BreakerState::HalfOpen }));
    let told = end(&breaker, 1_000, Ending::Success);
    assert_eq!(told, Some(Transition { from: BreakerState::HalfOpen, to: BreakerState::Closed }));
}

#[test]
fn a_trial_that_is_not_answered_ends_them() {
    let breaker = breaker();
    refuse(&breaker);
    assert_eq!(end(&breaker, 1_000, Ending::Failure), None, "it is still open");
    assert!(breaker.acquire(at(10_999), LINK).0.is_none(), "for twice as long");
    assert!(breaker.acquire(at(11_000), LINK).0.is_some());
}

#[test]
fn a_trial_that_is_dropped_gives_its_place_back() {
    let breaker = breaker();
    refuse(&breaker);
    drop(take(&breaker, 1_000));
    drop(take(&breaker, 1_000));
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn nothing_is_tried_where_nothing_was_answered() {
    let breaker = breaker();
    for ending in [Ending::Refused; 4].into_iter().chain([Ending::Failure]) {
        end(&breaker, 0, ending);
    }
    assert_eq!(breaker.state(), BreakerState::Open);
    assert!(breaker.acquire(at(4_999), LINK).0.is_none());
}
