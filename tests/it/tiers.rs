//! Two tiers, and what is in them.

use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{Cache, Invalidated, Source, athena_cache, of};

use crate::world::{FORMS, Fault, Form, GRACE, Origin, Remote, TTL, World, others_rest};

#[tokio::test]
async fn t1_a_hit_in_memory_sends_nothing_and_a_hit_in_the_backend_is_one_round_trip() {
    for form in FORMS {
        let remote = Remote::new();
        let (cache, origin) = (&remote.world.cache, Origin::default());
        form.plain(cache, "k", origin.returns(Ok(1))).await;
        cache.settle().await;
        remote.chaos.forget_operations();
        let answer = form.plain(cache, "k", origin.returns(Ok(2))).await;
        assert_eq!(answer.outcome.source, Source::Backend);
        assert_eq!(remote.chaos.operations(), ["read"]);

        let local = cache.entry("local").in_memory();
        local.get_or_load(|| async { Ok::<_, Fault>(1) }).await.unwrap();
        remote.chaos.forget_operations();
        let local = cache.entry("local").in_memory();
        let answer = local.observe(|| async { Ok::<_, Fault>(2) }).await;
        assert_eq!(answer.outcome.source, Source::Memory);
        assert!(remote.chaos.operations().is_empty());
    }
}

#[tokio::test]
async fn t1_a_copy_of_a_backend_entry_has_its_remaining_life_and_no_more() {
    for form in FORMS {
        let remote = Remote::new();
        let (cache, origin) = (&remote.world.cache, Origin::default());
        form.plain(cache, "k", origin.returns(Ok(1))).await;
        cache.settle().await;
        remote.world.advance(TTL / 2);
        let late = remote.neighbour();
        let answer = form.plain(&late, "k", origin.returns(Ok(2))).await;
        assert_eq!((answer.value, answer.outcome.age), (Ok(1), TTL / 2));
        remote.world.advance(TTL / 2);
        let answer = form.plain(&late, "k", origin.returns(Ok(2))).await;
        assert_eq!(answer.value, Ok(2));
    }
}

#[tokio::test]
async fn t3_a_backend_that_fails_in_the_middle_of_a_load_is_not_noticed_and_memory_is_filled() {
    for form in FORMS {
        for fault in [Chaotic::Error(Class::Disconnected), Chaotic::LostAck] {
            for operation in ["read", "lease", "fill"] {
                let remote = Remote::new();
                let (cache, origin) = (&remote.world.cache, Origin::default());
                remote.chaos.on(operation, fault);
                let answer = form.plain(cache, "k", origin.returns(Ok(1))).await;
                assert_eq!(answer.value, Ok(1), "{operation} {fault:?}");
                cache.settle().await;
                remote.chaos.always(Chaotic::Error(Class::Unreachable));
                let answer = form.plain(cache, "k", origin.returns(Ok(2))).await;
                assert_eq!(answer.value, Ok(1), "{operation} {fault:?}");
                assert_eq!(answer.outcome.source, Source::Memory);
                assert!(answer.outcome.degraded);
            }
        }
    }
}

type Damage = fn(&mut Vec<u8>);

#[tokio::test]
async fn t4_bytes_that_are_no_entry_are_a_miss_counted_and_overwritten() {
    let damages: [(&str, Damage); 6] = [
        ("foreign", |bytes| *bytes = b"hello".to_vec()),
        ("empty", Vec::clear),
        ("truncated", |bytes| bytes.truncate(bytes.len() / 2)),
        ("flipped", |bytes| bytes[40] ^= 1),
        ("newer", |bytes| bytes[3] = 200),
        ("longer", |bytes| bytes.push(0)),
    ];
    for form in FORMS {
        for (what, damage) in damages {
            let remote = Remote::new();
            let (cache, origin) = (&remote.world.cache, Origin::default());
            form.plain(cache, "k", origin.returns(Ok(1))).await;
            cache.settle().await;
            let names = remote.store.names();
            let name = names.iter().find(|name| name.contains("plain:k")).unwrap();
            let mut bytes = remote.store.bytes(name).unwrap();
            damage(&mut bytes);
            remote.store.put(name, bytes, Duration::from_secs(100));
            let answer = form.plain(cache, "k", origin.returns(Ok(2))).await;
            assert_eq!(answer.value, Ok(2), "{what}");
            assert_eq!(cache.stats().unreadable, 1, "{what}");
            cache.settle().await;
            let answer = form.plain(cache, "k", origin.returns(Ok(3))).await;
            assert_eq!(answer.value, Ok(2), "{what}: overwritten by the fill");
        }
    }
}

#[tokio::test]
async fn t4_bytes_written_for_another_entry_are_foreign() {
    let remote = Remote::new();
    let (cache, origin) = (&remote.world.cache, Origin::default());
    let form = Form::Entry;
    form.plain(cache, "a", origin.returns(Ok(1))).await;
    form.plain(cache, "b", origin.returns(Ok(2))).await;
    cache.settle().await;
    let name =
        |part: &str| remote.store.names().into_iter().find(|name| name.contains(part)).unwrap();
    let bytes = remote.store.bytes(&name("plain:a")).unwrap();
    remote.store.put(&name("plain:b"), bytes, TTL);
    let answer = form.plain(cache, "b", origin.returns(Ok(3))).await;
    assert_eq!(answer.value, Ok(3));
}

#[athena_cache(ttl = "1h", key = "found:{id}", skip(answer), negative_ttl = "5s", cache = cache)]
async fn found(
    cache: &Cache,
    id: u32,
    answer: Result<Option<u32>, Fault>,
) -> Result<Option<u32>, Fault> {
    answer
}

#[athena_cache(ttl = "1h", key = "option:{id}", skip(answer), cache = cache)]
async fn option(cache: &Cache, id: u32, answer: Option<u32>) -> Option<u32> {
    answer
}

#[athena_cache(
    ttl = "1h", key = "err:{id}", skip(answer), negative_ttl = "5s", negative = err, cache = cache
)]
async fn failing(cache: &Cache, id: u32, answer: Result<u32, Fault>) -> Result<u32, Fault> {
    answer
}

#[tokio::test]
async fn t5_values_absences_and_errors_are_kept_each_by_its_policy() {
    for world in [World::in_memory(), Remote::new().world] {
        let cache = &world.cache;
        // `None` with a negative ttl is remembered that long, and told from an absent entry.
        assert_eq!(found(cache, 1, Ok(None)).await, Ok(None));
        cache.settle().await;
        assert_eq!(found(cache, 1, Ok(Some(1))).await, Ok(None));
        world.advance(Duration::from_secs(5));
        assert_eq!(found(cache, 1, Ok(Some(1))).await, Ok(Some(1)));
        cache.settle().await;
        assert_eq!(found(cache, 1, Ok(None)).await, Ok(Some(1)));
        // Without one it is a value like others.
        assert_eq!(option(cache, 1, None).await, None);
        cache.settle().await;
        world.advance(Duration::from_secs(3_000));
        assert_eq!(option(cache, 1, Some(1)).await, None);
        world.advance(Duration::from_secs(600));
        assert_eq!(option(cache, 1, Some(1)).await, Some(1));
        cache.settle().await;
        assert_eq!(option(cache, 1, None).await, Some(1));
        // `Err` is never kept without `negative = err`.
        assert_eq!(found(cache, 2, Err(Fault::Down)).await, Err(Fault::Down));
        assert_eq!(found(cache, 2, Ok(Some(2))).await, Ok(Some(2)));
        assert_eq!(failing(cache, 1, Err(Fault::Down)).await, Err(Fault::Down));
        cache.settle().await;
        assert_eq!(failing(cache, 1, Ok(1)).await, Err(Fault::Down));
        world.advance(Duration::from_secs(5));
        assert_eq!(failing(cache, 1, Ok(1)).await, Ok(1));
    }
}

#[tokio::test]
async fn t8_ttls_below_a_second_zero_and_of_ages_work() {
    for world in [World::in_memory(), Remote::new().world] {
        let cache = &world.cache;
        let count = |value: u32| move || async move { Ok::<_, Fault>(value) };
        let short = || cache.entry("short").ttl(Duration::from_millis(50));
        assert_eq!(short().get_or_load(count(1)).await, Ok(1));
        cache.settle().await;
        world.advance(Duration::from_millis(49));
        assert_eq!(short().get_or_load(count(2)).await, Ok(1));
        world.advance(Duration::from_millis(1));
        assert_eq!(short().get_or_load(count(2)).await, Ok(2));

        let none = || cache.entry("none").ttl(Duration::ZERO);
        assert_eq!(none().get_or_load(count(1)).await, Ok(1));
        cache.settle().await;
        assert_eq!(none().get_or_load(count(2)).await, Ok(2));

        let ever = || cache.entry("ever").ttl(Duration::MAX).grace(Duration::MAX);
        assert_eq!(ever().get_or_load(count(1)).await, Ok(1));
        cache.settle().await;
        world.advance(Duration::from_secs(1_000_000_000));
        assert_eq!(ever().get_or_load(count(2)).await, Ok(1));
    }
}

#[tokio::test]
async fn a52_another_type_under_the_same_name_is_a_miss() {
    for world in [World::in_memory(), Remote::new().world] {
        let cache = &world.cache;
        cache.entry("k").get_or_load(|| async { Ok::<u32, Fault>(1) }).await.unwrap();
        cache.settle().await;
        let text = cache.entry("k").get_or_load(|| async { Ok::<_, Fault>("a".to_owned()) }).await;
        assert_eq!(text, Ok("a".to_owned()));
        assert_eq!(cache.entry("k").get::<Vec<u8>>().await.unwrap(), None);
    }
}

#[athena_cache(ttl = "1h", tier = memory, key = "both:{id}", skip(answer), cache = cache)]
async fn local(cache: &Cache, id: u32, answer: u32) -> u32 {
    answer
}

#[tokio::test]
async fn entries_of_one_name_and_two_reaches_are_two() {
    let remote = Remote::tiered();
    let (cache, other) = (&remote.world.cache, remote.neighbour());
    let shared = async |cache: &Cache, answer| {
        let load = || async move { Ok::<u32, Fault>(answer) };
        cache.entry("both:1").ttl(TTL).get_or_load(load).await
    };
    assert_eq!(local(cache, 1, 1).await, 1);
    assert_eq!(shared(cache, 2).await, Ok(2));
    cache.settle().await;
    assert_eq!((local(cache, 1, 3).await, shared(cache, 3).await), (1, Ok(2)));
    let _ = other.invalidate("both:1").await;
    assert_eq!((local(cache, 1, 4).await, shared(cache, 4).await), (1, Ok(4)));
    cache.settle().await;
    let _ = cache.invalidate("both:1").await;
    assert_eq!((local(cache, 1, 5).await, shared(cache, 5).await), (5, Ok(5)));
}

#[tokio::test]
async fn no_backend_is_asked_about_an_entry_of_this_process_alone() {
    let remote = Remote::tiered();
    let cache = &remote.world.cache;
    assert_eq!(local(cache, 1, 5).await, 5);
    remote.chaos.always(Chaotic::Error(Class::Unreachable));
    assert!(of(local(cache, 1, 5)).expire().await.is_ok());
    assert_eq!(local(cache, 1, 6).await, 6);
    assert_eq!(of(local(cache, 1, 6)).invalidate().await.unwrap(), Invalidated::Done);
    assert_eq!(local(cache, 1, 7).await, 7);
    let by_hand = || cache.entry("by hand").in_memory();
    by_hand().insert(1_u32).await.unwrap();
    assert_eq!(by_hand().invalidate().await, Invalidated::Done);
    assert_eq!(by_hand().get::<u32>().await.unwrap(), None);
    assert_eq!(cache.stats().journal_depth, 0);
}

#[tokio::test]
async fn t2_an_older_value_of_the_backend_does_not_answer_in_place_of_a_newer_one_in_grace() {
    let remote = Remote::tiered();
    let cache = &remote.world.cache;
    let ask = async |word: Result<u32, Fault>| {
        let entry = cache.entry("k").ttl(TTL).grace(GRACE);
        entry.observe(|| async { word }).await
    };
    assert_eq!(ask(Ok(1)).await.value, Ok(1));
    cache.settle().await;
    remote.world.advance(TTL + Duration::from_millis(1));
    remote.chaos.always(Chaotic::Error(Class::Unreachable));
    assert_eq!(ask(Ok(2)).await.value, Ok(2));
    remote.chaos.heal();
    remote.chaos.reconnect();
    others_rest().await;
    remote.world.advance(TTL * 2);
    others_rest().await;
    let seen = ask(Err(Fault::Down)).await;
    assert!(seen.value == Ok(2) || seen.value == Err(Fault::Down), "{seen:?}");
}

#[tokio::test]
async fn t8_an_insert_with_a_ttl_of_zero_keeps_nothing() {
    for tiered in [false, true] {
        let remote = if tiered { Remote::tiered() } else { Remote::new() };
        let (cache, other) = (&remote.world.cache, remote.neighbour());
        cache.entry("k").ttl(Duration::ZERO).grace(GRACE).insert(1_u32).await.unwrap();
        for cache in [cache, &other] {
            assert_eq!(cache.entry("k").get::<u32>().await.unwrap(), None);
            let failing = || async { Err::<u32, _>(Fault::Down) };
            let seen = cache.entry("k").ttl(TTL).grace(GRACE).observe(failing).await;
            assert_eq!(seen.value, Err(Fault::Down), "tiered {tiered}: {:?}", seen.outcome);
        }
    }
    let world = World::in_memory();
    let entry = world.cache.entry("k").ttl(Duration::ZERO).grace(GRACE);
    entry.insert(1_u32).await.unwrap();
    let failing = || async { Err::<u32, _>(Fault::Down) };
    let seen = world.cache.entry("k").ttl(TTL).grace(GRACE).get_or_load(failing).await;
    assert_eq!(seen, Err(Fault::Down), "in memory");
}
