//! Looks in the backend that are under way at the same time: they go together, and each is judged by itself.

use std::future::Future;
use std::time::Duration;

use athena_cache::Source;
use athena_cache::backend::Class;
use athena_cache::testing::{Fault as Chaotic, Guard};
use futures_util::future::join_all;
use tokio::runtime::Builder;
use tokio::task::yield_now;

use crate::world::{Answer, FORMS, Fault, Form, Origin, Remote, ask, others_rest, refreshed};

const LATE: Duration = Duration::from_millis(100);

/// What calls come to while answers of before are given out late.
async fn outlasting<T>(remote: &Remote, calls: impl Future<Output = T>) -> T {
    let time = async {
        for _ in 0..10 {
            others_rest().await;
            remote.world.advance(LATE);
        }
    };
    tokio::join!(calls, time).0
}

fn reads(remote: &Remote) -> usize {
    remote.chaos.operations().iter().filter(|it| **it == "read").count()
}

#[tokio::test]
async fn calls_of_many_keys_that_come_at_the_same_time_are_answered_by_few_questions() {
    for form in FORMS {
        let (remote, origin) = (Remote::new(), Origin::default());
        let cache = &remote.world.cache;
        let names: Vec<_> = (0..40).map(|number| format!("k{number}")).collect();
        for (name, value) in names.iter().zip(0..) {
            ask(form, cache, name, &origin, value).await;
        }
        cache.settle().await;
        remote.chaos.forget_operations();
        remote.chaos.on("read", Chaotic::LateAck(LATE));
        // Each key twice.
        let calls = names.iter().chain(&names).map(|name| ask(form, cache, name, &origin, 1_000));
        let answers = outlasting(&remote, join_all(calls)).await;
        let expected = (0..40).chain(0..40).map(|value| (Source::Backend, value));
        assert!(answers.into_iter().eq(expected));
        assert!(reads(&remote) <= 4, "{:?}", remote.chaos.operations());
        assert_eq!(origin.loads(), 40);
    }
}

#[tokio::test]
async fn what_a_node_refuses_to_several_is_asked_for_by_each() {
    let (remote, origin) = (Remote::new(), Origin::default());
    let cache = &remote.world.cache;
    let names = ["a", "b", "c"];
    for name in names {
        ask(Form::Entry, cache, name, &origin, 1).await;
    }
    cache.settle().await;
    remote.chaos.forget_operations();
    // The first is under way, and the others wait for each other.
    remote.chaos.on("read", Chaotic::LateAck(LATE));
    let calls = join_all(names.map(|name| ask(Form::Entry, cache, name, &origin, 2)));
    let time = async {
        // The first has asked, and nobody for the others yet.
        remote.chaos.next(1, Chaotic::Error(Class::Denied));
        others_rest().await;
        remote.world.advance(LATE);
    };
    let (answers, ()) = tokio::join!(calls, time);
    assert_eq!(answers, [(Source::Backend, 1); 3]);
    assert_eq!(remote.chaos.operations(), ["read"; 4]);
}

/// What a caller gets who comes after an invalidation, while what was asked for before it is not answered.
async fn after_an_invalidation(remote: &Remote, form: Form, origin: &Origin) -> (Source, u32) {
    let cache = &remote.world.cache;
    ask(form, cache, "k", origin, 1).await;
    ask(form, cache, "other", origin, 1).await;
    cache.settle().await;
    remote.chaos.on("read", Chaotic::LateAck(LATE));
    let early = async {
        // The first asks alone, the second with those who come while it is under way.
        let asked = ["other", "k"].map(|name| ask(form, cache, name, origin, 2));
        join_all(asked).await
    };
    let late = async {
        others_rest().await;
        let _ = cache.invalidate("plain:k").await;
        remote.chaos.heal();
        ask(form, cache, "k", origin, 3).await
    };
    Box::pin(outlasting(remote, async { tokio::join!(early, late) })).await.1
}

/// Coherence 23.
#[tokio::test]
async fn p3_nobody_is_answered_by_what_was_asked_before_an_invalidation() {
    for form in FORMS {
        let (remote, origin) = (Remote::new(), Origin::default());
        let late = after_an_invalidation(&remote, form, &origin).await;
        assert_eq!(late, (Source::Load, 3));
    }
}

/// What two callers get of whom the slower one sees nothing, while the other one loads.
async fn beside_a_load(remote: &Remote, form: Form, origin: &Origin) -> [(Source, u32); 2] {
    let cache = &remote.world.cache;
    remote.chaos.next(1, Chaotic::LateAck(LATE));
    let slow = ask(form, cache, "k", origin, 1);
    let quick = async {
        yield_now().await;
        ask(form, cache, "k", origin, 2).await
    };
    outlasting(remote, async { tokio::join!(slow, quick) }).await.into()
}

#[tokio::test]
async fn s1_who_has_seen_nothing_while_another_has_loaded_does_not_load_again() {
    for form in FORMS {
        let (remote, origin) = (Remote::new(), Origin::default());
        let [slow, quick] = beside_a_load(&remote, form, &origin).await;
        assert_eq!(quick, (Source::Load, 2));
        assert_eq!(slow, (Source::Backend, 2), "what it saw was of before");
        assert_eq!(origin.loads(), 1);
    }
}

#[tokio::test]
async fn without_its_guard_who_has_seen_nothing_loads_what_another_has_loaded() {
    for form in FORMS {
        let origin = Origin::default();
        let remote = Remote::with(|builder| builder.without(Guard::Glance));
        let all = beside_a_load(&remote, form, &origin).await;
        assert_eq!((all, origin.loads()), ([(Source::Load, 1), (Source::Load, 2)], 2));
    }
}

/// What stands in for the backend after a caller has read there 1, and a refresh brought 2 meanwhile.
async fn copy_after_a_refresh(remote: &Remote) -> (Result<u32, Fault>, bool) {
    let (cache, origin) = (&remote.world.cache, Origin::default());
    let neighbour = remote.neighbour();
    ask(Form::Entry, &neighbour, "k", &origin, 1).await;
    neighbour.settle().await;
    remote.chaos.next(1, Chaotic::LateAck(LATE));
    let early = ask(Form::Entry, cache, "k", &origin, 9);
    let refreshed = async {
        yield_now().await;
        refreshed(cache, "k", origin.returns(Ok(2))).await
    };
    let (early, refreshed) = outlasting(remote, async { tokio::join!(early, refreshed) }).await;
    assert_eq!((early, refreshed), ((Source::Backend, 1), Ok(2)));
    remote.chaos.always(Chaotic::Error(Class::Unreachable));
    let copy = Form::Entry.plain(cache, "k", origin.returns(Ok(9))).await;
    (copy.value, copy.outcome.degraded)
}

#[tokio::test]
async fn t2_what_was_read_before_a_refresh_does_not_replace_what_that_has_brought() {
    assert_eq!(copy_after_a_refresh(&Remote::new()).await, (Ok(2), true));
}

#[tokio::test]
async fn a_value_counts_as_old_from_the_question_on() {
    for form in FORMS {
        let (remote, origin) = (Remote::new(), Origin::default());
        let cache = &remote.world.cache;
        ask(form, &remote.neighbour(), "k", &origin, 1).await;
        others_rest().await;
        remote.chaos.next(1, Chaotic::LateAck(LATE));
        let answer = outlasting(&remote, form.plain(cache, "k", origin.returns(Ok(2)))).await;
        assert_eq!((answer.value, answer.outcome.age), (Ok(1), LATE));
    }
}

/// On a runtime that nobody drives the task that asks for several does not run.
#[test]
fn callers_that_wait_for_a_task_which_does_not_run_have_their_values_and_nobody_waits_for_it_again()
{
    let [idle, driven] = [(); 2].map(|()| Builder::new_current_thread().build().unwrap());
    let (remote, origin) = (Remote::new(), Origin::default());
    let cache = &remote.world.cache;
    driven.block_on(async {
        let names = ["a", "b", "c"];
        for name in names {
            ask(Form::Entry, cache, name, &origin, 1).await;
        }
        cache.settle().await;
        remote.chaos.on("read", Chaotic::LateAck(LATE));
        let _entered = idle.enter();
        let all =
            || join_all(names.map(|name| Form::Entry.plain(cache, name, origin.returns(Ok(2)))));
        let first = outlasting(&remote, all()).await;
        assert!(first.iter().all(|answer| answer.value == Ok(1)), "{first:?}");
        let again = outlasting(&remote, all()).await;
        let is_read = |answer: &Answer| answer.outcome.source == Source::Backend;
        assert!(again.iter().all(is_read), "{again:?}");
    });
}
