//! One load per key, whatever happens to its callers.

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{Cache, athena_cache};
use tokio::task::JoinSet;

use crate::world::{
    FORMS, Fault, Form, Gate, Origin, TTL, WAIT_FOR_LOAD, World, others_rest, until,
};

/// Starts `count` callers of one key, each with the load that `load` makes.
fn callers<Load>(
    form: Form,
    cache: &Cache,
    count: usize,
    load: impl Fn(usize) -> Load,
) -> JoinSet<(Result<u32, Fault>, bool)>
where
    Load: Future<Output = Result<u32, Fault>> + Send + 'static,
{
    let mut callers = JoinSet::new();
    for number in 0..count {
        let (cache, load) = (cache.clone(), load(number));
        callers.spawn(async move {
            let answer = form.plain(&cache, "hot", load).await;
            (answer.value, answer.outcome.joined)
        });
    }
    callers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s1_a_thousand_callers_of_a_cold_key_make_one_load() {
    for form in FORMS {
        let world = World::in_memory();
        let (origin, gate) = (Origin::default(), Gate::closed());
        let callers = callers(form, &world.cache, 1_000, |_| origin.waits(&gate, Ok(7)));
        until("a load", || origin.loads() == 1).await;
        gate.open();
        let answers = callers.join_all().await;
        assert!(answers.iter().all(|(value, _)| *value == Ok(7)));
        assert_eq!(origin.loads(), 1, "{form:?}");
    }
}

#[tokio::test]
async fn s2_a_follower_takes_over_from_a_dropped_leader() {
    for form in FORMS {
        let world = World::in_memory();
        let (origin, gate) = (Origin::default(), Gate::closed());
        let leader = callers(form, &world.cache, 1, |_| origin.waits(&gate, Ok(1)));
        until("the leader", || origin.loads() == 1).await;
        let followers = callers(form, &world.cache, 100, |_| origin.waits(&gate, Ok(2)));
        others_rest().await;
        drop(leader);
        until("a new leader", || origin.loads() == 2).await;
        gate.open();
        let answers = followers.join_all().await;
        assert!(answers.iter().all(|(value, _)| *value == Ok(2)));
        assert_eq!(origin.loads(), 2, "one other load serves all, {form:?}");
    }
}

#[tokio::test]
async fn s2_when_all_callers_are_dropped_the_key_loads_at_once_when_asked_again() {
    for form in FORMS {
        let world = World::in_memory();
        let (origin, gate) = (Origin::default(), Gate::closed());
        let all = callers(form, &world.cache, 10, |_| origin.waits(&gate, Ok(1)));
        until("a leader", || origin.loads() == 1).await;
        others_rest().await;
        drop(all);
        others_rest().await;
        assert_eq!(origin.loads(), 1, "nothing runs for nobody");
        let answer = form.plain(&world.cache, "hot", origin.returns(Ok(3))).await;
        assert_eq!(answer.value, Ok(3));
        assert_eq!(origin.loads(), 2);
    }
}

#[tokio::test]
async fn s3_a_follower_keeps_its_own_deadline() {
    for form in FORMS {
        let world = World::in_memory();
        let origin = Origin::default();
        let mut leader = pin!(form.hard(&world.cache, "slow", async {
            origin.returns(()).await;
            pending().await
        }));
        assert!(poll(leader.as_mut()).is_pending());
        world.advance(Duration::from_millis(600));
        let mut follower = pin!(form.hard(&world.cache, "slow", origin.returns(Ok(2))));
        assert!(poll(follower.as_mut()).is_pending());
        world.advance(Duration::from_millis(600));
        let Poll::Ready(answer) = poll(leader.as_mut()) else { panic!("the leader waits on") };
        assert!(matches!(answer.value, Err(Fault::Cache(_))), "{:?}", answer.value);
        assert!(answer.value.unwrap_err() != Fault::Down);
    }
}

#[tokio::test]
async fn s3_a_followers_deadline_ends_while_the_leader_loads_on() {
    let world = World::in_memory();
    // The leader has no timeout of its own; it shares the key by hand.
    let (origin, gate) = (Origin::default(), Gate::closed());
    let cache = world.cache.clone();
    let load = origin.waits(&gate, Ok::<_, Fault>(1));
    let leader = tokio::spawn(async move { cache.entry("k").get_or_load(|| load).await });
    until("the leader", || origin.loads() == 1).await;
    let cache = world.cache.clone();
    let load = origin.returns(Ok::<u32, Fault>(2));
    let follower = tokio::spawn(async move {
        let entry = cache.entry("k").hard_timeout(Duration::from_secs(1));
        entry.get_or_load(|| load).await
    });
    until("the follower's timer", || world.clock.sleepers() == 1).await;
    world.advance(Duration::from_secs(1));
    assert!(matches!(follower.await.unwrap(), Err(Fault::Cache(_))));
    gate.open();
    assert_eq!(leader.await.unwrap(), Ok(1));
}

#[tokio::test]
async fn s4_a_panic_reaches_one_caller_and_a_follower_takes_over() {
    for form in FORMS {
        let world = World::in_memory();
        let (origin, gate) = (Origin::default(), Gate::closed());
        let (cache, load) = (world.cache.clone(), origin.waits(&gate, ()));
        let leader = tokio::spawn(async move {
            let load = async {
                load.await;
                panic!("of the body")
            };
            form.plain(&cache, "hot", load).await
        });
        until("the leader", || origin.loads() == 1).await;
        let followers = callers(form, &world.cache, 10, |_| origin.returns(Ok(2)));
        others_rest().await;
        gate.open();
        assert!(leader.await.unwrap_err().is_panic());
        let answers = followers.join_all().await;
        assert!(answers.iter().all(|(value, _)| *value == Ok(2)));
        assert_eq!(origin.loads(), 2);
        let answer = form.plain(&world.cache, "hot", origin.returns(Ok(3))).await;
        assert_eq!(answer.value, Ok(2), "the key stays usable");
    }
}

#[tokio::test]
async fn s5_an_error_that_is_clone_reaches_all_waiters_of_one_load() {
    let world = World::in_memory();
    let (origin, gate) = (Origin::default(), Gate::closed());
    let load = |_| origin.waits(&gate, Err(Fault::Down));
    let callers = callers(Form::Attribute, &world.cache, 1_000, load);
    until("the leader", || origin.loads() == 1).await;
    others_rest().await;
    gate.open();
    let answers = callers.join_all().await;
    assert!(answers.iter().all(|(value, _)| *value == Err(Fault::Down)));
    assert_eq!(origin.loads(), 1);
}

/// An error that cannot be cloned.
#[derive(Debug)]
struct Once;

#[athena_cache(ttl = "10s", key = "unshared", shared, skip(load), cache = cache)]
async fn unshared(
    cache: &Cache,
    load: impl Future<Output = Result<u32, Once>>,
) -> Result<u32, Once> {
    load.await
}

#[tokio::test]
async fn s5_after_an_error_that_is_not_clone_the_waiters_load_side_by_side_within_the_limit() {
    let mut settings = athena_cache::Settings::default();
    settings.degraded_loads = 10;
    let world = World::with(|builder| builder.settings(settings));
    let (origin, first, rest) = (Origin::default(), Gate::closed(), Gate::closed());
    let (cache, load) = (world.cache.clone(), origin.waits(&first, Err(Once)));
    let leader = tokio::spawn(async move { unshared(&cache, load).await });
    until("the leader", || origin.loads() == 1).await;
    let mut waiters = JoinSet::new();
    for _ in 0..100 {
        let (cache, load) = (world.cache.clone(), origin.waits(&rest, Err(Once)));
        waiters.spawn(async move { unshared(&cache, load).await });
    }
    others_rest().await;
    first.open();
    assert!(leader.await.unwrap().is_err());
    until("ten loads side by side", || origin.loads() == 11).await;
    others_rest().await;
    assert_eq!(origin.loads(), 11, "and no more than the limit");
    rest.open();
    assert!(waiters.join_all().await.iter().all(Result::is_err));
    assert_eq!(origin.loads(), 101, "everybody for themselves");
}

/// A cache whose backend is away, with a place for one load.
fn away_with_one_place() -> crate::world::Remote {
    let mut settings = athena_cache::Settings::default();
    settings.degraded_loads = 1;
    settings.resilience = crate::world::once(settings.resilience);
    let remote = crate::world::Remote::with(|builder| builder.settings(settings));
    remote.chaos.always(Chaotic::Error(Class::Unreachable));
    remote
}

#[tokio::test]
async fn r7_a_load_that_may_wait_for_itself_runs_after_a_second() {
    let remote = away_with_one_place();
    let cache = remote.world.cache.clone();
    let outer = tokio::spawn(async move {
        let inner = cache.clone();
        let load = || async move {
            // Another task, of which nobody can see that this load waits for it.
            let other = async move {
                let load = || async { Ok::<_, Fault>(1) };
                inner.entry("inner").ttl(TTL).get_or_load(load).await
            };
            tokio::spawn(other).await.unwrap()
        };
        cache.entry("outer").ttl(TTL).get_or_load(load).await
    });
    until("it waits for a place", || remote.world.clock.sleepers() > 0).await;
    others_rest().await;
    assert!(!outer.is_finished());
    remote.world.advance(Duration::from_secs(1));
    assert_eq!(outer.await.unwrap(), Ok(1));
    assert_eq!(remote.world.cache.stats().unbounded_loads, 1);
}

#[tokio::test]
async fn r7_a_caller_does_not_wait_for_loads_that_nobody_waits_for() {
    let remote = away_with_one_place();
    let (cache, origin, gate) = (&remote.world.cache, Origin::default(), Gate::closed());
    remote.chaos.heal();
    Form::Entry.background(cache, "k", origin.returns(Ok(1))).await;
    cache.settle().await;
    remote.world.advance(TTL * 9 / 10);
    remote.chaos.on("lease", Chaotic::Error(Class::WriteRefused));
    Form::Entry.background(cache, "k", origin.waits(&gate, Ok(2))).await;
    until("the refresh", || origin.loads() == 2).await;
    let other = Form::Entry.background(cache, "other", origin.returns(Ok(3))).await;
    assert_eq!(other.value, Ok(3), "while the refresh still runs");
    gate.open();
    cache.settle().await;
}

#[tokio::test]
async fn s7_cancelled_at_any_await_nothing_remains() {
    for form in FORMS {
        let remote = crate::world::Remote::new();
        let cache = &remote.world.cache;
        for polls in 0..20 {
            let origin = Origin::default();
            let yielding = async {
                for _ in 0..5 {
                    tokio::task::yield_now().await;
                }
                origin.returns(Ok(1)).await
            };
            let name = format!("cut {polls}");
            {
                let mut call = pin!(form.plain(cache, &name, yielding));
                for _ in 0..polls {
                    if poll(call.as_mut()).is_ready() {
                        break;
                    }
                }
            }
            let answer = form.plain(cache, &name, origin.returns(Ok(2))).await;
            assert!(answer.value.is_ok(), "after {polls} polls");
            cache.settle().await;
        }
        // Leases of cancelled loads end by themselves; nothing else of them is in the backend.
        remote.world.advance(Duration::from_secs(60));
        let leases = remote.store.names().into_iter().filter(|name| name.ends_with(":l"));
        assert_eq!(leases.count(), 0);
    }
}

#[tokio::test]
async fn s8_a_recursive_call_of_the_same_key_does_not_deadlock() {
    for form in FORMS {
        let world = World::in_memory();
        let origin = Origin::default();
        let load = async {
            let inner = form.plain(&world.cache, "hot", origin.returns(Ok(20))).await;
            inner.value.map(|value| value + 1)
        };
        let answer = form.plain(&world.cache, "hot", load).await;
        assert_eq!(answer.value, Ok(21));
    }
}

#[tokio::test]
async fn g6_s8_a_recursive_call_of_the_same_key_has_its_hard_timeout() {
    for form in FORMS {
        let world = World::in_memory();
        let (cache, clock) = (world.cache.clone(), world.clock.clone());
        let caller = tokio::spawn(async move {
            let load = async {
                let inner = form.hard(&cache, "hot", std::future::pending()).await.value;
                match inner {
                    Err(Fault::Cache(_)) => Ok(1),
                    other => other,
                }
            };
            cache.entry("hard:hot").get_or_load(|| load).await
        });
        until("the timer of the call", || clock.sleepers() >= 1).await;
        world.advance(std::time::Duration::from_secs(1));
        assert_eq!(caller.await.unwrap(), Ok::<u32, Fault>(1));
    }
}

#[tokio::test]
async fn s9_a_leader_that_nobody_polls_holds_its_followers_no_longer_than_wait_for_load() {
    for form in FORMS {
        let world = World::in_memory();
        let origin = Origin::default();
        let mut leader = Box::pin(form.plain(&world.cache, "hot", async {
            tokio::task::yield_now().await;
            Ok(1)
        }));
        assert!(poll(leader.as_mut()).is_pending());
        let followers = callers(form, &world.cache, 10, |_| origin.returns(Ok(2)));
        until("the followers' timers", || world.clock.sleepers() == 10).await;
        assert_eq!(origin.loads(), 0);
        world.advance(WAIT_FOR_LOAD);
        let answers = followers.join_all().await;
        assert!(answers.iter().all(|(value, _)| *value == Ok(2)));
        assert_eq!(origin.loads(), 1, "one of them loads in the leader's place");
        assert_eq!(leader.await.value, Ok(1), "the leader still gets its own result");
        let answer = form.plain(&world.cache, "hot", origin.returns(Ok(3))).await;
        assert_eq!(answer.value, Ok(2), "which does not replace the newer one");
    }
}

#[tokio::test]
async fn s10_a_thousand_cold_keys_load_side_by_side() {
    for form in FORMS {
        let world = World::in_memory();
        let (origin, gate) = (Origin::default(), Gate::closed());
        let mut callers = JoinSet::new();
        for number in 0..1_000 {
            let (cache, load) = (world.cache.clone(), origin.waits(&gate, Ok(number)));
            callers.spawn(async move { form.plain(&cache, &number.to_string(), load).await.value });
        }
        until("all of them to load at once", || origin.loads() == 1_000).await;
        gate.open();
        assert!(callers.join_all().await.iter().all(Result::is_ok));
    }
}

pub(crate) fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&Waker::from(Arc::new(NoWake))))
}

struct NoWake;

impl std::task::Wake for NoWake {
    fn wake(self: Arc<Self>) {}
}
