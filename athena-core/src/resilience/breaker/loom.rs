//! Every interleaving of two threads at one breaker.
//!
//! `RUSTFLAGS="--cfg athena_loom" cargo test -p athena-cache-core --lib --target-dir target/loom loom`

use std::time::Duration;

use loom::thread;

use super::{Breaker, BreakerState, Ending, Permit, Transition};
use crate::clock::Tick;
use crate::policy::Percent;
use crate::resilience::breaker::BreakerSettings;
use crate::resilience::sync::Arc;

const LINK: u64 = 1;
const RECOVERY: Duration = Duration::from_secs(5);

/// Opens on one failure, closes on one success.
fn breaker() -> Arc<Breaker> {
    Arc::new(Breaker::new(BreakerSettings {
        failure_threshold: 1,
        recovery_time: RECOVERY,
        recovery_jitter: Percent::new(0),
        half_open_successes: 1,
        ..BreakerSettings::default()
    }))
}

fn open() -> Arc<Breaker> {
    let breaker = breaker();
    let permit = breaker.acquire(opened(), LINK).0.expect("closed, it admits");
    permit.end(Ending::Failure, opened(), 0.5);
    breaker
}

fn opened() -> Tick {
    Tick::from_millis(1_000_000)
}

fn recovered() -> Tick {
    opened().after(RECOVERY)
}

fn acquire(breaker: &Breaker) -> (Option<Permit>, Option<Transition>) {
    breaker.acquire(recovered(), LINK)
}

#[test]
fn of_two_threads_one_gets_the_probe_and_one_tells_the_transition() {
    loom::model(|| {
        let breaker = open();
        let other = Arc::clone(&breaker);
        let other = thread::spawn(move || acquire(&other));
        let (mine, told) = acquire(&breaker);
        let (theirs, told_too) = other.join().expect("no panic");
        assert!(mine.is_some() ^ theirs.is_some());
        assert!(told.is_some() ^ told_too.is_some());
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
    });
}

#[test]
fn a_dropped_probe_gives_its_place_to_exactly_one() {
    loom::model(|| {
        let breaker = open();
        let probe = acquire(&breaker).0;
        let other = thread::spawn(move || drop(probe));
        let early = acquire(&breaker).0;
        other.join().expect("no panic");
        let late = acquire(&breaker).0;
        assert!(early.is_some() ^ late.is_some());
    });
}

#[test]
fn a_late_outcome_of_an_earlier_generation_changes_nothing() {
    loom::model(|| {
        let breaker = breaker();
        let [opening, late] = [(); 2].map(|()| breaker.acquire(opened(), LINK).0.expect("closed"));
        let other = thread::spawn(move || late.end(Ending::Failure, opened(), 0.5));
        let told = opening.end(Ending::Failure, opened(), 0.5);
        let probe = acquire(&breaker).0.expect("recovered, it admits");
        let closing = probe.end(Ending::Success, recovered(), 0.5);
        let told_too = other.join().expect("no panic");
        assert!(told.is_some() ^ told_too.is_some());
        assert_eq!(closing.map(|transition| transition.to), Some(BreakerState::Closed));
        assert_eq!(breaker.state(), BreakerState::Closed);
    });
}

#[test]
fn an_isolation_survives_a_probe_that_ends_meanwhile() {
    loom::model(|| {
        let breaker = open();
        let probe = acquire(&breaker).0.expect("recovered, it admits");
        let other = thread::spawn(move || probe.end(Ending::Success, recovered(), 0.5));
        let isolated = breaker.isolate(None).expect("it was not isolated");
        let closed = other.join().expect("no panic");
        let from = if closed.is_some() { BreakerState::Closed } else { BreakerState::HalfOpen };
        assert_eq!(isolated, Transition { from, to: BreakerState::Isolated });
        assert_eq!(breaker.state(), BreakerState::Isolated);
        assert!(acquire(&breaker).0.is_none());
    });
}

#[test]
fn two_failures_at_once_open_it_once() {
    loom::model(|| {
        let breaker = breaker();
        let [mine, theirs] = [(); 2].map(|()| breaker.acquire(opened(), LINK).0.expect("closed"));
        let other = thread::spawn(move || theirs.end(Ending::Failure, opened(), 0.5));
        let told = mine.end(Ending::Failure, opened(), 0.5);
        let told_too = other.join().expect("no panic");
        assert!(told.is_some() ^ told_too.is_some());
        assert_eq!(breaker.retry_after(opened()), Some(RECOVERY));
    });
}
