//! Memory in front of a backend that others change as well.

use std::cell::{OnceCell, RefCell};
use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{Cache, Invalidated, Memory, Percent, Source};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use crate::world::{
    FORMS, Fault, Form, GRACE, Gate, Origin, Remote, TTL, labelled, others_rest, until,
};

const WINDOW: Duration = Duration::from_secs(2);

/// Within the time that is allowed for one attempt.
const SOON: Duration = Duration::from_millis(100);

/// The name of the lease of `k`.
const LEASE: &str = "test:{k:plain:k}:l";

/// Where the value of `k` comes from now, and what it is.
async fn seen(form: Form, cache: &Cache, origin: &Origin, value: u32) -> (Source, u32) {
    let answer = form.plain(cache, "k", origin.returns(Ok(value))).await;
    assert!(!answer.outcome.degraded && !answer.outcome.stale, "{:?}", answer.outcome);
    (answer.outcome.source, answer.value.unwrap())
}

/// Loads `k` as 1 and lets the backend have it.
async fn warm(form: Form, cache: &Cache, origin: &Origin) {
    assert_eq!(seen(form, cache, origin, 1).await, (Source::Load, 1));
    cache.settle().await;
}

/// A caller whose load of `k` runs, and returns 1 once the gate is open.
async fn loading(
    form: Form,
    cache: &Cache,
    origin: &Origin,
    gate: &Gate,
) -> JoinHandle<Result<u32, Fault>> {
    let (cache, load) = (cache.clone(), origin.waits(gate, Ok(1)));
    let caller = tokio::spawn(async move { form.plain(&cache, "k", load).await.value });
    until("the load", || origin.loads() == 1).await;
    caller
}

/// The name of the value in the backend.
fn value_name(remote: &Remote) -> String {
    let names = remote.store.names();
    names.iter().find(|name| name.contains("plain")).expect("it was stored").clone()
}

#[tokio::test]
async fn t1_a_hit_in_memory_sends_nothing() {
    for form in FORMS {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        warm(form, &remote.world.cache, &origin).await;
        remote.chaos.forget_operations();
        for _ in 0..3 {
            assert_eq!(seen(form, &remote.world.cache, &origin, 2).await, (Source::Memory, 1));
        }
        assert_eq!(remote.chaos.operations(), [""; 0]);
    }
}

#[tokio::test]
async fn t1_a_hit_in_the_backend_is_one_round_trip_and_is_promoted() {
    for form in FORMS {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        warm(form, &remote.neighbour(), &origin).await;
        let cache = &remote.world.cache;
        remote.chaos.forget_operations();
        assert_eq!(seen(form, cache, &origin, 2).await, (Source::Backend, 1));
        assert_eq!(seen(form, cache, &origin, 2).await, (Source::Memory, 1));
        assert_eq!(remote.chaos.operations(), ["read"]);
    }
}

#[tokio::test]
async fn t2_an_older_value_of_the_backend_never_replaces_a_newer_one_of_memory() {
    for form in FORMS {
        for remote in [Remote::tiered(), Remote::new()] {
            let (cache, origin) = (&remote.world.cache, Origin::default());
            warm(form, &remote.neighbour(), &origin).await;
            remote.world.advance(TTL / 2);
            remote.chaos.on("read", Chaotic::Error(Class::Unreachable));
            assert_eq!(seen(form, cache, &origin, 2).await, (Source::Load, 2));
            cache.settle().await;
            remote.chaos.heal();
            assert_eq!(seen(form, cache, &origin, 3).await, (Source::Load, 3));
            cache.settle().await;
            assert_eq!(seen(form, &remote.neighbour(), &origin, 4).await, (Source::Backend, 3));
        }
    }
}

#[tokio::test]
async fn i2_what_another_process_invalidates_leaves_this_memory() {
    for form in FORMS {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        let (cache, other) = (&remote.world.cache, remote.neighbour());
        let name = "plain:k";
        for invalidate in ["key", "namespace"] {
            warm(form, cache, &origin).await;
            assert_eq!(seen(form, cache, &origin, 2).await, (Source::Memory, 1));
            let done = match invalidate {
                "key" => other.invalidate(name).await,
                _ => other.clear().await,
            };
            assert_eq!(done, Invalidated::Done);
            assert_eq!(seen(form, cache, &origin, 2).await, (Source::Load, 2), "{invalidate}");
            let _ = cache.invalidate(name).await;
        }
    }
}

#[tokio::test]
async fn i2_a_tag_that_another_process_invalidates_takes_its_entries_from_this_memory() {
    let (remote, origin) = (Remote::tiered(), Origin::default());
    let (cache, other) = (&remote.world.cache, remote.neighbour());
    let load = |name: &'static str, value| {
        let load = origin.returns(Ok(value));
        let entry = cache.entry(name).ttl(TTL).tags(["a", "b"]);
        entry.observe::<u32, Fault, _>(|| load)
    };
    load("one", 1).await;
    load("two", 1).await;
    cache.settle().await;
    assert_eq!(load("one", 2).await.outcome.source, Source::Memory);
    let _ = other.invalidate_tag("b").await;
    let _ = other.invalidate_tag("unknown").await;
    assert_eq!(load("one", 2).await.value, Ok(2));
    assert_eq!(load("two", 2).await.value, Ok(2));
}

#[tokio::test]
async fn t6_whatever_deletes_the_value_is_heard_of() {
    let (remote, origin) = (Remote::tiered(), Origin::default());
    let cache = &remote.world.cache;
    for disturb in ["delete", "overwrite", "flush"] {
        warm(Form::Entry, cache, &origin).await;
        assert_eq!(seen(Form::Entry, cache, &origin, 2).await, (Source::Memory, 1));
        match disturb {
            "delete" => remote.store.delete(&value_name(&remote)),
            "overwrite" => remote.store.put(&value_name(&remote), *b"foreign", TTL),
            _ => remote.store.wipe(),
        }
        assert_eq!(seen(Form::Entry, cache, &origin, 2).await, (Source::Load, 2), "{disturb}");
        let _ = cache.invalidate("plain:k").await;
    }
}

#[tokio::test]
async fn t6_memory_is_trusted_for_the_window_after_the_last_proof_and_read_again_then() {
    for form in FORMS {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        let (cache, other) = (&remote.world.cache, remote.neighbour());
        warm(form, cache, &origin).await;
        // Neither announcements nor proofs arrive any more.
        remote.connection.hold_back();
        let _ = other.invalidate("plain:k").await;
        assert_eq!(seen(form, cache, &origin, 2).await, (Source::Memory, 1), "nobody can know");
        remote.world.advance(WINDOW);
        assert_eq!(seen(form, cache, &origin, 2).await, (Source::Load, 2));
    }
}

#[tokio::test]
async fn t6_memory_is_trusted_for_as_long_as_proofs_arrive() {
    let (remote, origin) = (Remote::tiered(), Origin::default());
    let cache = &remote.world.cache;
    warm(Form::Entry, cache, &origin).await;
    for _ in 0..8 {
        remote.world.advance(WINDOW / 2);
        others_rest().await;
        assert_eq!(seen(Form::Entry, cache, &origin, 2).await, (Source::Memory, 1));
    }
}

#[tokio::test]
async fn t6_an_untrusted_copy_that_is_still_there_is_read_again_and_not_loaded() {
    for form in FORMS {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        let cache = &remote.world.cache;
        warm(form, cache, &origin).await;
        remote.chaos.reconnect();
        assert_eq!(seen(form, cache, &origin, 2).await, (Source::Backend, 1));
        assert_eq!(seen(form, cache, &origin, 2).await, (Source::Memory, 1));
    }
}

#[tokio::test]
async fn t6_an_untrusted_copy_answers_flagged_while_the_backend_cannot() {
    for form in FORMS {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        let cache = &remote.world.cache;
        warm(form, cache, &origin).await;
        remote.chaos.always(Chaotic::Error(athena_cache::backend::Class::Unreachable));
        // Until the window is over nothing is known to be wrong.
        assert_eq!(seen(form, cache, &origin, 2).await, (Source::Memory, 1));
        remote.world.advance(WINDOW);
        let answer = form.plain(cache, "k", origin.returns(Ok(2))).await;
        assert_eq!(answer.value, Ok(1));
        assert!(answer.outcome.degraded);
    }
}

#[tokio::test]
async fn where_nothing_is_tracked_memory_is_trusted_for_the_window_alone() {
    for form in FORMS {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        let cache = &remote.world.cache;
        remote.connection.stop_tracking();
        warm(form, cache, &origin).await;
        assert_eq!(seen(form, cache, &origin, 2).await, (Source::Memory, 1));
        for _ in 0..4 {
            remote.world.advance(WINDOW / 4);
            others_rest().await;
        }
        assert_eq!(seen(form, cache, &origin, 2).await, (Source::Backend, 1));
        assert_eq!(seen(form, cache, &origin, 2).await, (Source::Memory, 1));
    }
}

thread_local! {
    /// What happens while a value is being decoded, between the answer and the insertion.
    static MEANWHILE: RefCell<Option<Box<dyn FnOnce()>>> = RefCell::default();
}

/// A value that lets something happen while it is decoded.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Slow(u32);

impl<'de> Deserialize<'de> for Slow {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = u32::deserialize(deserializer)?;
        if let Some(meanwhile) = MEANWHILE.take() {
            meanwhile();
        }
        Ok(Self(value))
    }
}

#[tokio::test]
async fn t6_a_change_between_a_read_and_its_insertion_wins() {
    let (remote, origin) = (Remote::tiered(), Origin::default());
    let load = |cache: Cache, value| {
        let load = origin.returns(Ok(Slow(value)));
        async move { cache.entry("plain:k").ttl(TTL).observe::<Slow, Fault, _>(|| load).await }
    };
    let other = remote.neighbour();
    load(other.clone(), 1).await;
    other.settle().await;
    let (store, name) = (remote.store.clone(), value_name(&remote));
    MEANWHILE.set(Some(Box::new(move || store.delete(&name))));
    let cache = remote.world.cache.clone();
    assert_eq!(load(cache.clone(), 2).await.value, Ok(Slow(1)), "the read began before");
    assert!(MEANWHILE.take().is_none(), "it was decoded");
    assert_eq!(load(cache, 2).await.value, Ok(Slow(2)));
}

#[tokio::test]
async fn i2_nobody_joins_a_load_that_another_process_has_invalidated() {
    for form in FORMS {
        let (remote, origin, gate) = (Remote::tiered(), Origin::default(), Gate::closed());
        let (cache, other) = (remote.world.cache.clone(), remote.neighbour());
        let early = loading(form, &cache, &origin, &gate).await;
        let _ = other.invalidate("plain:k").await;
        let late = form.plain(&cache, "k", origin.returns(Ok(2))).await;
        assert_eq!(late.value, Ok(2));
        gate.open();
        assert_eq!(early.await.unwrap(), Ok(1), "it began before");
        cache.settle().await;
        assert_eq!(form.plain(&cache, "k", origin.returns(Ok(3))).await.value, Ok(2));
        assert_eq!(form.plain(&other, "k", origin.returns(Ok(3))).await.value, Ok(2));
    }
}

#[tokio::test]
async fn nobody_joins_a_load_of_which_it_might_not_be_heard_that_it_was_invalidated() {
    let (remote, origin, gate) = (Remote::tiered(), Origin::default(), Gate::closed());
    let cache = remote.world.cache.clone();
    let early = loading(Form::Entry, &cache, &origin, &gate).await;
    remote.chaos.reconnect();
    assert_eq!(seen(Form::Entry, &cache, &origin, 2).await, (Source::Load, 2));
    gate.open();
    assert_eq!(early.await.unwrap(), Ok(1));
}

#[tokio::test]
async fn a_value_that_the_backend_did_not_take_is_not_trusted() {
    for form in FORMS {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        let cache = &remote.world.cache;
        remote.chaos.on("fill", Chaotic::Error(athena_cache::backend::Class::WriteRefused));
        assert_eq!(seen(form, cache, &origin, 1).await, (Source::Load, 1));
        cache.settle().await;
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
async fn what_another_history_wrote_is_not_fresh_and_may_answer_in_grace() {
    for form in FORMS {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        let cache = &remote.world.cache;
        form.graceful(cache, "k", origin.returns(Ok(1))).await;
        cache.settle().await;
        remote.store.fail_over();
        let answer = form.graceful(cache, "k", origin.returns(Err(Fault::Down))).await;
        assert_eq!(answer.value, Ok(1));
        assert!(answer.outcome.stale);
        remote.world.advance(TTL);
        let answer = form.graceful(cache, "k", origin.returns(Ok(2))).await;
        assert_eq!(answer.value, Ok(2));
        cache.settle().await;
        let late = remote.neighbour();
        assert_eq!(form.graceful(&late, "k", origin.returns(Ok(3))).await.value, Ok(2));
        remote.world.advance(TTL + GRACE);
    }
}

#[tokio::test]
async fn i3_an_invalidation_that_a_lost_node_acknowledged_is_sent_to_its_successor() {
    let (remote, origin) = (Remote::tiered(), Origin::default());
    let (cache, other) = (&remote.world.cache, remote.neighbour());
    let _ = cache.invalidate("plain:k").await;
    remote.store.fail_over();
    // Somebody who has not heard of the invalidation stores the old value on the new node.
    warm(Form::Entry, &other, &origin).await;
    assert_eq!(seen(Form::Entry, cache, &origin, 2).await, (Source::Load, 2));
    cache.settle().await;
    assert_eq!(seen(Form::Entry, &other, &origin, 3).await, (Source::Backend, 2));
}

#[tokio::test]
async fn i3_p3_nothing_is_read_from_a_node_before_it_is_told_what_its_predecessor_acknowledged() {
    for form in FORMS {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        let cache = &remote.world.cache;
        warm(form, cache, &origin).await;
        assert_eq!(cache.invalidate("plain:k").await, Invalidated::Done);
        remote.store.fail_over_unnoticed();
        // The new node has never heard of that, and another process stores what it loaded before.
        warm(form, &remote.neighbour(), &origin).await;
        assert_eq!(seen(form, cache, &origin, 2).await, (Source::Load, 2));
        cache.settle().await;
        assert_eq!(seen(form, &remote.neighbour(), &origin, 3).await, (Source::Backend, 2));
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
async fn tags_that_only_the_value_knows_are_heard_of_as_well() {
    let (remote, origin) = (Remote::tiered(), Origin::default());
    let (cache, other) = (&remote.world.cache, remote.neighbour());
    let ask = |value| labelled(cache.clone(), origin.returns(Ok(value)));
    ask(1).await;
    cache.settle().await;
    // Its tag was read when it was stored, and is announced once the entry was read with it.
    assert_eq!(ask(2).await.outcome.source, Source::Backend);
    assert_eq!(ask(2).await.outcome.source, Source::Memory);
    let _ = other.invalidate_tag("V2").await;
    assert_eq!(ask(2).await.outcome.source, Source::Memory);
    let _ = other.invalidate_tag("V1").await;
    assert_eq!(ask(2).await.value, Ok(2));
}

#[tokio::test]
async fn nobody_joins_a_load_after_any_tag_has_changed_if_its_tags_are_not_known() {
    let (remote, origin, gate) = (Remote::tiered(), Origin::default(), Gate::closed());
    let (cache, other) = (remote.world.cache.clone(), remote.neighbour());
    let early = tokio::spawn(labelled(cache.clone(), origin.waits(&gate, Ok(1))));
    until("the load", || origin.loads() == 1).await;
    let _ = other.invalidate_tag("V1").await;
    assert_eq!(labelled(cache, origin.returns(Ok(2))).await.value, Ok(2));
    gate.open();
    assert_eq!(early.await.unwrap().value, Ok(1));
}

#[tokio::test]
async fn memory_can_be_kept_for_trouble_or_switched_off() {
    for (memory, expected) in [
        (Memory::default(), Source::Memory),
        (Memory::fallback_only(10), Source::Backend),
        (Memory::off(), Source::Backend),
    ] {
        let remote = Remote::with(|builder| builder.memory(memory));
        let origin = Origin::default();
        warm(Form::Entry, &remote.world.cache, &origin).await;
        assert_eq!(seen(Form::Entry, &remote.world.cache, &origin, 2).await, (expected, 1));
    }
}

#[tokio::test]
async fn i2_p2_what_this_process_sends_again_does_not_end_its_hearing_of_others() {
    for what in ["tag", "namespace"] {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        let (cache, other) = (&remote.world.cache, &remote.neighbour());
        let ask = async |cache: &Cache, value| {
            let load = origin.returns(Ok(value));
            let entry = cache.entry("k").ttl(TTL).tags(["t"]);
            let answer = entry.observe::<u32, Fault, _>(|| load).await;
            cache.settle().await;
            (answer.outcome.source, answer.value.unwrap())
        };
        let invalidate = async |cache: &Cache| match what {
            "tag" => cache.invalidate_tag("t").await,
            _ => cache.clear().await,
        };
        assert_eq!(invalidate(cache).await, Invalidated::Done);
        remote.store.fail_over_unnoticed();
        // The next node is known for what it is, and has not been told.
        remote.world.advance(WINDOW / 4);
        others_rest().await;
        assert_eq!(ask(other, 1).await, (Source::Load, 1));
        assert_eq!(ask(cache, 2).await, (Source::Load, 2), "{what}");
        assert_eq!(ask(cache, 3).await, (Source::Memory, 2), "{what}");
        assert_eq!(invalidate(other).await, Invalidated::Done);
        assert_eq!(ask(cache, 3).await, (Source::Load, 3), "{what}");
    }
}

#[tokio::test]
async fn of_two_values_that_are_inserted_at_once_memory_keeps_the_one_that_the_backend_has() {
    let (remote, origin) = (Remote::tiered(), Origin::default());
    for (process, second) in
        [remote.world.cache.clone(), remote.neighbour()].into_iter().enumerate()
    {
        let cache = remote.world.cache.clone();
        remote.chaos.forget_operations();
        remote.chaos.on("insert", Chaotic::Delay(SOON));
        let first = tokio::spawn({
            let cache = cache.clone();
            async move { cache.entry("plain:k").ttl(TTL).insert(10_u32).await }
        });
        until("it is on its way", || remote.chaos.operations().contains(&"insert")).await;
        remote.chaos.heal();
        second.entry("plain:k").ttl(TTL).insert(20_u32).await.unwrap();
        let ask = async || {
            let load = origin.returns(Ok(30));
            let entry = cache.entry("plain:k").ttl(TTL);
            entry.get_or_load::<u32, Fault, _>(|| load).await.unwrap()
        };
        assert_eq!((ask().await, ask().await), (20, 20), "{process}");
        remote.world.advance(SOON);
        first.await.unwrap().unwrap();
        let there = remote.tiered_neighbour().entry("plain:k").get::<u32>().await.unwrap();
        assert_eq!(there, Some(10), "{process}");
        assert_eq!(ask().await, 10, "{process}");
    }
}

#[tokio::test]
async fn i3_a_process_that_only_invalidates_tells_the_next_node_as_well() {
    let remote = Remote::tiered();
    let (other, origin) = (remote.neighbour(), Origin::default());
    warm(Form::Entry, &other, &origin).await;
    // Made where no task can be started yet.
    let cache =
        std::thread::scope(|scope| scope.spawn(|| remote.tiered_neighbour()).join()).unwrap();
    assert_eq!(cache.invalidate("plain:k").await, Invalidated::Done);
    remote.store.fail_over();
    warm(Form::Entry, &remote.neighbour(), &origin).await;
    for _ in 0..10 {
        others_rest().await;
        remote.world.advance(Duration::from_millis(200));
    }
    others_rest().await;
    assert!(!remote.store.names().iter().any(|name| name.contains("plain")), "it is told");
}
