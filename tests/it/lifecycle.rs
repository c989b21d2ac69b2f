//! Starting, settings, counting, closing.

use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{
    Builder, Cache, Fallback, Health, Invalidated, OccurrenceKind, Reconnection, Resilience,
    Settings, athena_cache, of,
};

use crate::world::{FORMS, Fault, Form, Gate, Origin, Remote, TTL, World, until};

#[tokio::test]
async fn c1_a10_a_cache_starts_without_its_backend_and_uses_it_when_it_appears() {
    for form in FORMS {
        let remote = Remote::new();
        let (cache, origin) = (&remote.world.cache, Origin::default());
        remote.chaos.always(Chaotic::Error(Class::Unreachable));
        for number in 0..10 {
            let name = number.to_string();
            assert_eq!(form.plain(cache, &name, origin.returns(Ok(1))).await.value, Ok(1));
        }
        assert_eq!(cache.health(), Health::Degraded);
        remote.chaos.heal();
        remote.chaos.reconnect();
        assert_eq!(cache.health(), Health::Healthy, "a new link is tried at once");
        form.plain(cache, "k", origin.returns(Ok(1))).await;
        cache.settle().await;
        form.plain(cache, "k", origin.returns(Ok(2))).await;
        assert_eq!(cache.stats().backend_hits, 1);
    }
}

#[tokio::test]
async fn connections_are_made_anew_on_request_and_what_is_isolated_is_left_alone() {
    let remote = Remote::new();
    let cache = &remote.world.cache;
    assert_eq!(cache.reconnect(), Reconnection::Begun);
    let text = cache.timeline().pop().map(|it| (it.kind, it.text));
    let expected = "a connection was replaced by a new one".to_owned();
    assert_eq!(text, Some((OccurrenceKind::Reconnected, expected)));
    cache.isolate(Duration::from_secs(60));
    assert_eq!(cache.reconnect(), Reconnection::Isolated);
    cache.resume();
    assert_eq!((cache.reconnect(), cache.stats().reconnects), (Reconnection::Begun, 2));
    assert_eq!(World::in_memory().cache.reconnect(), Reconnection::NoBackend);
}

fn refused(change: impl FnOnce(Builder) -> Builder) -> String {
    change(Cache::builder("test")).build().unwrap_err().to_string()
}

#[test]
fn c2_wrong_settings_fail_in_build_with_what_was_found_and_what_is_allowed() {
    let namespace = Cache::builder("my shop").build().unwrap_err();
    assert!(namespace.is_settings());
    let expected = "invalid namespace `my shop`: expected 1 to 64 of the characters \
                    A-Z a-z 0-9 _ . : -";
    assert_eq!(namespace.to_string(), expected);

    let mut resilience = Resilience::default();
    resilience.attempt_timeout = Duration::from_secs(3);
    resilience.breaker.failure_threshold = 0;
    resilience.retry.multiplier = f64::NAN;
    let message = refused(|builder| builder.resilience(resilience));
    let expected = "`resilience.breaker.failure_threshold` is 0, expected at least 1; \
                    `resilience.attempt_timeout` is 3s, expected at most `resilience.deadline`, 1s; \
                    `resilience.attempt_timeout` is 3s, expected at most \
                    `resilience.write_deadline`, 2s; \
                    `resilience.retry.multiplier` is NaN, expected 1 to 100";
    assert_eq!(message, expected);

    let message = refused(|builder| builder.fallback(Fallback::FailFast));
    assert!(message.contains("FailFast") && message.contains("per function"), "{message}");
}

#[test]
fn settings_are_plain_data() {
    let settings: Settings = toml::from_str(
        r#"
        ttl = "10m"
        jitter = "10%"
        fallback = "ServeStale"
        [memory]
        max_entries = 50_000
        [resilience.breaker]
        recovery_time = "1h 30m"
        "#,
    )
    .unwrap();
    assert_eq!(settings.ttl, Duration::from_secs(600));
    assert_eq!(settings.memory.max_entries, 50_000);
    assert_eq!(settings.resilience.breaker.recovery_time, Duration::from_secs(5_400));
    let json = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings);

    for (text, expected) in [
        ("ttl = \"ten\"", "invalid duration `ten`"),
        ("ttl = 60", "`60`: it has no unit; expected something like `250ms`, `5s` or `1h 30m`"),
        ("ttl = 60", "did you mean `\"60s\"`?"),
        ("ttl = \"60\"", "did you mean `\"60s\"`?"),
        ("ttl = 1.5", "did you mean `\"1.5s\"`?"),
        ("ttl = true", "expected a duration such as `250ms`"),
        ("ttl = \"5M\"", "were minutes meant? write `5m`, or `5months` for months"),
        ("jitter = \"200%\"", "invalid share `200%`"),
        ("tttl = \"1s\"", "unknown field `tttl`"),
    ] {
        let message = toml::from_str::<Settings>(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[tokio::test]
async fn c3_closing_ends_every_task_and_reports_what_the_journal_held() {
    for form in FORMS {
        let remote = Remote::new();
        let (cache, origin, gate) = (&remote.world.cache, Origin::default(), Gate::closed());
        form.background(cache, "k", origin.returns(Ok(1))).await;
        cache.settle().await;
        remote.world.advance(TTL * 8 / 10);
        form.background(cache, "k", origin.waits(&gate, Ok(2))).await;
        until("the refresh", || origin.loads() == 2).await;
        remote.chaos.always(Chaotic::Error(Class::Unreachable));
        assert_eq!(cache.invalidate("a").await, Invalidated::Pending);
        assert_eq!(cache.invalidate("b").await, Invalidated::Pending);
        assert_eq!(cache.close().await.pending_invalidations, 2);
        cache.settle().await; // returns: the refresh that waited at the gate is gone
        let error = cache.entry("k").get::<u32>().await.unwrap_err();
        assert!(error.is_closed(), "{error}");
        assert!(cache.entry("k").insert(1_u32).await.unwrap_err().is_closed());
        let answer = form.plain(cache, "k", origin.returns(Ok(3))).await;
        assert_eq!(answer.value, Ok(3), "functions still run");
        assert_eq!(answer.outcome.label(), "BYPASS");
    }
}

#[tokio::test]
async fn c4_a_script_yields_exact_counts() {
    for form in FORMS {
        for remote in [None, Some(Remote::new())] {
            let own = World::in_memory();
            let world = remote.as_ref().map_or(&own, |remote| &remote.world);
            let (cache, origin) = (&world.cache, Origin::default());
            form.graceful(cache, "a", origin.returns(Ok(1))).await; // miss
            cache.settle().await;
            form.graceful(cache, "a", origin.returns(Ok(1))).await; // hit
            form.graceful(cache, "a", origin.returns(Ok(1))).await; // hit
            form.graceful(cache, "b", origin.returns(Err(Fault::Down))).await; // miss, failed
            cache.settle().await;
            world.advance(TTL);
            form.graceful(cache, "a", origin.returns(Err(Fault::Down))).await; // stale, failed
            form.graceful(cache, "a", origin.returns(Ok(2))).await; // stale, throttled
            world.advance(TTL);
            form.graceful(cache, "a", origin.returns(Ok(2))).await; // miss
            cache.settle().await;
            form.graceful(cache, "a", origin.returns(Ok(3))).await; // hit
            let _ = cache.invalidate("graceful:a").await;
            form.graceful(cache, "a", origin.returns(Ok(3))).await; // miss
            cache.settle().await;
            let stats = cache.stats();
            assert_eq!(stats.memory_hits + stats.backend_hits, 3, "{stats:?}");
            assert_eq!(stats.stale_hits, 2);
            assert_eq!((stats.loads, stats.load_failures), (3, 2));
            assert_eq!((stats.joined, stats.bypassed, stats.invalidations), (0, 0, 1));
            assert_eq!(stats.hits() + stats.misses + stats.joined + stats.bypassed, 9, "{stats:?}");
            assert_eq!(stats.fills, if remote.is_some() { 3 } else { 0 });
        }
    }
}

#[tokio::test]
async fn c4_joined_callers_count_once_each() {
    let world = World::in_memory();
    let (origin, gate) = (Origin::default(), Gate::closed());
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (cache, load) = (world.cache.clone(), origin.waits(&gate, Ok(1)));
        callers.spawn(async move { Form::Attribute.plain(&cache, "k", load).await.value });
    }
    until("the load", || origin.loads() == 1).await;
    crate::world::others_rest().await;
    gate.open();
    callers.join_all().await;
    let stats = world.cache.stats();
    assert_eq!((stats.misses, stats.joined, stats.hits()), (1, 99, 0));
}

tokio::task_local! {
    static REQUEST: u32;
}

#[tokio::test]
async fn c5_background_work_uses_nothing_that_belonged_to_one_request() {
    for form in FORMS {
        let world = World::in_memory();
        let (cache, origin) = (&world.cache, Origin::default());
        form.background(cache, "k", origin.returns(Ok(1))).await;
        world.advance(TTL * 8 / 10);
        let load = async {
            // A refresh runs outside of the request that triggered it.
            Ok(REQUEST.try_with(|request| *request).unwrap_or(99))
        };
        REQUEST.scope(7, form.background(cache, "k", load)).await;
        cache.settle().await;
        let answer = form.background(cache, "k", origin.returns(Ok(2))).await;
        assert_eq!(answer.value, Ok(99));
    }
}

#[athena_cache(ttl = "1h")]
async fn anywhere(id: u32) -> u32 {
    id
}

#[tokio::test]
async fn without_a_cache_functions_run_and_of_says_so() {
    assert_eq!(anywhere(1).await, 1);
    let seen = of(anywhere(1)).observe().await.unwrap();
    assert_eq!((seen.value, seen.outcome.label()), (1, "BYPASS"));
    let error = of(anywhere(1)).invalidate().await.unwrap_err();
    assert!(error.is_no_cache(), "{error}");
}

#[tokio::test]
async fn of_refuses_a_future_that_reaches_no_annotated_function() {
    let world = World::in_memory();
    let error = world.cache.scope(of(async { 1 }).invalidate()).await.unwrap_err();
    assert!(error.is_not_annotated(), "{error}");
    assert!(of(async { 1 }).refresh().await.unwrap_err().is_not_annotated());
    assert!(of(std::future::pending::<u8>()).peek().await.unwrap_err().is_not_annotated());
}

/// A service that its test puts in place of the real one.
async fn mock(id: u32) -> u32 {
    std::future::ready(id).await
}

async fn prepared(id: u32) -> u32 {
    tokio::task::yield_now().await;
    anywhere(id).await
}

async fn impatient(id: u32) -> u32 {
    let mut call = std::pin::pin!(anywhere_slow(id));
    let first = std::future::poll_fn(|context| {
        std::task::Poll::Ready(call.as_mut().poll(context).is_ready())
    });
    u32::from(first.await)
}

#[athena_cache(ttl = "1h")]
async fn anywhere_slow(id: u32) -> u32 {
    tokio::task::yield_now().await;
    id
}

#[tokio::test]
async fn what_reaches_no_annotated_function_at_once_is_observed_all_the_same() {
    let world = World::in_memory();
    let inside = async {
        let seen = of(mock(1)).observe().await.unwrap();
        assert_eq!((seen.value, seen.outcome.label()), (1, "BYPASS"));
        let reason = seen.outcome.reason.unwrap();
        assert_eq!(reason, "it reached no annotated function when it was polled first");
        for _ in 0..2 {
            let seen = of(prepared(2)).observe().await.unwrap();
            assert_eq!((seen.value, seen.outcome.reason), (2, Some(reason)));
        }
        assert_eq!(of(anywhere(2)).observe().await.unwrap().outcome.label(), "HIT");
        let seen = of(impatient(3)).observe().await.unwrap();
        let given_up = "it gave up the annotated function that it reached first";
        assert_eq!((seen.value, seen.outcome.reason), (0, Some(given_up)));
        assert!(of(prepared(2)).key().await.unwrap_err().is_not_annotated());
        assert!(of(prepared(2)).invalidate().await.unwrap_err().is_not_annotated());
        assert!(of(prepared(2)).expire().await.unwrap_err().is_not_annotated());
        assert!(of(prepared(2)).refresh().await.unwrap_err().is_not_annotated());
        assert!(of(prepared(2)).peek().await.unwrap_err().is_not_annotated());
        assert!(of(prepared(2)).insert(3_u32).await.unwrap_err().is_not_annotated());
        assert_eq!(of(anywhere(2)).observe().await.unwrap().outcome.reason, None);
    };
    world.cache.scope(inside).await;
    let seen = of(anywhere(4)).observe().await.unwrap();
    assert_eq!(seen.outcome.reason, Some("there is no cache"));
}

#[tokio::test]
async fn scopes_nest_and_end() {
    let (outer, inner) = (Cache::in_memory("outer"), Cache::in_memory("inner"));
    outer
        .scope(async {
            anywhere(1).await;
            inner.scope(async { anywhere(1).await }).await;
            anywhere(1).await;
        })
        .await;
    let counts = |cache: &Cache| (cache.stats().misses, cache.stats().memory_hits);
    assert_eq!((counts(&outer), counts(&inner)), ((1, 1), (1, 0)));
}

#[tokio::test]
async fn a_load_in_the_background_finds_the_cache_that_its_caller_is_in_the_scope_of() {
    #[athena_cache(ttl = "1s")]
    async fn part(number: u32) -> u32 {
        number
    }
    #[athena_cache(ttl = "10s", refresh = "50%")]
    async fn whole(number: u32) -> u32 {
        part(number).await
    }
    let world = World::in_memory();
    let (whole, misses) = (|| world.cache.scope(whole(1)), || world.cache.stats().misses);
    whole().await;
    assert_eq!(misses(), 2);
    world.advance(Duration::from_secs(6));
    whole().await;
    world.cache.settle().await;
    assert_eq!(
        (world.cache.stats().refreshes, misses()),
        (1, 3),
        "it was asked for its part again"
    );
}
