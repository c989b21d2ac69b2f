//! Rules 2, 3 and 10: what others change is heard of, and what this process changes itself.

use std::cell::RefCell;

use athena_cache::testing::Fault as Chaotic;
use athena_cache::{Cache, Invalidated, Source};
use serde::{Deserialize, Serialize};

use super::{SOON, WINDOW, seen, value_name, warm};
use crate::world::{FORMS, Fault, Form, Origin, Remote, TTL, labelled, others_rest, until};

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
async fn an_insert_ends_what_other_builds_have_of_the_entry() {
    let remote = Remote::tiered();
    // More of them than an entry has lanes.
    for version in 1..=9 {
        let (this, other) = (remote.neighbour(), remote.neighbour());
        this.entry("k").ttl(TTL).version(version).insert(version).await.unwrap();
        for earlier in 1..version {
            let found = other.entry("k").version(earlier).get::<u32>().await;
            assert_eq!(found.unwrap(), None, "{earlier} beside {version}");
        }
        let found = other.entry("k").version(version).get().await;
        assert_eq!(found.unwrap(), Some(version));
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
        remote.chaos.on("fill", Chaotic::Delay(SOON));
        let first = tokio::spawn({
            let cache = cache.clone();
            async move { cache.entry("plain:k").ttl(TTL).insert(10_u32).await }
        });
        until("it is on its way", || remote.chaos.operations().contains(&"fill")).await;
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
        // The second one ended the lease of the first.
        let there = remote.tiered_neighbour().entry("plain:k").get::<u32>().await.unwrap();
        assert_eq!(there, Some(20), "{process}");
        assert_eq!(ask().await, 20, "{process}");
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
