//! Leases that somebody holds for ever, or that nobody can hold.

use std::collections::HashMap;
use std::time::Duration;

use athena_cache::Source;

use super::{LEASE, SOON, WINDOW, seen};
use crate::world::{FORMS, Fault, Form, Log, Origin, Remote, others_rest, until};

const HOUR: Duration = Duration::from_secs(3_600);
const TOKEN: &[u8; 16] = b"0001000000000001";

#[tokio::test]
async fn what_is_no_lease_is_removed_at_once_and_the_value_is_stored() {
    for form in FORMS {
        for (bytes, life) in
            [(&b"x"[..], HOUR / 2), (b"", Duration::MAX), (b"0000000000000000", HOUR)]
        {
            let (remote, origin) = (Remote::tiered(), Origin::default());
            let cache = &remote.world.cache;
            remote.store.put(LEASE, bytes, life);
            assert_eq!(seen(form, cache, &origin, 1).await, (Source::Load, 1), "without a wait");
            cache.settle().await;
            assert_eq!(cache.stats().fills, 1);
            assert_eq!(remote.store.bytes(LEASE), None);
        }
    }
}

#[tokio::test]
async fn leases_that_nobody_can_hold_are_told_of_once_a_minute_with_their_number() {
    let log = Log::default();
    // A second one, or the callsites of other tests in this process are cached for the first.
    let (_other, _guard) = (Log::default().set(), log.set());
    let (remote, origin) = (Remote::tiered(), Origin::default());
    let cache = &remote.world.cache;
    let ousted = async |number: u32| {
        let name = format!("k{number}");
        remote.store.put(&format!("test:{{k:{name}}}:l"), *b"x", HOUR / 2);
        let load = || origin.returns(Ok::<_, Fault>(number));
        assert_eq!(cache.entry(&name).get_or_load(load).await, Ok(number));
    };
    let told = || {
        let lines = log.lines().into_iter();
        lines.filter(|line| line.contains("removed a lease")).collect::<Vec<_>>()
    };
    for number in 0..3 {
        ousted(number).await;
    }
    assert_eq!(told().len(), 1, "{:?}", log.lines());
    remote.world.advance(Duration::from_secs(60));
    ousted(3).await;
    assert_eq!(told().len(), 2, "{:?}", log.lines());
    assert!(told()[1].ends_with("count=3"), "{:?}", told());
}

#[tokio::test]
async fn a_lease_without_an_end_or_with_one_that_no_setting_allows_is_removed_at_the_second_look() {
    for form in FORMS {
        for life in [Duration::MAX, HOUR + Duration::from_secs(1)] {
            let (remote, origin) = (Remote::tiered(), Origin::default());
            let cache = remote.world.cache.clone();
            remote.store.put(LEASE, *TOKEN, life);
            let task = {
                let (cache, load) = (cache.clone(), origin.returns(Ok(1)));
                tokio::spawn(async move { form.plain(&cache, "k", load).await.value })
            };
            until("it waits", || remote.world.clock.sleepers() == 1).await;
            remote.world.advance(SOON);
            assert_eq!(task.await.unwrap(), Ok(1));
            cache.settle().await;
            assert_eq!(cache.stats().fills, 1);
        }
    }
}

#[tokio::test]
async fn a_lease_that_a_setting_allows_is_left_to_its_holder() {
    for life in [Duration::from_secs(1), HOUR] {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        let cache = remote.world.cache.clone();
        remote.store.put(LEASE, *TOKEN, life);
        let load = origin.returns(Ok(1));
        let task = tokio::spawn(async move { Form::Entry.plain(&cache, "k", load).await.value });
        until("it waits", || remote.world.clock.sleepers() == 1).await;
        // It looks several times, also when somebody has told of it.
        for _ in 0..3 {
            remote.store.put(LEASE, *TOKEN, life);
            others_rest().await;
        }
        assert_eq!(remote.store.bytes(LEASE).as_deref(), Some(&TOKEN[..]));
        assert_eq!(origin.loads(), 0);
        task.abort();
    }
}

#[tokio::test]
async fn a_lease_that_was_waited_for_in_vain_is_not_waited_for_again() {
    for form in FORMS {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        let cache = remote.world.cache.clone();
        remote.store.put(LEASE, *TOKEN, HOUR);
        let ask = |value| {
            let (cache, load) = (cache.clone(), origin.returns(Ok(value)));
            tokio::spawn(async move { form.plain(&cache, "k", load).await.value })
        };
        let first = ask(1);
        until("it waits", || remote.world.clock.sleepers() == 1).await;
        for passed in 0..30 {
            assert_eq!(origin.loads(), 0, "after {passed} s");
            remote.world.advance(Duration::from_secs(1));
            others_rest().await;
        }
        assert_eq!(first.await.unwrap(), Ok(1));
        for value in 2..5 {
            remote.world.advance(WINDOW + SOON);
            assert_eq!(seen(form, &cache, &origin, value).await, (Source::Load, value), "at once");
        }
        assert_eq!(
            remote.store.bytes(LEASE).as_deref(),
            Some(&TOKEN[..]),
            "its holder may come back"
        );
        // Somebody else loads by now.
        remote.store.put(LEASE, *b"0001000000000002", Duration::from_secs(5));
        remote.world.advance(WINDOW + SOON);
        let last = ask(9);
        until("it waits", || remote.world.clock.sleepers() == 1).await;
        others_rest().await;
        assert!(!last.is_finished());
        remote.store.delete(LEASE);
        assert_eq!(last.await.unwrap(), Ok(9));
        cache.settle().await;
        assert_eq!(cache.stats().fills, 1);
    }
}

#[tokio::test]
async fn a_batch_waits_for_no_lease_that_nobody_can_hold_or_that_was_waited_for_in_vain() {
    let remote = Remote::tiered();
    let cache = remote.world.cache.clone();
    let [poisoned, held] = ["a", "b"].map(|name| format!("test:{{k:{name}}}:l"));
    let batch = || {
        let cache = cache.clone();
        tokio::spawn(async move {
            let load = async |names: Vec<String>| {
                let loaded = names.into_iter().map(|name| (name, 1_u32));
                Ok::<_, Fault>(loaded.collect::<HashMap<_, _>>())
            };
            cache.batch(["a", "b"]).get_or_load_many(load).await.map(|found| found.len())
        })
    };
    remote.store.put(&poisoned, *b"x", Duration::MAX);
    remote.store.put(&held, *TOKEN, HOUR);
    let first = batch();
    while !first.is_finished() {
        remote.world.advance(Duration::from_secs(1));
        others_rest().await;
    }
    assert!(first.await.unwrap().is_ok());
    cache.settle().await;
    remote.world.advance(WINDOW + SOON);
    assert_eq!(remote.store.bytes(&poisoned), None);
    let again = batch();
    assert_eq!(again.await.unwrap(), Ok(2), "without a wait");
}
