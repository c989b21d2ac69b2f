//! Generations of tags: how long they are there, and what follows once they are gone.

use std::future::{Ready, ready};
use std::time::Duration;

use athena_cache::testing::{Fault as Chaotic, ManualClock, MemoryBackend};
use athena_cache::{Cache, Invalidated, Memory, Observed, Resilience, Source};

use crate::world::{Fault, Gate, Origin, Remote, until};

const HOUR: Duration = Duration::from_secs(60 * 60);
const TAG: &str = "test:#t";

/// A process whose random numbers nobody else has.
fn process(store: &MemoryBackend, clock: &ManualClock, seed: u64) -> Cache {
    let builder = Cache::builder("test").clock(clock).seed(seed).backend(store.clone());
    builder.build().unwrap()
}

fn world() -> (MemoryBackend, ManualClock) {
    let clock = ManualClock::new();
    (MemoryBackend::with_clock(&clock), clock)
}

/// One call of an entry with the tag, which lives for an hour.
async fn call(
    cache: &Cache,
    key: &str,
    load: impl Future<Output = Result<u32, Fault>>,
) -> Observed<Result<u32, Fault>> {
    cache.entry(key).tags(["t"]).ttl(HOUR).observe(|| load).await
}

fn returns(value: u32) -> Ready<Result<u32, Fault>> {
    ready(Ok(value))
}

/// As if somebody had shortened the life of the tag's generation.
fn shorten(store: &MemoryBackend, name: &str) {
    store.put(name, store.bytes(name).unwrap(), Duration::from_secs(1));
}

#[tokio::test]
async fn an_entry_whose_tag_has_lost_its_generation_never_counts_again() {
    for by in ["its end", "eviction"] {
        let (store, clock) = world();
        let [one, two, three] = [1, 2, 3].map(|seed| process(&store, &clock, seed));
        call(&one, "k", returns(1)).await;
        one.settle().await;
        assert_eq!(call(&two, "k", returns(2)).await.value, Ok(1));
        if by == "eviction" {
            store.delete(TAG);
        } else {
            shorten(&store, TAG);
            clock.advance(Duration::from_secs(2));
        }
        assert_eq!(three.invalidate_tag("t").await, Invalidated::Done);
        assert!(!store.names().iter().any(|name| name == TAG), "{by}: nothing is made of it");
        for cache in [&one, &two, &three] {
            let seen = call(cache, "k", returns(3)).await;
            assert_eq!(seen.value, Ok(3), "{by}");
            cache.settle().await;
        }
    }
}

#[tokio::test]
async fn a_tag_that_labels_nothing_makes_no_name() {
    let (store, clock) = world();
    let cache = process(&store, &clock, 1);
    for number in 0..300 {
        assert_eq!(cache.invalidate_tag(format!("{number}")).await, Invalidated::Done);
    }
    assert_eq!(cache.clear().await, Invalidated::Done);
    assert_eq!(store.names(), ["test:#"], "the one of all tags");
}

#[tokio::test]
async fn nothing_is_left_of_tags_once_all_their_entries_have_ended() {
    let (store, clock) = world();
    let cache = process(&store, &clock, 1);
    for number in 0..500 {
        let entry = cache.entry(format!("{number}")).tags([format!("{number}")]).ttl(HOUR);
        entry.observe(|| returns(1)).await;
    }
    cache.settle().await;
    assert_eq!(store.names().len(), 2 * 500 + 1);
    clock.advance(HOUR - Duration::from_secs(1));
    assert_eq!(store.names().len(), 2 * 500 + 1, "each outlives its entry");
    clock.advance(2 * HOUR);
    assert_eq!(store.names(), ["test:*"], "the one of the namespace");
}

#[tokio::test]
async fn memory_keeps_what_has_a_tag_while_others_fill_under_it() {
    let (store, clock) = world();
    let [one, two] = [1, 2].map(|seed| process(&store, &clock, seed));
    call(&one, "k", returns(1)).await;
    one.settle().await;
    for number in 0..200 {
        call(&two, &format!("{number}"), returns(1)).await;
        two.settle().await;
        assert_eq!(call(&one, "k", returns(2)).await.outcome.source, Source::Memory);
    }
    // Half of its life is over: it is let live on, which is heard of once.
    let mut lost = 0;
    for round in 0..10 {
        clock.advance(HOUR / 5);
        for number in 0..20 {
            call(&two, &format!("{round} {number}"), returns(1)).await;
            two.settle().await;
            let seen = call(&one, "k", returns(1)).await;
            lost += usize::from(seen.outcome.source == Source::Backend);
            one.settle().await;
        }
    }
    assert!(lost <= 2 + 10, "{lost}: ten reads prove that memory is up to date");
}

#[tokio::test]
async fn a_load_that_outlasts_the_life_of_its_tag_is_kept_all_the_same() {
    let (store, clock) = world();
    let [one, two] = [1, 2].map(|seed| process(&store, &clock, seed));
    let (origin, gate) = (Origin::default(), Gate::closed());
    let load = origin.waits(&gate, Ok::<u32, Fault>(1));
    let slow = {
        let one = one.clone();
        let second = Duration::from_secs(1);
        tokio::spawn(async move { one.entry("k").tags(["t"]).ttl(second).observe(|| load).await })
    };
    until("the load", || origin.loads() == 1).await;
    for _ in 0..600 {
        clock.advance(Duration::from_secs(1));
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
    gate.open();
    assert_eq!(slow.await.unwrap().value, Ok(1));
    one.settle().await;
    let seen = two.entry("k").tags(["t"]).observe(|| returns(2)).await;
    assert_eq!((seen.value, seen.outcome.source), (Ok(1), Source::Backend));
}

#[tokio::test]
async fn p2_an_invalidation_that_is_attempted_again_brings_nothing_back() {
    let remote =
        Remote::with(|builder| builder.resilience(Resilience::guide()).memory(Memory::default()));
    let [one, two] = [7, 8].map(|seed| process(&remote.store, &remote.world.clock, seed));
    call(&one, "k", returns(1)).await;
    one.settle().await;
    // Done, but nobody hears of it: it is attempted again a second later.
    remote.chaos.next(1, Chaotic::LostAck);
    let cache = remote.world.cache.clone();
    let first = tokio::spawn(async move { cache.invalidate_tag("t").await });
    until("the first attempt", || remote.chaos.operations().contains(&"bump")).await;
    assert_eq!(call(&one, "k", returns(2)).await.value, Ok(2));
    one.settle().await;
    assert_eq!(two.invalidate_tag("t").await, Invalidated::Done);
    until("the second attempt", || {
        remote.world.advance(Duration::from_millis(100));
        first.is_finished()
    })
    .await;
    assert_eq!(first.await.unwrap(), Invalidated::Done);
    for cache in [&one, &two] {
        assert_eq!(call(cache, "k", returns(3)).await.value, Ok(3));
        cache.settle().await;
    }
}
