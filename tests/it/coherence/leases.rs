//! Rule 6: one load for all processes, and what happens to its lease.

use std::cell::OnceCell;
use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{Cache, Percent, Source};

use super::{LEASE, SOON, WINDOW, loading, seen, warm};
use crate::world::{FORMS, Fault, Form, Gate, Origin, Remote, TTL, others_rest, until};

#[tokio::test]
async fn a_value_that_the_backend_did_not_take_is_fresh_for_the_window_after_its_loads_beginning() {
    for form in FORMS {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        let cache = &remote.world.cache;
        remote.chaos.on("fill", Chaotic::Error(athena_cache::backend::Class::WriteRefused));
        assert_eq!(seen(form, cache, &origin, 1).await, (Source::Load, 1));
        cache.settle().await;
        remote.world.advance(WINDOW - SOON);
        assert_eq!(seen(form, cache, &origin, 2).await, (Source::Memory, 1));
        remote.world.advance(SOON);
        assert_eq!(seen(form, cache, &origin, 2).await, (Source::Load, 2));
    }
}

#[tokio::test]
async fn a_load_whose_lease_was_taken_by_an_invalidation_leaves_nothing_behind() {
    for form in FORMS {
        let (remote, origin, gate) = (Remote::tiered(), Origin::default(), Gate::closed());
        let (cache, other) = (remote.world.cache.clone(), remote.neighbour());
        let early = loading(form, &cache, &origin, &gate).await;
        remote.connection.hold_back();
        let _ = other.invalidate("plain:k").await;
        gate.open();
        assert_eq!(early.await.unwrap(), Ok(1));
        cache.settle().await;
        assert_eq!(seen(form, &cache, &origin, 2).await, (Source::Load, 2));
    }
}

#[tokio::test]
async fn s6_a_value_that_another_process_loads_is_waited_for() {
    for form in FORMS {
        let (remote, origin, gate) = (Remote::tiered(), Origin::default(), Gate::closed());
        let (cache, other) = (remote.world.cache.clone(), remote.tiered_neighbour());
        let task = |cache: Cache, value| {
            let load = origin.waits(&gate, Ok(value));
            tokio::spawn(async move { form.plain(&cache, "k", load).await })
        };
        let first = task(cache, 1);
        until("the load", || origin.loads() == 1).await;
        let waiting: Vec<_> = (0..10).map(|_| task(other.clone(), 2)).collect();
        others_rest().await;
        gate.open();
        assert_eq!(first.await.unwrap().value, Ok(1));
        for task in waiting {
            assert_eq!(task.await.unwrap().value, Ok(1));
        }
        assert_eq!(origin.loads(), 1);
    }
}

#[tokio::test]
async fn s6_a_holder_that_gives_up_is_succeeded_at_once() {
    let (remote, origin, gate) = (Remote::tiered(), Origin::default(), Gate::closed());
    let (cache, other) = (remote.world.cache.clone(), remote.neighbour());
    let first = {
        let (cache, load) = (cache.clone(), origin.waits(&gate, Ok(1)));
        tokio::spawn(async move { Form::Entry.plain(&cache, "k", load).await })
    };
    until("the load", || origin.loads() == 1).await;
    let second = {
        let load = origin.returns(Ok(2));
        tokio::spawn(async move { Form::Entry.plain(&other, "k", load).await.value })
    };
    others_rest().await;
    first.abort();
    assert_eq!(second.await.unwrap(), Ok(2));
}

#[tokio::test]
async fn s6_that_the_lease_before_has_ended_while_ours_was_asked_for_costs_no_load() {
    for form in FORMS {
        let (remote, origin, gate) = (Remote::tiered(), Origin::default(), Gate::closed());
        let (cache, other) = (remote.world.cache.clone(), remote.neighbour());
        let first = loading(form, &other, &origin, &gate).await;
        let second = {
            let (cache, load) = (cache.clone(), origin.returns(Ok(2)));
            tokio::spawn(async move { form.plain(&cache, "k", load).await.value })
        };
        until("it waits for the other", || remote.world.clock.sleepers() > 0).await;
        others_rest().await;
        // It asks again, and is answered only when the other has given up.
        remote.chaos.forget_operations();
        remote.chaos.on("lease", Chaotic::Delay(SOON));
        remote.world.advance(Duration::from_millis(1_250));
        until("it asks again", || remote.chaos.operations().contains(&"lease")).await;
        first.abort();
        until("the other gives up", || remote.store.bytes(LEASE).is_none()).await;
        for _ in 0..2 {
            remote.world.advance(SOON);
            others_rest().await;
        }
        assert_eq!(second.await.unwrap(), Ok(2));
        cache.settle().await;
        assert_eq!((origin.loads(), cache.stats().fills), (2, 1));
        assert_eq!(seen(form, &cache, &origin, 3).await, (Source::Memory, 2));
    }
}

#[tokio::test]
async fn s6_a_holder_that_died_is_succeeded_when_its_lease_ends() {
    let (remote, origin) = (Remote::tiered(), Origin::default());
    let cache = remote.world.cache.clone();
    // Somebody has it, and will never be heard of again.
    remote.store.put(LEASE, *b"0001000000000001", Duration::from_secs(5));
    let task = {
        let (cache, load) = (cache.clone(), origin.returns(Ok(1)));
        tokio::spawn(async move { Form::Entry.plain(&cache, "k", load).await.value })
    };
    for _ in 0..4 {
        until("it waits", || remote.world.clock.sleepers() == 1).await;
        assert_eq!(origin.loads(), 0);
        remote.world.advance(Duration::from_millis(1_249));
        others_rest().await;
    }
    assert_eq!(origin.loads(), 0);
    for _ in 0..2 {
        remote.world.advance(Duration::from_millis(1_250));
        others_rest().await;
    }
    assert_eq!(task.await.unwrap(), Ok(1));
    cache.settle().await;
    assert_eq!(seen(Form::Entry, &cache, &origin, 2).await, (Source::Memory, 1));
}

#[tokio::test]
async fn s6_a_value_that_comes_while_the_lease_is_asked_for_is_not_loaded_again() {
    for form in FORMS {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        let (cache, other) = (remote.world.cache.clone(), remote.neighbour());
        remote.chaos.on("lease", Chaotic::Delay(SOON));
        let late = {
            let (cache, load) = (cache.clone(), origin.returns(Ok(2)));
            tokio::spawn(async move { form.plain(&cache, "k", load).await.value })
        };
        until("it asks", || remote.chaos.operations().contains(&"lease")).await;
        warm(form, &other, &origin).await;
        remote.world.advance(SOON);
        assert_eq!(late.await.unwrap(), Ok(1));
        assert_eq!(origin.loads(), 1);
        cache.settle().await;
        assert_eq!(remote.store.bytes(LEASE), None);
        assert_eq!(seen(form, &cache, &origin, 3).await, (Source::Memory, 1));
    }
}

#[tokio::test]
async fn a_tag_that_is_used_for_the_first_time_by_two_processes_at_once_costs_neither_its_load() {
    for is_tiered in [true, false] {
        let remote = if is_tiered { Remote::tiered() } else { Remote::new() };
        let origin = Origin::default();
        let (cache, other) = (remote.world.cache.clone(), remote.neighbour());
        let ask = |cache: &Cache, name: &'static str, value| {
            let (cache, load) = (cache.clone(), origin.returns(Ok(value)));
            async move {
                let entry = cache.entry(name).ttl(TTL).tags(["new"]);
                let answer = entry.observe::<u32, Fault, _>(|| load).await;
                cache.settle().await;
                answer.value
            }
        };
        // It has found neither the entry nor the tag.
        remote.chaos.on("lease", Chaotic::Delay(SOON));
        let late = tokio::spawn(ask(&cache, "one", 1));
        until("it asks", || remote.chaos.operations().contains(&"lease")).await;
        assert_eq!(ask(&other, "two", 2).await, Ok(2));
        remote.world.advance(SOON);
        assert_eq!(late.await.unwrap(), Ok(1));
        assert_eq!(cache.stats().refused, 0);
        assert_eq!(ask(&other, "one", 3).await, Ok(1), "it was stored");
        assert_eq!(origin.loads(), 2);
        remote.chaos.heal();
        remote.chaos.forget_operations();
        assert_eq!(ask(&cache, "three", 3).await, Ok(3));
        assert!(!remote.chaos.operations().contains(&"ensure"), "it is there");
    }
}

#[tokio::test]
async fn s6_a_lease_of_ours_that_is_granted_too_late_is_not_waited_for() {
    for form in FORMS {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        let cache = &remote.world.cache;
        remote.chaos.on("lease", Chaotic::LostAck);
        let store = remote.store.clone();
        let granted = OnceCell::new();
        let load = async {
            granted.set(store.bytes(LEASE).expect("it was granted")).unwrap();
            Err(Fault::Down)
        };
        assert_eq!(form.plain(cache, "k", load).await.value, Err(Fault::Down));
        cache.settle().await;
        assert_eq!(remote.store.bytes(LEASE), None);
        remote.chaos.heal();
        // The node stood still, and executes what had been sent before it was given up.
        remote.store.put(LEASE, granted.into_inner().unwrap(), Duration::from_secs(5));
        warm(form, cache, &origin).await;
        assert_eq!(cache.stats().fills, 1);
    }
}

#[tokio::test]
async fn a_lease_is_kept_alive_for_as_long_as_its_load_takes() {
    let (remote, origin, gate) = (Remote::tiered(), Origin::default(), Gate::closed());
    let cache = remote.world.cache.clone();
    let task = {
        let (cache, load) = (cache.clone(), origin.waits(&gate, Ok(1)));
        tokio::spawn(async move { Form::Entry.plain(&cache, "k", load).await.value })
    };
    until("the load", || origin.loads() == 1).await;
    for _ in 0..12 {
        remote.world.advance(Duration::from_millis(1_700));
        others_rest().await;
    }
    gate.open();
    assert_eq!(task.await.unwrap(), Ok(1));
    cache.settle().await;
    assert_eq!(cache.stats().fills, 1);
    assert_eq!(seen(Form::Entry, &cache, &origin, 2).await, (Source::Memory, 1));
}

#[tokio::test]
async fn e2_one_process_refreshes_and_the_others_go_on_with_what_they_have() {
    let (remote, origin, gate) = (Remote::tiered(), Origin::default(), Gate::closed());
    let (cache, other) = (remote.world.cache.clone(), remote.tiered_neighbour());
    let ask = |cache: &Cache, value| {
        let (cache, load) = (cache.clone(), origin.waits(&gate, Ok(value)));
        async move {
            let entry = cache.entry("k").ttl(TTL).in_background().refresh(Percent::new(50));
            entry.observe::<u32, Fault, _>(|| load).await
        }
    };
    gate.open();
    ask(&cache, 1).await;
    cache.settle().await;
    assert_eq!(ask(&other, 9).await.value, Ok(1));
    let gate = Gate::closed();
    let ask = |cache: &Cache, value| {
        let (cache, load) = (cache.clone(), origin.waits(&gate, Ok(value)));
        async move {
            let entry = cache.entry("k").ttl(TTL).in_background().refresh(Percent::new(50));
            entry.observe::<u32, Fault, _>(|| load).await
        }
    };
    remote.world.advance(TTL / 2);
    others_rest().await;
    for _ in 0..5 {
        assert_eq!(ask(&cache, 2).await.value, Ok(1));
        assert_eq!(ask(&other, 3).await.value, Ok(1));
        others_rest().await;
    }
    assert_eq!(origin.loads(), 2, "one refresh");
    gate.open();
    cache.settle().await;
    other.settle().await;
    assert_eq!(ask(&other, 9).await.value, Ok(2));
    assert_eq!(ask(&cache, 9).await.value, Ok(2));
    assert_eq!(origin.loads(), 2);
}

#[tokio::test]
async fn e2_what_another_process_has_just_refreshed_is_not_refreshed_again() {
    let (remote, origin) = (Remote::tiered(), Origin::default());
    let (cache, other) = (remote.world.cache.clone(), remote.tiered_neighbour());
    let ask = async |cache: &Cache, value| {
        let load = origin.returns(Ok(value));
        let entry = cache.entry("k").ttl(TTL).in_background().refresh(Percent::new(50));
        let answer = entry.observe::<u32, Fault, _>(|| load).await;
        (answer.outcome.source, answer.value.unwrap())
    };
    assert_eq!(ask(&cache, 1).await, (Source::Load, 1));
    cache.settle().await;
    assert_eq!(ask(&other, 9).await, (Source::Backend, 1));
    remote.world.advance(TTL / 2);
    others_rest().await;
    remote.chaos.on("lease", Chaotic::Delay(SOON));
    assert_eq!(ask(&cache, 2).await, (Source::Memory, 1));
    until("it asks", || remote.chaos.operations().contains(&"lease")).await;
    assert_eq!(ask(&other, 3).await, (Source::Memory, 1));
    other.settle().await;
    remote.world.advance(SOON);
    cache.settle().await;
    assert_eq!(ask(&cache, 9).await, (Source::Memory, 3));
    assert_eq!(origin.loads(), 2);
}

#[tokio::test]
async fn what_a_stand_in_answered_is_a_miss_that_is_loaded_without_a_lease() {
    for form in FORMS {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        let cache = &remote.world.cache;
        warm(form, cache, &origin).await;
        remote.chaos.on("read", Chaotic::Error(Class::Scattered));
        remote.world.advance(WINDOW + SOON);
        remote.chaos.forget_operations();
        // What memory has is a copy by now, which others may have invalidated.
        assert_eq!(seen(form, cache, &origin, 2).await, (Source::Load, 2));
        cache.settle().await;
        assert_eq!(remote.chaos.operations(), ["read"], "nothing is created, leased or filled");
        assert_eq!(seen(form, cache, &origin, 3).await, (Source::Memory, 2), "for the window");
        remote.world.advance(WINDOW + SOON);
        assert_eq!(seen(form, cache, &origin, 3).await, (Source::Load, 3));
        assert_eq!(cache.entry("nothing").get::<u32>().await.unwrap(), None);
        remote.chaos.heal();
    }
}
