//! Operations that are attempted again, and those that are not.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{
    BreakerState, Cache, Event, Invalidated, Jitter, Observer, Percent, Resilience, Source,
};

use crate::world::{FORMS, Fault, Form, Origin, Remote};

const LOST: Chaotic = Chaotic::Error(Class::Disconnected);
const STEP: Duration = Duration::from_millis(10);

/// Writes down which attempt failed before each further one.
#[derive(Debug, Clone, Default)]
struct Retries(Arc<Mutex<Vec<(&'static str, u32)>>>);

impl Observer for Retries {
    fn observe(&self, event: &Event<'_>) {
        if let Event::Retrying { operation, attempt, .. } = event {
            self.0.lock().unwrap().push((operation, *attempt));
        }
    }
}

/// Runs something while the clock moves; the moments at which operations began, in milliseconds.
async fn moments<T: Send + 'static>(
    remote: &Remote,
    operation: &str,
    work: impl Future<Output = T> + Send + 'static,
) -> (T, Vec<u64>) {
    remote.chaos.forget_operations();
    let work = tokio::spawn(work);
    let (mut moments, mut now) = (Vec::new(), 0);
    loop {
        // Enough for one task, which waits for nothing but the clock.
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        let operations = remote.chaos.operations();
        let count = operations.iter().filter(|name| **name == operation).count();
        moments.resize(count.max(moments.len()), now);
        if work.is_finished() {
            return (work.await.unwrap(), moments);
        }
        remote.world.advance(STEP);
        now += 10;
        assert!(now < 120_000, "it does not end");
    }
}

/// One call of a cached function; the value says whether it was loaded.
async fn call(remote: &Remote, form: Form) -> (Source, Vec<u64>) {
    let cache = remote.world.cache.clone();
    let work = async move { form.plain(&cache, "k", async { Ok(2) }).await };
    let (answer, moments) = moments(remote, "read", work).await;
    (answer.outcome.source, moments)
}

/// A backend that holds the value, and this process no copy of it.
async fn stored(change: impl FnOnce(&mut Resilience)) -> (Remote, Retries) {
    let retries = Retries::default();
    let mut resilience = Resilience::guide();
    change(&mut resilience);
    let remote = Remote::with(|builder| builder.resilience(resilience).observer(retries.clone()));
    let other = remote.neighbour();
    for form in FORMS {
        form.plain(&other, "k", Origin::default().returns(Ok(1))).await;
    }
    other.settle().await;
    (remote, retries)
}

#[tokio::test]
async fn a39_a40_a41_a48_three_attempts_in_total_one_and_two_seconds_apart() {
    for form in FORMS {
        let (remote, retries) = stored(|_| {}).await;
        remote.chaos.next(2, LOST);
        assert_eq!(call(&remote, form).await, (Source::Backend, vec![0, 1_000, 3_000]));
        assert_eq!(*retries.0.lock().unwrap(), [("read", 1), ("read", 2)]);
        assert_eq!(remote.world.cache.stats().retries, 2);
        let (remote, _) = stored(|_| {}).await;
        remote.chaos.on("read", LOST);
        assert_eq!(call(&remote, form).await, (Source::Load, vec![0, 1_000, 3_000]));
    }
}

#[tokio::test]
async fn a39_retries_can_be_switched_off() {
    let (remote, retries) = stored(|resilience| resilience.retry.enabled = false).await;
    remote.chaos.next(1, LOST);
    assert_eq!(call(&remote, Form::Entry).await, (Source::Load, vec![0]));
    assert!(retries.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a49_the_error_tells_its_cause_and_how_often_it_was_tried() {
    let (remote, _) = stored(|_| {}).await;
    remote.chaos.on("read", LOST);
    let cache = remote.world.cache.clone();
    let work = async move {
        let entry = cache.entry("plain:k").fail_fast();
        entry.get_or_load(|| async { Ok::<u32, athena_cache::Error>(2) }).await
    };
    let (result, _) = moments(&remote, "read", work).await;
    let error = result.unwrap_err();
    assert_eq!((error.class(), error.attempts()), (Some(Class::Disconnected), 3));
    assert!(error.to_string().contains("after 3 attempt(s)"), "{error}");
}

#[tokio::test]
async fn r6_b19_only_what_may_be_repeated_is_attempted_again() {
    for (class, attempts) in [
        (Class::Unreachable, 3),
        (Class::Disconnected, 3),
        (Class::Unready, 3),
        (Class::Moved, 4),
        (Class::WriteRefused, 1),
        (Class::Denied, 1),
        (Class::Rejected, 1),
        (Class::Overloaded, 1),
    ] {
        let (remote, _) = stored(|_| {}).await;
        remote.chaos.on("read", Chaotic::Error(class));
        let (_, moments) = call(&remote, Form::Entry).await;
        assert_eq!(moments.len(), attempts, "{class}");
    }
    // A lease with one token is asked for once: the answer that was lost may have granted it.
    let (remote, _) = stored(|_| {}).await;
    remote.store.wipe();
    remote.chaos.on("lease", LOST);
    let cache = remote.world.cache.clone();
    let work = async move { Form::Entry.plain(&cache, "k", async { Ok(2) }).await };
    let (_, moments) = moments(&remote, "lease", work).await;
    assert_eq!(moments.len(), 1);
}

#[tokio::test]
async fn r6_a_read_that_had_no_answer_in_time_is_not_attempted_again_unless_that_is_wanted() {
    for (wanted, attempts) in [(false, 1), (true, 3)] {
        let (remote, _) = stored(|resilience| resilience.retry.after_timeout = wanted).await;
        remote.chaos.on("read", Chaotic::Error(Class::Timeout));
        assert_eq!(call(&remote, Form::Entry).await.1.len(), attempts);
    }
}

#[tokio::test]
async fn r6_a20_nothing_is_attempted_past_the_deadline() {
    let (remote, _) = stored(|resilience| {
        resilience.attempt_timeout = Duration::from_secs(1);
        resilience.deadline = Duration::from_millis(2_500);
    })
    .await;
    remote.chaos.on("read", LOST);
    assert_eq!(call(&remote, Form::Entry).await.1, [0, 1_000]);
}

#[tokio::test]
async fn r6_nothing_is_attempted_while_the_breaker_is_open() {
    let (remote, _) = stored(|resilience| resilience.breaker.failure_threshold = 2).await;
    remote.chaos.on("read", LOST);
    assert_eq!(call(&remote, Form::Entry).await.1, [0, 1_000]);
    assert_eq!(remote.world.cache.breaker(), Some(BreakerState::Open));
    assert!(call(&remote, Form::Entry).await.1.is_empty());
}

#[tokio::test]
async fn b15_b38_retries_spend_a_budget() {
    let (remote, _) = stored(|resilience| {
        resilience.breaker.enabled = false;
        resilience.retry.budget = Percent::new(0);
        resilience.retry.min_per_second = 1;
        resilience.retry.delay = Duration::from_millis(10);
        resilience.retry.jitter = Jitter::None;
    })
    .await;
    remote.chaos.on("read", LOST);
    let mut attempts = 0;
    for _ in 0..50 {
        attempts += call(&remote, Form::Entry).await.1.len();
    }
    assert_eq!(attempts, 50 + 10, "one a second, over ten seconds");
}

#[tokio::test]
async fn a_move_is_followed_at_once() {
    let (remote, _) = stored(|_| {}).await;
    remote.chaos.next(2, Chaotic::Error(Class::Moved));
    assert_eq!(call(&remote, Form::Entry).await, (Source::Backend, vec![0, 0, 0]));
}

#[tokio::test]
async fn an_invalidation_whose_answer_was_lost_is_sent_again() {
    let (remote, _) = stored(|_| {}).await;
    remote.chaos.next(1, Chaotic::LostAck);
    let cache = remote.world.cache.clone();
    let work = async move { cache.invalidate("plain:k").await };
    let (done, moments) = moments(&remote, "remove", work).await;
    assert_eq!((done, moments), (Invalidated::Done, vec![0, 1_000]));
    assert_eq!(remote.world.cache.stats().journaled, 0);
}

#[tokio::test]
async fn limits_can_be_changed_while_the_cache_works() {
    let (remote, _) = stored(|_| {}).await;
    let cache = &remote.world.cache;
    let mut resilience = cache.resilience();
    resilience.retry.read_attempts = 0;
    let error = cache.set_resilience(resilience.clone()).unwrap_err();
    assert!(error.to_string().contains("`resilience.retry.read_attempts` is 0"), "{error}");
    assert_eq!(cache.resilience(), Resilience::guide(), "nothing has changed");
    resilience.retry.read_attempts = 2;
    resilience.breaker.failure_threshold = 1;
    cache.set_resilience(resilience).unwrap();
    remote.chaos.on("read", LOST);
    assert_eq!(call(&remote, Form::Entry).await.1, [0], "the first failure opens the breaker");
    assert_eq!(cache.breaker(), Some(BreakerState::Open));
}

#[tokio::test]
async fn an_isolated_backend_is_asked_nothing_until_the_end_of_it() {
    let (remote, _) = stored(|_| {}).await;
    let cache = remote.world.cache.clone();
    cache.isolate(Duration::from_secs(60));
    assert_eq!(cache.breaker(), Some(BreakerState::Isolated));
    assert_eq!(call(&remote, Form::Entry).await, (Source::Load, vec![]));
    assert_eq!(cache.invalidate("plain:k").await, Invalidated::Pending);
    remote.chaos.reconnect();
    assert!(call(&remote, Form::Entry).await.1.is_empty(), "a new connection changes nothing");
    cache.resume();
    let (source, _) = call(&remote, Form::Entry).await;
    assert_eq!(source, Source::Load, "the invalidation came first");
    assert_eq!(cache.stats().journal_depth, 0);
    remote.world.cache.settle().await;
    cache.isolate(Duration::from_secs(1));
    remote.world.advance(Duration::from_secs(1));
    assert_eq!(call(&remote, Form::Entry).await.0, Source::Backend);
}

#[tokio::test]
async fn b39_every_attempt_is_recorded_by_the_breaker_and_the_fallback_sees_one_outcome() {
    let (remote, _) = stored(|resilience| resilience.breaker.failure_threshold = 3).await;
    remote.chaos.on("read", LOST);
    let cache: &Cache = &remote.world.cache;
    assert_eq!(call(&remote, Form::Entry).await.1.len(), 3);
    assert_eq!(cache.breaker(), Some(BreakerState::Open), "three attempts of one operation");
    let stats = cache.stats();
    assert_eq!((stats.misses, stats.failures(Class::Disconnected)), (1, 3));
    let again = Form::Entry.plain(cache, "k", async { Err(Fault::Down) }).await;
    assert_eq!(again.value, Ok(2), "what the first call loaded is the copy");
}
