//! Entries with more tags, or longer ones, than are kept with an entry in a backend.

use std::future::Future;

use athena_cache::{Cache, Health, Invalidated, Source, Stats, athena_cache, of};

use crate::world::{Fault, Log, Origin, Remote, TTL, World};

const MOST_TAGS: usize = 1_024;
const LONGEST_TAG: usize = 8 << 10;

/// Tags, and what is said of them where they are too much.
fn excessive() -> [(Vec<String>, &'static str); 2] {
    let many = (0..=MOST_TAGS).map(|number| format!("t:{number}")).collect();
    let long = vec!["x".repeat(LONGEST_TAG + 1)];
    [(many, "it has 1025 tags, and at most 1024"), (long, "it has a tag of 8193 bytes")]
}

/// Its tag is as long as its name.
#[athena_cache(ttl = "10s", key = "tagged:{name}", shared, tags = ["{name}"], skip(load), cache = cache)]
async fn tagged(
    cache: &Cache,
    name: &str,
    load: impl Future<Output = Result<u32, Fault>>,
) -> Result<u32, Fault> {
    load.await
}

/// As many tags as its value says.
#[athena_cache(
    ttl = "10s", skip(load), tags_from = |count| (0..*count).map(|number| format!("t:{number}")),
    cache = cache
)]
async fn counted(
    cache: &Cache,
    load: impl Future<Output = Result<u32, Fault>>,
) -> Result<u32, Fault> {
    load.await
}

#[tokio::test]
async fn too_many_or_too_long_tags_are_found_before_a_lease_is_asked_for() {
    for (tags, reason) in excessive() {
        let log = Log::default();
        // A second one, or the callsites of other tests in this process are cached for the first.
        let (_other, _guard) = (Log::default().set(), log.set());
        let (remote, origin) = (Remote::new(), Origin::default());
        let cache = &remote.world.cache;
        for value in 1..4_u32 {
            let entry = cache.entry("k").ttl(TTL).tags(&tags);
            let answer = entry.observe(|| origin.returns(Ok::<_, Fault>(value))).await;
            assert_eq!((answer.value, answer.outcome.source), (Ok(value), Source::Load));
            cache.settle().await;
        }
        assert!(remote.chaos.operations().is_empty(), "{:?}", remote.chaos.operations());
        let Stats { unwritable, fills, misses, .. } = cache.stats();
        assert_eq!((unwritable, fills, misses, cache.health()), (3, 0, 3, Health::Healthy));
        let lines = log.lines();
        assert_eq!(lines.iter().filter(|line| line.contains(reason)).count(), 1, "{lines:?}");
    }
}

#[tokio::test]
async fn what_has_too_long_a_tag_is_fresh_for_the_window_and_ends_with_its_tag() {
    let (remote, origin, name) = (Remote::tiered(), Origin::default(), "x".repeat(LONGEST_TAG + 1));
    let cache = &remote.world.cache;
    let call = async |value| {
        let answer = of(tagged(cache, &name, origin.returns(Ok(value)))).observe().await.unwrap();
        (answer.outcome.source, answer.value.unwrap())
    };
    assert_eq!(call(1).await, (Source::Load, 1));
    assert_eq!(call(2).await, (Source::Memory, 1));
    assert_eq!(cache.invalidate_tag(&name).await, Invalidated::Done);
    assert_eq!(call(3).await, (Source::Load, 3));
    remote.world.advance(cache.resilience().trust_window);
    assert_eq!(call(4).await, (Source::Load, 4));
}

#[tokio::test]
async fn too_many_tags_that_only_the_value_knows_give_the_lease_back_and_are_not_asked_for() {
    let log = Log::default();
    let (_other, _guard) = (Log::default().set(), log.set());
    let (remote, origin) = (Remote::new(), Origin::default());
    let cache = &remote.world.cache;
    let many = u32::try_from(MOST_TAGS).unwrap() + 1;
    for _ in 0..2 {
        assert_eq!(counted(cache, origin.returns(Ok(many))).await, Ok(many));
        cache.settle().await;
    }
    let operations = remote.chaos.operations();
    let asked = |operation| operations.iter().filter(|it| **it == operation).count();
    assert_eq!((asked("lease"), asked("release"), asked("fill")), (2, 2, 0), "{operations:?}");
    assert!(asked("ensure") <= 2, "those of late tags are not: {operations:?}");
    let names = remote.store.names();
    assert!(!names.iter().any(|name| name.ends_with(":l")), "{names:?}");
    assert_eq!((cache.stats().unwritable, cache.stats().fills), (2, 0));
    let lines = log.lines();
    let told: Vec<_> = lines.iter().filter(|line| line.contains("it has 1025 tags")).collect();
    assert!(told.len() == 1 && told[0].contains("counted"), "{lines:?}");
}

#[tokio::test]
async fn an_insert_with_too_many_tags_fails_and_leaves_nothing_behind() {
    for (tags, reason) in excessive() {
        let remote = Remote::new();
        let cache = &remote.world.cache;
        cache.entry("k").insert(1_u32).await.unwrap();
        let error = cache.entry("k").tags(tags).insert(2_u32).await.unwrap_err();
        assert!(error.is_codec() && error.to_string().contains(reason), "{error}");
        let seen = cache.entry("k").get::<u32>().await.unwrap();
        assert_eq!(seen, None, "the old value is outdated");
        assert_eq!(cache.stats().unwritable, 1);
    }
}

#[tokio::test]
async fn a_refresh_with_too_long_a_tag_outdates_what_is_stored() {
    let (remote, origin, name) = (Remote::new(), Origin::default(), "x".repeat(LONGEST_TAG + 1));
    let cache = &remote.world.cache;
    let other = remote.neighbour();
    let stored = || other.entry(format!("tagged:{name}")).ttl(TTL);
    stored().insert(1_u32).await.unwrap();
    assert_eq!(stored().get::<u32>().await.unwrap(), Some(1));
    let refreshed = of(tagged(cache, &name, origin.returns(Ok(2)))).refresh().await.unwrap();
    assert_eq!(refreshed, Ok(2));
    assert_eq!(stored().get::<u32>().await.unwrap(), None);
}

#[tokio::test]
async fn a_batch_with_too_many_tags_loads_and_asks_for_nothing() {
    for (tags, _) in excessive() {
        let remote = Remote::new();
        let cache = &remote.world.cache;
        let load = async |names: Vec<String>| {
            Ok::<_, Fault>(names.into_iter().map(|name| (name, 1_u32)).collect())
        };
        let batch = cache.batch(["a", "b"]).ttl(TTL).tags(tags);
        assert_eq!(batch.get_or_load_many(load).await.unwrap().len(), 2);
        cache.settle().await;
        assert!(remote.chaos.operations().is_empty(), "{:?}", remote.chaos.operations());
        assert_eq!(cache.stats().unwritable, 2);
    }
}

#[tokio::test]
async fn without_a_backend_too_many_tags_are_told_and_the_value_is_kept() {
    for (tags, reason) in excessive() {
        let log = Log::default();
        let (_other, _guard) = (Log::default().set(), log.set());
        let (cache, origin) = (World::in_memory().cache, Origin::default());
        for _ in 0..2 {
            let entry = cache.entry("k").ttl(TTL).tags(&tags);
            let loaded = entry.get_or_load(|| origin.returns(Ok::<_, Fault>(1_u32))).await;
            assert_eq!(loaded, Ok(1));
        }
        cache.entry("inserted").tags(&tags).insert(1_u32).await.unwrap();
        assert_eq!((origin.loads(), cache.stats().unwritable), (1, 2));
        let lines = log.lines();
        assert_eq!(lines.iter().filter(|line| line.contains(reason)).count(), 1, "{lines:?}");
    }
}
