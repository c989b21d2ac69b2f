//! A backend that fails, and what callers notice of it: nothing.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{
    BreakerState, Cache, Event, Fallback, Memory, Observer, Resilience, Source, athena_cache,
};

use crate::world::{FORMS, Fault, Form, Gate, Origin, Remote, TTL, once, until};

const DOWN: Chaotic = Chaotic::Error(Class::Unreachable);

#[tokio::test]
async fn r1_the_breaker_opens_on_failures_of_the_backend_and_not_on_others() {
    for (class, opens) in [
        (Class::Timeout, true),
        (Class::Unreachable, true),
        (Class::Disconnected, true),
        (Class::Unready, true),
        (Class::Overloaded, false),
        (Class::Rejected, false),
        (Class::Denied, false),
    ] {
        let remote = Remote::new();
        let origin = Origin::default();
        remote.chaos.always(Chaotic::Error(class));
        for number in 0..10 {
            Form::Entry
                .plain(&remote.world.cache, &number.to_string(), origin.returns(Ok(1)))
                .await;
        }
        let state = remote.world.cache.breaker().unwrap();
        assert_eq!(state == BreakerState::Open, opens, "{class}");
        assert_eq!(origin.loads(), 10);
    }
}

#[tokio::test]
async fn r1_callers_that_are_dropped_and_bytes_that_do_not_decode_do_not_open_it() {
    let remote = Remote::new();
    let cache = &remote.world.cache;
    remote.chaos.always(Chaotic::Hang);
    for number in 0..20 {
        let name = number.to_string();
        let call = Form::Entry.plain(cache, &name, async { Ok(1) });
        tokio::select! {
            biased;
            _ = call => unreachable!("the backend hangs"),
            () = tokio::task::yield_now() => {}
        }
    }
    remote.chaos.heal();
    Form::Entry.plain(cache, "k", async { Ok(1) }).await;
    cache.settle().await;
    remote.chaos.always(Chaotic::Corrupt);
    for _ in 0..20 {
        Form::Entry.plain(cache, "k", async { Ok(1) }).await;
    }
    assert_eq!(cache.breaker(), Some(BreakerState::Closed));
    assert!(cache.stats().unreadable > 0);
}

#[tokio::test]
async fn r2_one_blip_does_not_open_it() {
    let remote = Remote::new();
    let origin = Origin::default();
    for _ in 0..10 {
        remote.chaos.next(1, DOWN);
        for _ in 0..5 {
            Form::Entry.plain(&remote.world.cache, "k", origin.returns(Ok(1))).await;
            remote.world.cache.settle().await;
        }
    }
    assert_eq!(remote.world.cache.breaker(), Some(BreakerState::Closed));
}

/// Writes down transitions.
#[derive(Debug, Clone, Default)]
struct Transitions(Arc<Mutex<Vec<(BreakerState, BreakerState)>>>);

impl Observer for Transitions {
    fn observe(&self, event: &Event<'_>) {
        if let Event::Breaker { from, to, .. } = event {
            self.0.lock().unwrap().push((*from, *to));
        }
    }
}

#[tokio::test]
async fn r4_a36_a45_while_open_nothing_is_sent_and_each_transition_is_told_once() {
    for form in FORMS {
        let seen = Transitions::default();
        let remote = Remote::with(|builder| {
            builder.observer(seen.clone()).resilience(once(Resilience::guide()))
        });
        let (cache, origin) = (&remote.world.cache, Origin::default());
        remote.chaos.always(Chaotic::Hang);
        for call in 0..5_usize {
            let (held, load) = (cache.clone(), origin.returns(Ok(1)));
            let caller = tokio::spawn(async move { form.plain(&held, "k", load).await });
            until("the attempt", || remote.world.clock.sleepers() == 1).await;
            remote.world.advance(Duration::from_secs(10));
            assert_eq!(caller.await.unwrap().value, Ok(1), "call {call}");
        }
        assert_eq!(cache.breaker(), Some(BreakerState::Open));
        assert_eq!(cache.stats().failures(Class::Timeout), 5);
        let sent = remote.chaos.operations().len();
        for _ in 0..100 {
            assert_eq!(form.plain(cache, "k", origin.returns(Ok(1))).await.value, Ok(1));
        }
        assert_eq!(remote.chaos.operations().len(), sent, "no byte on the wire");
        let expected = [(BreakerState::Closed, BreakerState::Open)];
        assert_eq!(*seen.0.lock().unwrap(), expected);
    }
}

#[tokio::test]
async fn a37_after_the_recovery_time_one_probe_decides() {
    let remote = Remote::with(|builder| builder.resilience(once(Resilience::guide())));
    let (cache, origin) = (&remote.world.cache, Origin::default());
    remote.chaos.always(DOWN);
    for _ in 0..5 {
        Form::Entry.plain(cache, "k", origin.returns(Ok(1))).await;
    }
    remote.world.advance(Duration::from_secs(30) - Duration::from_millis(1));
    remote.chaos.forget_operations();
    Form::Entry.plain(cache, "k", origin.returns(Ok(1))).await;
    assert!(remote.chaos.operations().is_empty());
    remote.world.advance(Duration::from_millis(1));
    for _ in 0..10 {
        Form::Entry.plain(cache, "k", origin.returns(Ok(1))).await;
    }
    assert_eq!(remote.chaos.operations(), ["read"], "one probe, which failed");
    assert_eq!(cache.breaker(), Some(BreakerState::Open));
    remote.chaos.heal();
    remote.world.advance(Duration::from_secs(30));
    Form::Entry.plain(cache, "k", origin.returns(Ok(1))).await;
    assert_eq!(cache.breaker(), Some(BreakerState::Closed));
}

#[tokio::test]
async fn a_lease_is_given_back_beside_a_probe() {
    let remote = Remote::new();
    let (origin, gate) = (Origin::default(), Gate::closed());
    remote.chaos.always(DOWN);
    for _ in 0..5 {
        Form::Entry.plain(&remote.world.cache, "k", origin.returns(Ok(1))).await;
    }
    remote.chaos.heal();
    remote.world.advance(Duration::from_secs(10));
    let spawn = |name: &'static str, load| {
        let cache = remote.world.cache.clone();
        tokio::spawn(async move { Form::Entry.plain(&cache, name, load).await })
    };
    let before = origin.loads();
    let failing = spawn("failing", origin.waits(&gate, Err(Fault::Down)));
    until("it loads", || origin.loads() > before).await;
    assert!(remote.store.names().iter().any(|name| name.ends_with(":l")));
    remote.chaos.on("read", Chaotic::Hang);
    let probe = spawn("probe", origin.waits(&gate, Ok(1)));
    until("it is asked", || remote.chaos.operations().ends_with(&["read"])).await;
    assert_eq!(remote.world.cache.breaker(), Some(BreakerState::HalfOpen));
    gate.open();
    failing.await.unwrap();
    let is_held = || remote.store.names().iter().any(|name| name.ends_with(":l"));
    until("the lease is given back", || !is_held()).await;
    probe.abort();
}

#[tokio::test]
async fn s7_a_lease_held_through_an_outage_is_given_back_after_it() {
    let remote = Remote::new();
    let (origin, gate) = (Origin::default(), Gate::closed());
    let cache = remote.world.cache.clone();
    let load = origin.waits(&gate, Err(Fault::Down));
    let failing = tokio::spawn(async move { Form::Entry.plain(&cache, "k", load).await });
    until("it loads", || origin.loads() == 1).await;
    remote.chaos.always(DOWN);
    gate.open();
    failing.await.unwrap();
    remote.world.cache.settle().await;
    let is_held = || remote.store.names().iter().any(|name| name.ends_with(":l"));
    assert!(is_held());
    remote.chaos.heal();
    until("it is tried again", || remote.world.clock.sleepers() > 0).await;
    remote.world.advance(Duration::from_millis(200));
    until("the lease is given back", || !is_held()).await;
}

#[tokio::test]
async fn r8_a12_a38_a_frozen_backend_costs_one_attempt_per_call_and_not_one_per_operation() {
    for form in FORMS {
        let remote = Remote::new();
        let (cache, origin) = (&remote.world.cache, Origin::default());
        remote.chaos.always(Chaotic::Hang);
        let (held, load) = (cache.clone(), origin.returns(Ok(1)));
        let caller = tokio::spawn(async move { form.plain(&held, "k", load).await });
        until("the attempt", || remote.world.clock.sleepers() == 1).await;
        remote.world.advance(Duration::from_millis(500));
        let answer = caller.await.unwrap();
        assert_eq!(answer.value, Ok(1));
        assert_eq!(remote.chaos.operations(), ["read"]);
    }
}

#[tokio::test]
async fn a01_a73_with_the_backend_down_the_function_runs_and_its_result_is_returned() {
    for form in FORMS {
        let remote = Remote::new();
        let origin = Origin::default();
        remote.chaos.always(DOWN);
        let cache = &remote.world.cache;
        let answer = form.plain(cache, "k", origin.returns(Ok(7))).await;
        assert_eq!(answer.value, Ok(7));
        let answer = form.plain(cache, "e", origin.returns(Err(Fault::Down))).await;
        assert_eq!(answer.value, Err(Fault::Down), "errors of the function are its own");
    }
}

#[tokio::test]
async fn s6_without_the_backend_each_process_loads_for_itself_and_it_is_counted() {
    for form in FORMS {
        let remote = Remote::new();
        let origin = Origin::default();
        remote.chaos.always(DOWN);
        let caches =
            [remote.world.cache.clone(), remote.beside(), remote.beside(), remote.beside()];
        for cache in &caches {
            let answer = form.plain(cache, "k", origin.returns(Ok(1))).await;
            assert_eq!((answer.value, answer.outcome.source), (Ok(1), Source::Load));
            assert_eq!(cache.stats().unleased_loads, 1);
        }
        assert_eq!(origin.loads(), 4);
    }
}

#[tokio::test]
async fn a42_a46_what_was_read_or_written_before_is_served_from_memory() {
    for form in FORMS {
        let remote = Remote::new();
        let (cache, origin) = (&remote.world.cache, Origin::default());
        form.plain(cache, "written", origin.returns(Ok(1))).await;
        let other = remote.neighbour();
        form.plain(&other, "read", origin.returns(Ok(2))).await;
        other.settle().await;
        form.plain(cache, "read", origin.returns(Ok(3))).await;
        cache.settle().await;
        remote.chaos.always(DOWN);
        for (name, value) in [("written", 1), ("read", 2)] {
            let answer = form.plain(cache, name, origin.returns(Ok(9))).await;
            assert_eq!(answer.value, Ok(value));
            assert_eq!(answer.outcome.source, Source::Memory);
            assert!(answer.outcome.degraded, "never passed off as the backend's word");
        }
        assert_eq!(cache.stats().degraded_hits, 2);
    }
}

#[tokio::test]
async fn a43_a47_one_failed_operation_is_enough_for_the_copy_and_is_counted_by_class() {
    let remote = Remote::new();
    let (cache, origin) = (&remote.world.cache, Origin::default());
    Form::Entry.plain(cache, "k", origin.returns(Ok(1))).await;
    cache.settle().await;
    remote.chaos.next(1, Chaotic::Error(Class::Disconnected));
    let answer = Form::Entry.plain(cache, "k", origin.returns(Ok(2))).await;
    assert_eq!(answer.value, Ok(1));
    assert!(answer.outcome.degraded);
    assert_eq!(cache.breaker(), Some(BreakerState::Closed));
    assert_eq!(cache.stats().failures(Class::Disconnected), 1);
}

#[athena_cache(ttl = "1h", key = "fast:{id}", skip(result), fallback = FailFast, cache = cache)]
async fn fail_fast(cache: &Cache, id: u32, result: Result<u32, Fault>) -> Result<u32, Fault> {
    result
}

#[tokio::test]
async fn a49_fail_fast_returns_a_typed_error_with_its_cause_and_the_attempts() {
    let remote = Remote::new();
    let cache = &remote.world.cache;
    remote.chaos.always(Chaotic::Error(Class::Disconnected));
    let entry = cache.entry("k").fail_fast();
    let error =
        entry.get_or_load(|| async { Ok::<u32, athena_cache::Error>(1) }).await.unwrap_err();
    assert_eq!((error.class(), error.attempts()), (Some(Class::Disconnected), 1));
    let cause = std::error::Error::source(&error).unwrap();
    let failure = cause.downcast_ref::<athena_cache::backend::Failure>().unwrap();
    assert_eq!(failure.class(), Class::Disconnected);
    assert!(matches!(fail_fast(cache, 1, Ok(1)).await, Err(Fault::Cache(_))));
    remote.chaos.heal();
    assert_eq!(fail_fast(cache, 1, Ok(1)).await, Ok(1));
    cache.settle().await;
    remote.chaos.always(DOWN);
    assert_eq!(fail_fast(cache, 1, Ok(2)).await, Ok(1), "a fresh copy still answers");
}

#[tokio::test]
async fn a44_copies_are_bounded_and_the_last_ones_used_stay() {
    let remote = Remote::with(|builder| builder.memory(Memory::fallback_only(1_000)));
    let cache = &remote.world.cache;
    for number in 0..5_000 {
        let entry = cache.entry(format!("k:{number}"));
        entry.get_or_load(|| async move { Ok::<u32, Fault>(number) }).await.unwrap();
    }
    cache.settle().await;
    assert!(cache.stats().memory_entries <= 1_000, "{:?}", cache.stats());
    remote.chaos.always(DOWN);
    let mut served = 0;
    for number in 0..5_000_u32 {
        let entry = cache.entry(format!("k:{number}"));
        let answer = entry.get::<u32>().await;
        served += u32::from(answer.is_ok_and(|value| value == Some(number)));
    }
    assert!((500..=1_000).contains(&served), "{served}");
}

#[tokio::test]
async fn a50_a_miss_in_the_fallback_runs_the_function_and_is_no_default_value() {
    let remote = Remote::new();
    let cache = &remote.world.cache;
    cache.entry("k").get_or_load(|| async { Ok::<i32, Fault>(7) }).await.unwrap();
    remote.chaos.always(DOWN);
    let cold = cache.entry("cold").get_or_load(|| async { Ok::<i32, Fault>(7) }).await;
    assert_eq!(cold, Ok(7));
    let error = cache.entry("colder").get::<i32>().await.unwrap_err();
    assert!(error.is_backend(), "`get` says that it cannot know: {error}");
}

#[tokio::test]
async fn a51_a_copy_is_fresh_for_its_ttl_or_half_an_hour() {
    let minutes = |count: u64| Duration::from_secs(60 * count);
    for (ttl, fresh) in [(minutes(10), minutes(10)), (minutes(600), minutes(30))] {
        let remote = Remote::new();
        let cache = &remote.world.cache;
        let entry = || cache.entry("k").ttl(ttl);
        entry().get_or_load(|| async { Ok::<u32, Fault>(1) }).await.unwrap();
        cache.settle().await;
        remote.chaos.always(DOWN);
        remote.world.advance(fresh - Duration::from_millis(1));
        assert_eq!(entry().get_or_load(|| async { Ok::<u32, Fault>(2) }).await, Ok(1));
        remote.world.advance(Duration::from_millis(1));
        assert_eq!(entry().get_or_load(|| async { Ok::<u32, Fault>(2) }).await, Ok(2));
    }
}

#[tokio::test]
async fn serve_stale_prefers_an_old_copy_to_the_function_and_origin_only_never_does() {
    for (fallback, expected) in
        [(Fallback::ServeStale, 1), (Fallback::GracefulDegradation, 2), (Fallback::OriginOnly, 2)]
    {
        let remote = Remote::new();
        let cache = &remote.world.cache;
        let entry = || cache.entry("k").ttl(TTL).grace(TTL).fallback(fallback);
        entry().get_or_load(|| async { Ok::<u32, Fault>(1) }).await.unwrap();
        cache.settle().await;
        remote.chaos.always(DOWN);
        remote.world.advance(TTL);
        let answer = entry().observe(|| async { Ok::<u32, Fault>(2) }).await;
        assert_eq!(answer.value, Ok(expected), "{fallback:?}");
        assert_eq!(answer.outcome.stale, expected == 1);
    }
}

#[tokio::test]
async fn the_function_failing_as_well_is_covered_by_grace() {
    let remote = Remote::new();
    let cache = &remote.world.cache;
    let origin = Origin::default();
    Form::Attribute.graceful(cache, "k", origin.returns(Ok(1))).await;
    cache.settle().await;
    remote.chaos.always(DOWN);
    remote.world.advance(TTL);
    let answer = Form::Attribute.graceful(cache, "k", origin.returns(Err(Fault::Down))).await;
    assert_eq!(answer.value, Ok(1));
    assert!(answer.outcome.stale);
}

#[tokio::test]
async fn r3_a_node_that_takes_writes_again_is_given_them_within_a_second_however_long_it_refused() {
    for seconds in [0, 10, 600_u64] {
        let seen = Transitions::default();
        let remote = Remote::with(|builder| builder.observer(seen.clone()));
        let (cache, origin) = (&remote.world.cache, Origin::default());
        let numbers = std::cell::Cell::new(0);
        let call = async || {
            let name = numbers.replace(numbers.get() + 1).to_string();
            let answer = Form::Entry.plain(cache, &name, origin.returns(Ok(1))).await;
            assert_eq!(answer.value, Ok(1));
            cache.settle().await;
        };
        let write_breaker = || cache.nodes()[0].write_breaker;
        call().await; // creates what all entries depend on
        remote.chaos.on("lease", Chaotic::Error(Class::WriteRefused));
        while write_breaker() != BreakerState::Open {
            call().await;
        }
        assert_eq!(numbers.get(), 6);
        remote.chaos.forget_operations();
        for _ in 0..seconds * 10 {
            remote.world.advance(Duration::from_millis(100));
            call().await;
        }
        let sent = remote.chaos.operations().into_iter().filter(|it| *it == "lease").count();
        assert!(sent as u64 <= seconds * 5 / 4, "{sent} writes in {seconds} s");
        // When it opened, and in turn when its time was over, which doubles up to half a minute.
        let told = seen.0.lock().unwrap().len() as u64;
        assert!(told <= 1 + 2 * (3 + seconds / 24), "{told} transitions in {seconds} s");

        remote.chaos.heal();
        remote.world.advance(Duration::from_millis(1_200));
        call().await;
        assert_eq!(cache.stats().fills, 2, "after {seconds} s");
        assert_eq!(write_breaker(), BreakerState::Closed);
    }
}
