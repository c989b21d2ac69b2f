//! Code of users that runs for the cache's sake never brings a caller down.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use athena_cache::{Cache, Event, Observer, Source, athena_cache, of};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::world::{Fault, Log, Origin, Remote, TTL, World};

/// Refuses by a panic what it does not like, as types with invariants do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Even(u32);

impl<'de> Deserialize<'de> for Even {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(deserializer)?;
        assert!(number.is_multiple_of(2), "{number} is odd");
        Ok(Self(number))
    }
}

/// Panics on every value, those that a type is traced with included.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hopeless;

impl Serialize for Hopeless {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("cannot be written")
    }
}

impl<'de> Deserialize<'de> for Hopeless {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("cannot be read")
    }
}

#[tokio::test]
async fn a_type_that_panics_when_it_is_read_costs_a_load() {
    let remote = Remote::new();
    let (cache, origin) = (&remote.world.cache, Origin::default());
    let number = |number| origin.returns(Ok::<_, Fault>(Even(number)));
    for (value, source) in [(1, Source::Load), (2, Source::Load), (3, Source::Backend)] {
        let answer = cache.entry("number").ttl(TTL).observe(|| number(value)).await;
        assert_eq!(answer.outcome.source, source, "{value}");
        cache.settle().await;
    }
    assert_eq!(cache.stats().unreadable, 1, "the odd one, which was overwritten");
}

#[tokio::test]
async fn a_type_that_panics_whatever_is_done_with_it_stays_in_this_process() {
    let remote = Remote::tiered();
    let (cache, origin) = (&remote.world.cache, Origin::default());
    for _ in 0..3 {
        let load = || origin.returns(Ok::<_, Fault>(Hopeless));
        assert_eq!(cache.entry("hopeless").get_or_load(load).await, Ok(Hopeless));
        cache.settle().await;
    }
    assert!(cache.stats().unwritable >= 1);
    assert_eq!(cache.stats().fills, 0);
}

#[athena_cache(ttl = "10s", key = "judged:{id}", unless = |_| panic!("undecided"), cache = cache)]
async fn judged(cache: &Cache, id: u32) -> u32 {
    id
}

#[athena_cache(ttl = "10s", key = "labelled:{id}", tags_from = |_| -> Vec<String> { panic!("none") }, cache = cache)]
async fn labelled(cache: &Cache, id: u32) -> u32 {
    id
}

#[athena_cache(
    ttl = "10s", grace = "1m", key = "excluded", skip(result),
    grace_unless = |_| panic!("undecided"), cache = cache
)]
async fn excluded(cache: &Cache, result: Result<u32, Fault>) -> Result<u32, Fault> {
    result
}

#[tokio::test]
async fn options_that_panic_about_a_result_keep_nothing_of_it() {
    for world in [World::in_memory(), Remote::tiered().world] {
        let cache = &world.cache;
        for _ in 0..2 {
            let judged = of(judged(cache, 1)).observe().await.unwrap();
            assert_eq!((judged.value, judged.outcome.source), (1, Source::Load));
            let labelled = of(labelled(cache, 2)).observe().await.unwrap();
            assert_eq!((labelled.value, labelled.outcome.source), (2, Source::Load));
        }
        assert_eq!(cache.stats().panicked, 4);
        assert_eq!(excluded(cache, Ok(3)).await, Ok(3));
        world.advance(TTL);
        assert_eq!(excluded(cache, Err(Fault::Down)).await, Err(Fault::Down), "no old value");
    }
}

/// An argument that cannot be named.
struct Nameless;

impl Serialize for Nameless {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("no name")
    }
}

impl fmt::Display for Nameless {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("no text")
    }
}

#[athena_cache(ttl = "10s", cache = cache)]
async fn derived(cache: &Cache, argument: Nameless) -> u32 {
    let Nameless = argument;
    1
}

#[athena_cache(ttl = "10s", key = "named:{argument}", cache = cache)]
async fn named(cache: &Cache, argument: Nameless) -> u32 {
    let Nameless = argument;
    2
}

#[athena_cache(ttl = "10s", key = "tagged", skip(argument), tags = ["of:{argument}"], cache = cache)]
async fn tagged(cache: &Cache, argument: Nameless) -> u32 {
    let Nameless = argument;
    3
}

#[tokio::test]
async fn arguments_that_panic_when_they_are_named_run_the_function_without_the_cache() {
    let world = World::in_memory();
    let cache = &world.cache;
    for _ in 0..2 {
        assert_eq!(derived(cache, Nameless).await, 1);
        assert_eq!(named(cache, Nameless).await, 2);
        assert_eq!(tagged(cache, Nameless).await, 3);
    }
    assert_eq!(cache.stats().memory_entries, 0);
}

/// Panics at every event, and tells that it heard one.
#[derive(Debug)]
struct Nervous(Arc<AtomicBool>);

impl Observer for Nervous {
    fn observe(&self, _: &Event<'_>) {
        self.0.store(true, Ordering::Relaxed);
        panic!("an event")
    }

    fn wants_hits(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn an_observer_that_panics_is_nobodys_matter() {
    let log = Log::default();
    // A second one, or the callsites of other tests in this process are cached for the first.
    let (_other, _guard) = (Log::default().set(), log.set());
    let heard = Arc::new(AtomicBool::new(false));
    let world = World::with(|builder| builder.observer(Nervous(Arc::clone(&heard))));
    for _ in 0..2 {
        let load = || async { Ok::<_, Fault>(1_u32) };
        assert_eq!(world.cache.entry("one").get_or_load(load).await, Ok(1));
    }
    assert!(heard.load(Ordering::Relaxed));
    let lines = log.lines();
    let told = lines.iter().filter(|line| line.contains("an observer panicked")).count();
    assert_eq!(told, 1, "once: {lines:?}");
}

#[tokio::test]
async fn a_batch_of_many_thousand_names_is_loaded_at_once() {
    for world in [World::in_memory(), Remote::new().world] {
        let names: Vec<_> = (0..20_000).map(|number| number.to_string()).collect();
        let load = |names: Vec<String>| async move {
            Ok::<_, Fault>(names.into_iter().map(|name| (name, 1_u8)).collect::<HashMap<_, _>>())
        };
        let values = world.cache.batch(names).get_or_load_many(load).await.unwrap();
        assert_eq!(values.len(), 20_000);
    }
}

#[tokio::test]
async fn a_value_with_more_life_than_it_ever_had_is_not_fresh() {
    let (remote, origin) = (Remote::new(), Origin::default());
    let cache = &remote.world.cache;
    let load = |value| origin.returns(Ok::<_, Fault>(value));
    assert_eq!(cache.entry("k").ttl(TTL).get_or_load(|| load(1_u32)).await, Ok(1));
    cache.settle().await;
    let names = remote.store.names();
    let name = names.iter().find(|name| name.contains("{k:k}")).expect("it was stored");
    let bytes = remote.store.bytes(name).unwrap();
    // As when the server's clock steps back, or somebody lengthens the life.
    remote.store.put(name, bytes, Duration::from_secs(3_600));
    let answer = cache.entry("k").ttl(TTL).observe(|| load(2)).await;
    assert_eq!((answer.value, answer.outcome.source), (Ok(2), Source::Load));
}
