//! Rules 1 and 13 to 16 of docs/protocol.md: who shares a load.

use athena_cache::backend::Class;
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{Fallback, Source};
use tokio::task::JoinHandle;

use super::{SOON, WINDOW, loading, seen};
use crate::world::{FORMS, Fault, Form, Gate, Origin, Remote, TTL, labelled, others_rest, until};

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

/// A caller of `k` who does not load, unless nobody else does.
fn calling(remote: &Remote, origin: &Origin, fallback: Fallback) -> JoinHandle<Observed> {
    let (cache, load) = (remote.world.cache.clone(), origin.returns(Ok(2)));
    tokio::spawn(async move {
        cache.entry("plain:k").ttl(TTL).fallback(fallback).observe(|| load).await
    })
}

type Observed = athena_cache::Observed<Result<u32, Fault>>;

const FALLBACKS: [Fallback; 2] = [Fallback::GracefulDegradation, Fallback::OriginOnly];

/// Nobody may load under a lease, and what is read is believed.
fn refuse_leases(remote: &Remote) {
    remote.chaos.on("lease", Chaotic::Error(Class::WriteRefused));
}

#[tokio::test]
async fn a_load_that_is_not_announced_is_shared_by_those_who_come_within_the_window() {
    for (fallback, is_leased) in FALLBACKS.into_iter().zip([true, false]) {
        let (remote, origin, gate) = (Remote::tiered(), Origin::default(), Gate::closed());
        let cache = remote.world.cache.clone();
        if !is_leased {
            refuse_leases(&remote);
        }
        let early = loading(Form::Entry, &cache, &origin, &gate).await;
        remote.chaos.reconnect();
        remote.world.advance(WINDOW - SOON);
        let late = calling(&remote, &origin, fallback);
        others_rest().await;
        gate.open();
        let late = late.await.unwrap();
        assert_eq!((late.value, late.outcome.degraded, late.outcome.joined), (Ok(1), false, true));
        assert_eq!((early.await.unwrap(), origin.loads()), (Ok(1), 1));
    }
}

#[tokio::test]
async fn who_comes_later_reads_what_was_loaded_under_a_lease_once_it_is_stored() {
    for fallback in FALLBACKS {
        let (remote, origin, gate) = (Remote::tiered(), Origin::default(), Gate::closed());
        let cache = remote.world.cache.clone();
        remote.connection.stop_tracking();
        let early = loading(Form::Entry, &cache, &origin, &gate).await;
        remote.chaos.on("fill", Chaotic::Delay(SOON));
        remote.world.advance(WINDOW);
        let late = calling(&remote, &origin, fallback);
        others_rest().await;
        gate.open();
        assert_eq!(early.await.unwrap(), Ok(1));
        others_rest().await;
        assert!(!late.is_finished(), "the fill is still under way");
        remote.world.advance(SOON);
        let late = late.await.unwrap();
        assert_eq!((late.value, late.outcome.degraded), (Ok(1), false));
        assert_eq!((late.outcome.source, origin.loads()), (Source::Backend, 1));
    }
}

#[tokio::test]
async fn who_comes_later_loads_anew_if_the_fill_they_wait_for_is_refused() {
    for fallback in FALLBACKS {
        let (remote, origin, gate) = (Remote::tiered(), Origin::default(), Gate::closed());
        let cache = remote.world.cache.clone();
        let early = loading(Form::Entry, &cache, &origin, &gate).await;
        // A fill is refused on another connection than its lease's.
        remote.chaos.reconnect();
        remote.world.advance(WINDOW);
        let late = calling(&remote, &origin, fallback);
        others_rest().await;
        gate.open();
        let late = late.await.unwrap();
        assert_eq!((late.value, late.outcome.degraded), (Ok(2), false));
        assert_eq!((early.await.unwrap(), origin.loads()), (Ok(1), 2));
    }
}

#[tokio::test]
async fn who_comes_later_than_the_window_to_a_load_without_a_lease_gets_it_flagged() {
    let (remote, origin, gate) = (Remote::tiered(), Origin::default(), Gate::closed());
    let cache = remote.world.cache.clone();
    refuse_leases(&remote);
    let early = loading(Form::Entry, &cache, &origin, &gate).await;
    remote.world.advance(WINDOW);
    let late = calling(&remote, &origin, Fallback::GracefulDegradation);
    others_rest().await;
    gate.open();
    let late = late.await.unwrap();
    assert_eq!((late.value, late.outcome.degraded), (Ok(1), true));
    assert_eq!((early.await.unwrap(), origin.loads()), (Ok(1), 1));
}

#[tokio::test]
async fn who_takes_no_copies_loads_anew_a_window_after_a_load_without_a_lease_began() {
    let (remote, origin, gate) = (Remote::tiered(), Origin::default(), Gate::closed());
    let cache = remote.world.cache.clone();
    refuse_leases(&remote);
    let early = loading(Form::Entry, &cache, &origin, &gate).await;
    remote.world.advance(WINDOW);
    let late = calling(&remote, &origin, Fallback::OriginOnly).await.unwrap();
    assert_eq!((late.value, late.outcome.degraded), (Ok(2), false));
    gate.open();
    assert_eq!(early.await.unwrap(), Ok(1), "who came before has what it loads");
    assert_eq!(seen(Form::Entry, &cache, &origin, 3).await, (Source::Memory, 2));
}

#[tokio::test]
async fn a_leader_whose_key_is_invalidated_before_its_load_begins_waits_for_the_newer_load() {
    let (remote, origin, gate) = (Remote::tiered(), Origin::default(), Gate::closed());
    let cache = remote.world.cache.clone();
    remote.chaos.on("read", Chaotic::Delay(SOON));
    let first = calling(&remote, &origin, Fallback::GracefulDegradation);
    until("it looks", || remote.world.clock.sleepers() > 0).await;
    remote.chaos.heal();
    let _ = cache.invalidate("plain:k").await;
    let second = loading(Form::Entry, &cache, &origin, &gate).await;
    remote.world.advance(SOON);
    others_rest().await;
    assert_eq!(origin.loads(), 1, "one load for both");
    gate.open();
    assert_eq!((first.await.unwrap().value, second.await.unwrap()), (Ok(1), Ok(1)));
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
