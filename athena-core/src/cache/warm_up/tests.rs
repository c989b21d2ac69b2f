//! Warm-ups on a clock that the tests move.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::testing::ManualClock;

/// Moves the clock on whenever somebody sleeps, until the future has ended.
async fn driven<T>(clock: &ManualClock, future: impl Future<Output = T>) -> (T, Duration) {
    let (mut future, mut passed) = (pin!(future), Duration::ZERO);
    loop {
        tokio::select! {
            biased;
            output = &mut future => return (output, passed),
            () = tokio::task::yield_now() => {
                if clock.sleepers() > 0 {
                    clock.advance(Duration::from_millis(1));
                    passed += Duration::from_millis(1);
                }
            }
        }
    }
}

fn cache(clock: &ManualClock) -> Cache {
    Cache::builder("shop").clock(clock).build().unwrap()
}

#[tokio::test]
async fn it_calls_each_once_and_no_more_in_a_second_than_was_said() {
    let clock = ManualClock::new();
    let cache = cache(&clock);
    let (under_way, most, loads) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let call = async |number: u32| {
        let now = under_way.fetch_add(1, Ordering::SeqCst) + 1;
        most.fetch_max(now, Ordering::SeqCst);
        Clock::from(clock.clone()).sleep(Duration::from_millis(500)).await;
        under_way.fetch_sub(1, Ordering::SeqCst);
        let cache = Cache::current().expect("calls are inside of it");
        let entry = cache.entry(format!("product:{number}")).ttl(Duration::from_secs(60));
        entry
            .get_or_load(async || {
                loads.fetch_add(1, Ordering::SeqCst);
                if number == 3 { Err(()) } else { Ok(number) }
            })
            .await
    };
    let warming = cache.warm_up((0..20).map(&call)).concurrency(3).per_second(10).run();
    let (warmed, took) = driven(&clock, warming).await;
    assert_eq!(warmed, WarmedUp { called: 20, panicked: 0, is_complete: true });
    assert_eq!((loads.load(Ordering::SeqCst), most.load(Ordering::SeqCst)), (20, 3));
    assert!(took >= Duration::from_millis(1_900), "{took:?}");
    assert_eq!(cache.stats().loads, 19, "one failed");
}

#[tokio::test]
async fn it_ends_at_its_limit() {
    let clock = ManualClock::new();
    let cache = cache(&clock);
    let calls = std::iter::repeat_with(std::future::pending::<()>);
    let warming = cache.warm_up(calls).limit(Duration::from_secs(1)).run();
    let (warmed, took) = driven(&clock, warming).await;
    assert_eq!(warmed, WarmedUp { called: 0, panicked: 0, is_complete: false });
    assert_eq!(took, Duration::from_secs(1));
    let calls = std::iter::repeat_with(|| std::future::ready(()));
    let warming = cache.warm_up(calls).per_second(10).limit(Duration::from_millis(950)).run();
    let (warmed, _) = driven(&clock, warming).await;
    assert_eq!((warmed.called, warmed.is_complete), (10, false));
}

#[tokio::test]
async fn a_call_that_panics_ends_no_other() {
    let clock = ManualClock::new();
    let cache = cache(&clock);
    let call = async |number: u32| assert!(!number.is_multiple_of(3), "on purpose");
    let warming = cache.warm_up((0..9).map(&call)).per_second(1_000).run();
    let (warmed, _) = driven(&clock, warming).await;
    assert_eq!(warmed, WarmedUp { called: 9, panicked: 3, is_complete: true });
    // What makes the calls is asked no more once it has panicked.
    let calls = (0..9).map(|number| {
        assert!(number != 4, "on purpose");
        std::future::ready(number)
    });
    let (warmed, _) = driven(&clock, cache.warm_up(calls).per_second(1_000).run()).await;
    assert_eq!(warmed, WarmedUp { called: 4, panicked: 1, is_complete: false });
}

#[tokio::test]
async fn a_cache_is_not_ready_before_it_is_warm_if_that_is_asked_for() {
    let clock = ManualClock::new();
    let cache = cache(&clock);
    let checks = cache.health_checks();
    let second = Duration::from_secs(1);
    assert!(checks.is_ready().await);
    let warm_up = |calls: u32| {
        let calls = (0..calls).map(std::future::ready);
        cache.warm_up(calls).per_second(1).hold_ready(10 * second)
    };
    // It holds before it runs, and while it runs.
    let short = warm_up(3);
    assert!(!checks.is_ready().await);
    let found = &checks.report().await.entries["warm_up"];
    let said = found.description.as_deref().unwrap();
    assert_eq!(said, "it is being warmed up, for 10s more at most");
    let (warmed, took) = driven(&clock, short.run()).await;
    assert_eq!((warmed.called, took), (3, 2 * second));
    assert!(checks.is_ready().await, "at once, whatever was reported last");
    // One that takes too long holds nobody up, and one that is given up neither.
    let long = warm_up(30);
    assert!(!checks.is_ready().await);
    {
        let mut running = pin!(long.run());
        tokio::select! {
            biased;
            _ = running.as_mut() => panic!("there is more to do"),
            () = tokio::task::yield_now() => {}
        }
        clock.advance(10 * second);
        assert!(checks.is_ready().await);
    }
    let (one, other) = (warm_up(1), warm_up(1));
    drop(one);
    clock.advance(2 * second);
    assert!(!checks.is_ready().await);
    drop(other);
    clock.advance(2 * second);
    assert!(checks.is_ready().await);
}
