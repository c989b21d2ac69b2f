//! Stale values: when they answer, and when they must not.

use std::future::pending;
use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{Cache, Invalidated, Memory, MemoryRole, athena_cache, of};
use tokio::task::JoinSet;

use crate::world::{
    FORMS, Fault, Form, GRACE, Gate, Origin, Remote, THROTTLE, TTL, World, others_rest, until,
};

const MOMENT: Duration = Duration::from_millis(1);

#[tokio::test]
async fn g1_a_failed_load_serves_the_stale_entry_and_none_is_tried_during_the_throttle() {
    for form in FORMS {
        let world = World::in_memory();
        let (cache, origin) = (&world.cache, Origin::default());
        form.graceful(cache, "k", origin.returns(Ok(1))).await;
        world.advance(TTL);
        let answer = form.graceful(cache, "k", origin.returns(Err(Fault::Down))).await;
        assert_eq!(answer.value, Ok(1));
        assert!(answer.outcome.stale);
        assert_eq!(answer.outcome.age, TTL);
        world.advance(THROTTLE - MOMENT);
        let answer = form.graceful(cache, "k", origin.returns(Ok(2))).await;
        assert_eq!(answer.value, Ok(1));
        assert_eq!(origin.loads(), 2, "no further load during the throttle");
        world.advance(MOMENT);
        let answer = form.graceful(cache, "k", origin.returns(Ok(2))).await;
        assert_eq!(answer.value, Ok(2));
        assert_eq!(origin.loads(), 3, "exactly one after it");
        assert!(!answer.outcome.stale);
    }
}

#[tokio::test]
async fn g1_the_throttle_holds_with_a_backend_too() {
    for form in FORMS {
        let remote = Remote::new();
        let (cache, origin) = (&remote.world.cache, Origin::default());
        form.graceful(cache, "k", origin.returns(Ok(1))).await;
        cache.settle().await;
        remote.world.advance(TTL);
        for _ in 0..3 {
            let answer = form.graceful(cache, "k", origin.returns(Err(Fault::Down))).await;
            assert_eq!(answer.value, Ok(1));
            assert!(answer.outcome.stale);
        }
        assert_eq!(origin.loads(), 2);
    }
}

#[tokio::test]
async fn g2_staleness_never_exceeds_grace() {
    for form in FORMS {
        let remote = Remote::new();
        let (cache, origin) = (&remote.world.cache, Origin::default());
        form.graceful(cache, "k", origin.returns(Ok(1))).await;
        cache.settle().await;
        let mut age = Duration::ZERO;
        while age + THROTTLE < TTL + GRACE {
            remote.world.advance(THROTTLE);
            age += THROTTLE;
            let answer = form.graceful(cache, "k", origin.returns(Err(Fault::Down))).await;
            assert_eq!(answer.value, Ok(1), "repeated failures do not shorten grace");
            assert_eq!(answer.outcome.age, age);
        }
        // A process that starts late gets the copy with the age it has.
        let late = remote.neighbour();
        let answer = form.graceful(&late, "k", origin.returns(Err(Fault::Down))).await;
        assert_eq!(answer.value, Ok(1));
        assert_eq!(answer.outcome.age, age);
        remote.world.advance(TTL + GRACE - age);
        for cache in [cache, &late] {
            let answer = form.graceful(cache, "k", origin.returns(Err(Fault::Down))).await;
            assert_eq!(answer.value, Err(Fault::Down));
        }
    }
}

#[tokio::test]
async fn g3_a_stale_value_is_never_written_to_the_backend_again() {
    for form in FORMS {
        let remote = Remote::new();
        let (cache, origin) = (&remote.world.cache, Origin::default());
        form.graceful(cache, "k", origin.returns(Ok(1))).await;
        cache.settle().await;
        remote.world.advance(TTL);
        remote.chaos.forget_operations();
        form.graceful(cache, "k", origin.returns(Err(Fault::Down))).await;
        form.graceful(cache, "k", origin.returns(Err(Fault::Down))).await;
        cache.settle().await;
        let writes = ["fill", "bump"];
        assert!(!remote.chaos.operations().iter().any(|operation| writes.contains(operation)));
        assert_eq!(cache.stats().fills, 1);
    }
}

#[athena_cache(
    ttl = "10s", grace = "1m", key = "choosy", skip(result), cache = cache,
    grace_unless = |error| matches!(error, Fault::NotFound)
)]
async fn choosy(cache: &Cache, result: Result<u32, Fault>) -> Result<u32, Fault> {
    result
}

#[tokio::test]
async fn g4_an_excluded_error_is_not_answered_with_an_old_value() {
    let world = World::in_memory();
    choosy(&world.cache, Ok(1)).await.unwrap();
    world.advance(TTL);
    let excluded = choosy(&world.cache, Err(Fault::NotFound)).await;
    assert_eq!(excluded, Err(Fault::NotFound));
    assert_eq!(choosy(&world.cache, Err(Fault::Down)).await, Ok(1));
}

#[tokio::test]
async fn g5_the_soft_timeout_acts_only_when_a_stale_value_exists() {
    for form in FORMS {
        let world = World::in_memory();
        let (origin, gate) = (Origin::default(), Gate::closed());
        let (cache, load) = (world.cache.clone(), origin.waits(&gate, Ok(1)));
        let cold = tokio::spawn(async move { form.background(&cache, "k", load).await });
        until("the load", || origin.loads() == 1).await;
        world.advance(Duration::from_secs(1));
        others_rest().await;
        assert!(!cold.is_finished(), "a cold key waits");
        gate.open();
        assert_eq!(cold.await.unwrap().value, Ok(1));

        world.advance(TTL);
        let slow = Gate::closed();
        let (cache, load) = (world.cache.clone(), origin.waits(&slow, Ok(2)));
        let warm = tokio::spawn(async move { form.background(&cache, "k", load).await });
        until("the timers", || origin.loads() == 2 && world.clock.sleepers() == 2).await;
        world.advance(Duration::from_millis(100));
        let answer = warm.await.unwrap();
        assert_eq!(answer.value, Ok(1));
        assert!(answer.outcome.stale);
        slow.open();
        world.cache.settle().await;
        let answer = form.background(&world.cache, "k", origin.returns(Ok(3))).await;
        assert_eq!(answer.value, Ok(2), "the load went on and was kept");
        assert_eq!(origin.loads(), 2);
    }
}

#[tokio::test]
async fn g6_the_hard_timeout_serves_stale_or_a_typed_error() {
    for form in FORMS {
        let world = World::in_memory();
        let origin = Origin::default();
        let cache = world.cache.clone();
        let cold = tokio::spawn(async move { form.hard(&cache, "k", pending()).await });
        until("the timer", || world.clock.sleepers() == 1).await;
        world.advance(Duration::from_secs(1));
        let error = cold.await.unwrap().value.unwrap_err();
        assert!(matches!(&error, Fault::Cache(text) if text.contains("hard timeout")), "{error:?}");

        form.hard(&world.cache, "k", origin.returns(Ok(1))).await;
        world.advance(TTL);
        let cache = world.cache.clone();
        let warm = tokio::spawn(async move { form.hard(&cache, "k", pending()).await });
        until("the timer", || world.clock.sleepers() == 1).await;
        world.advance(Duration::from_secs(1));
        let answer = warm.await.unwrap();
        assert_eq!(answer.value, Ok(1));
        assert!(answer.outcome.stale);
        assert_eq!(world.cache.stats().load_timeouts, 2);
    }
}

#[tokio::test]
async fn g7_twenty_callers_around_the_soft_timeout_make_one_load_which_fills_once() {
    for form in FORMS {
        let remote = Remote::new();
        let world = &remote.world;
        let (origin, gate) = (Origin::default(), Gate::closed());
        form.background(&world.cache, "k", origin.returns(Ok(1))).await;
        world.cache.settle().await;
        world.advance(TTL);
        let mut callers = JoinSet::new();
        for _ in 0..10 {
            let (cache, load) = (world.cache.clone(), origin.waits(&gate, Ok(2)));
            callers.spawn(async move { form.background(&cache, "k", load).await.value });
        }
        until("the load", || origin.loads() == 2).await;
        others_rest().await;
        world.advance(Duration::from_millis(100));
        others_rest().await;
        for _ in 0..10 {
            let (cache, load) = (world.cache.clone(), origin.waits(&gate, Ok(3)));
            callers.spawn(async move { form.background(&cache, "k", load).await.value });
        }
        others_rest().await;
        gate.open();
        let answers = callers.join_all().await;
        assert!(answers.iter().all(|value| matches!(value, Ok(1 | 2))), "{answers:?}");
        world.cache.settle().await;
        assert_eq!(origin.loads(), 2, "one load, {form:?}");
        let fills = remote.chaos.operations().into_iter().filter(|name| *name == "fill");
        assert_eq!(fills.count(), 2, "the first value and this one");
        let answer = form.background(&world.cache, "k", origin.returns(Ok(4))).await;
        assert_eq!(answer.value, Ok(2));
    }
}

#[tokio::test]
async fn g8_a_late_load_that_fails_leaves_the_stale_entry_in_place() {
    for form in FORMS {
        let world = World::in_memory();
        let (origin, gate) = (Origin::default(), Gate::closed());
        form.background(&world.cache, "k", origin.returns(Ok(1))).await;
        world.advance(TTL);
        let (cache, load) = (world.cache.clone(), origin.waits(&gate, Err(Fault::Down)));
        let caller = tokio::spawn(async move { form.background(&cache, "k", load).await });
        until("the timers", || origin.loads() == 2 && world.clock.sleepers() == 2).await;
        world.advance(Duration::from_millis(100));
        assert_eq!(caller.await.unwrap().value, Ok(1));
        gate.open();
        world.cache.settle().await;
        let answer = form.background(&world.cache, "k", origin.returns(Err(Fault::Down))).await;
        assert_eq!(answer.value, Ok(1));
        assert!(answer.outcome.stale);
    }
}

#[tokio::test]
async fn g8_a_late_load_that_panics_harms_nobody() {
    let world = World::in_memory();
    let origin = Origin::default();
    let form = Form::Attribute;
    form.background(&world.cache, "k", origin.returns(Ok(1))).await;
    world.advance(TTL);
    let answer = form.background(&world.cache, "k", async { panic!("of the body") }).await;
    assert_eq!(answer.value, Ok(1));
    assert!(answer.outcome.stale);
    let answer = form.background(&world.cache, "k", origin.returns(Ok(2))).await;
    assert_eq!((answer.value, origin.loads()), (Ok(1), 1), "as after any load that failed");
    world.advance(THROTTLE);
    let answer = form.background(&world.cache, "k", origin.returns(Ok(2))).await;
    assert_eq!(answer.value, Ok(2));
}

#[tokio::test]
async fn i5_expire_keeps_the_value_for_grace_and_invalidate_does_not() {
    for world in [World::in_memory(), Remote::new().world] {
        let cache = &world.cache;
        let stale = |answer: Result<u32, Fault>| answer == Ok(1);
        for form in FORMS {
            let origin = Origin::default();
            form.graceful(cache, "k", origin.returns(Ok(1))).await;
            cache.settle().await;
            cache.entry("graceful:k").expire().await.unwrap();
            let answer = form.graceful(cache, "k", origin.returns(Err(Fault::Down))).await;
            assert!(stale(answer.value) && answer.outcome.stale, "{form:?}");
            let _ = cache.entry("graceful:k").invalidate().await;
            let answer = form.graceful(cache, "k", origin.returns(Err(Fault::Down))).await;
            assert_eq!(answer.value, Err(Fault::Down));
        }
    }
}

#[tokio::test]
async fn of_expire_is_the_same() {
    let world = World::in_memory();
    choosy(&world.cache, Ok(1)).await.unwrap();
    of(choosy(&world.cache, Ok(2))).expire().await.unwrap();
    assert_eq!(choosy(&world.cache, Err(Fault::Down)).await, Ok(1));
    assert_eq!(of(choosy(&world.cache, Ok(2))).peek().await.unwrap(), None);
}

#[tokio::test]
async fn g2_a_value_whose_grace_ends_during_the_soft_timeout_does_not_answer() {
    for form in FORMS {
        let (world, origin, gate) = (World::in_memory(), Origin::default(), Gate::closed());
        form.background(&world.cache, "k", origin.returns(Ok(1))).await;
        let soon = Duration::from_millis(50);
        world.advance(TTL + GRACE - soon);
        let (cache, load) = (world.cache.clone(), origin.waits(&gate, Ok(2)));
        let late = tokio::spawn(async move { form.background(&cache, "k", load).await });
        until("the load", || origin.loads() == 2).await;
        others_rest().await;
        // Past the grace, and past the soft timeout.
        world.advance(2 * soon);
        others_rest().await;
        gate.open();
        assert_eq!(late.await.unwrap().value, Ok(2), "{form:?}");
    }
}

#[tokio::test]
async fn where_memory_keeps_nothing_no_stale_value_is_kept_or_served_from_it() {
    for form in FORMS {
        let (origin, mut memory) = (Origin::default(), Memory::default());
        memory.role = MemoryRole::Off;
        let remote = Remote::with(|builder| builder.memory(memory));
        let cache = &remote.world.cache;
        form.graceful(cache, "k", origin.returns(Ok(1))).await;
        cache.settle().await;
        remote.world.advance(TTL);
        let answer = form.graceful(cache, "k", origin.returns(Err(Fault::Down))).await;
        assert_eq!((answer.value, answer.outcome.stale), (Ok(1), true), "it is the backend's");
        form.graceful(cache, "k", origin.returns(Err(Fault::Down))).await;
        assert_eq!(origin.loads(), 2, "the failure holds off the next load all the same");
        remote.chaos.always(Chaotic::Error(Class::Unreachable));
        let answer = form.graceful(cache, "k", origin.returns(Err(Fault::Down))).await;
        assert_eq!(answer.value, Err(Fault::Down), "{form:?}");
    }
}

/// Ends well at once, or panics once the gate is open.
#[athena_cache(
    ttl = "10s", grace = "1m", soft_timeout = "100ms", key = "unsteady", skip(gate, value), cache = cache
)]
async fn unsteady(cache: Cache, gate: Gate, value: Option<u32>) -> Result<u32, Fault> {
    if value.is_none() {
        Origin::default().waits(&gate, ()).await;
    }
    Ok(value.expect("of the body"))
}

#[tokio::test]
async fn what_may_not_answer_any_more_does_not_answer_for_a_load_that_panics() {
    for is_invalidated in [false, true] {
        let world = World::in_memory();
        let call = |gate: &Gate, value| {
            let (cache, gate) = (world.cache.clone(), gate.clone());
            tokio::spawn(async move { unsteady(cache, gate, value).await })
        };
        let gate = Gate::closed();
        assert_eq!(call(&gate, Some(1)).await.unwrap(), Ok(1));
        world.advance(TTL);
        let waiting = call(&gate, None);
        others_rest().await;
        if is_invalidated {
            assert_eq!(world.cache.invalidate("unsteady").await, Invalidated::Done);
        } else {
            // Within the soft timeout: the clock stands for it.
            world.advance(Duration::from_mins(1));
        }
        gate.open();
        let answer = waiting.await;
        assert!(answer.is_err_and(|error| error.is_panic()), "as without a cache");
    }
}

/// Of a type that cannot be cloned.
#[derive(Debug, PartialEq, Eq)]
struct Unique(u32);

#[athena_cache(
    ttl = "10s", grace = "1m", grace_unless = |error| error.0 == 7, soft_timeout = "100ms",
    key = "unique", skip(gate, result), cache = cache
)]
async fn unique(cache: Cache, gate: Gate, result: Result<u32, u32>) -> Result<u32, Unique> {
    if result.is_err() {
        Origin::default().waits(&gate, ()).await;
    }
    result.map_err(Unique)
}

#[tokio::test]
async fn g4_an_excluded_error_that_cannot_be_cloned_reaches_the_caller_beside_whom_it_was_loaded() {
    for (error, answer) in [(7, Err(Unique(7))), (8, Ok(1))] {
        let (world, gate) = (World::in_memory(), Gate::closed());
        assert_eq!(unique(world.cache.clone(), gate.clone(), Ok(1)).await, Ok(1));
        world.advance(TTL);
        let call = unique(world.cache.clone(), gate.clone(), Err(error));
        let call = tokio::spawn(call);
        others_rest().await;
        gate.open();
        assert_eq!(call.await.unwrap(), answer);
    }
}
