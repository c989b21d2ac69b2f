//! What was invalidated is not served, also not by loads that began before.

use std::future::Future;
use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{Cache, Invalidated, athena_cache, athena_invalidate, of};

use crate::world::{FORMS, Fault, Gate, Origin, Remote, World, others_rest, until};

#[athena_cache(
    ttl = "1h", key = "item:{id}", shared, skip(load), tags = ["items", "item:{id}"], cache = cache
)]
async fn item(
    cache: &Cache,
    id: u32,
    load: impl Future<Output = Result<u32, Fault>>,
) -> Result<u32, Fault> {
    load.await
}

#[athena_cache(
    ttl = "1h", key = "labelled:{id}", shared, skip(load), cache = cache,
    tags_from = |value| [format!("value:{value}")]
)]
async fn labelled(
    cache: &Cache,
    id: u32,
    load: impl Future<Output = Result<u32, Fault>>,
) -> Result<u32, Fault> {
    load.await
}

fn worlds() -> [World; 2] {
    [World::in_memory(), Remote::new().world]
}

#[tokio::test]
async fn i1_a_key_invalidated_during_a_load_is_not_kept_and_not_joined() {
    for form in FORMS {
        for world in worlds() {
            let (origin, gate) = (Origin::default(), Gate::closed());
            let (cache, load) = (world.cache.clone(), origin.waits(&gate, Ok(1)));
            let before = tokio::spawn(async move { form.plain(&cache, "k", load).await });
            until("the load", || origin.loads() == 1).await;
            let _ = world.cache.invalidate("plain:k").await;
            let after = form.plain(&world.cache, "k", origin.returns(Ok(2))).await;
            assert_eq!(after.value, Ok(2), "who arrives later does not join");
            gate.open();
            assert_eq!(before.await.unwrap().value, Ok(1), "who began before gets the result");
            world.cache.settle().await;
            let now = form.plain(&world.cache, "k", origin.returns(Ok(3))).await;
            assert_eq!(now.value, Ok(2), "and the cache does not keep it, {form:?}");
        }
    }
}

#[tokio::test]
async fn i1_a_tag_or_everything_invalidated_during_a_load_counts_as_well() {
    for what in ["tag", "everything"] {
        for world in worlds() {
            let cache = &world.cache;
            let (origin, gate) = (Origin::default(), Gate::closed());
            let (held, load) = (cache.clone(), origin.waits(&gate, Ok(1)));
            let before = tokio::spawn(async move { item(&held, 7, load).await });
            until("the load", || origin.loads() == 1).await;
            let _ = match what {
                "tag" => cache.invalidate_tag("items").await,
                _ => cache.clear().await,
            };
            assert_eq!(item(cache, 7, origin.returns(Ok(2))).await, Ok(2));
            gate.open();
            assert_eq!(before.await.unwrap(), Ok(1));
            cache.settle().await;
            assert_eq!(item(cache, 7, origin.returns(Ok(3))).await, Ok(2), "{what}");
        }
    }
}

#[tokio::test]
async fn i1_a_tag_that_only_the_result_knows_counts_as_well() {
    for world in worlds() {
        let cache = &world.cache;
        let (origin, gate) = (Origin::default(), Gate::closed());
        let (held, load) = (cache.clone(), origin.waits(&gate, Ok(1)));
        let before = tokio::spawn(async move { labelled(&held, 7, load).await });
        until("the load", || origin.loads() == 1).await;
        let _ = cache.invalidate_tag("value:1").await;
        let (held, load) = (cache.clone(), origin.returns(Ok(2)));
        let after = tokio::spawn(async move { labelled(&held, 7, load).await });
        others_rest().await;
        gate.open();
        assert_eq!(before.await.unwrap(), Ok(1));
        assert_eq!(after.await.unwrap(), Ok(2), "a late follower reads again");
        cache.settle().await;
        assert_eq!(labelled(cache, 7, origin.returns(Ok(3))).await, Ok(2));
        let _ = cache.invalidate_tag("value:2").await;
        assert_eq!(labelled(cache, 7, origin.returns(Ok(4))).await, Ok(4));
    }
}

#[tokio::test]
async fn i2_an_invalidation_from_another_process_during_a_load_keeps_its_result_out() {
    for what in ["key", "tag", "result tag", "everything"] {
        let remote = Remote::new();
        let (here, there) = (&remote.world.cache, remote.neighbour());
        let (origin, gate) = (Origin::default(), Gate::closed());
        let (held, load) = (here.clone(), origin.waits(&gate, Ok(1)));
        let labels = what == "result tag";
        let before = tokio::spawn(async move {
            if labels { labelled(&held, 7, load).await } else { item(&held, 7, load).await }
        });
        until("the load", || origin.loads() == 1).await;
        let _ = match what {
            "key" => there.invalidate("item:7").await,
            "tag" => there.invalidate_tag("item:7").await,
            "result tag" => there.invalidate_tag("value:1").await,
            _ => there.clear().await,
        };
        gate.open();
        assert_eq!(before.await.unwrap(), Ok(1));
        here.settle().await;
        for cache in [here, &there] {
            let load = origin.returns(Ok(2));
            let now =
                if labels { labelled(cache, 7, load).await } else { item(cache, 7, load).await };
            assert_eq!(now, Ok(2), "{what}");
            cache.settle().await;
        }
    }
}

#[tokio::test]
async fn i3_an_invalidation_while_the_backend_is_down_reaches_it_before_anything_is_read() {
    for form in FORMS {
        let remote = Remote::new();
        let (cache, origin) = (&remote.world.cache, Origin::default());
        form.plain(cache, "k", origin.returns(Ok(1))).await;
        cache.settle().await;
        remote.chaos.always(Chaotic::Error(Class::Unreachable));
        assert_eq!(cache.invalidate("plain:k").await, Invalidated::Pending);
        assert_eq!(cache.stats().journal_depth, 1);
        let answer = form.plain(cache, "k", origin.returns(Ok(2))).await;
        assert_eq!(answer.value, Ok(2), "local readers stop seeing it at once");
        remote.chaos.heal();
        remote.chaos.reconnect();
        remote.chaos.forget_operations();
        let answer = form.plain(cache, "k", origin.returns(Ok(3))).await;
        assert_eq!(answer.value, Ok(3));
        assert_eq!(remote.chaos.operations()[..2], ["remove", "read"]);
        assert_eq!(cache.stats().journal_depth, 0);
    }
}

#[tokio::test]
async fn i4_tags_are_those_of_the_latest_write() {
    for world in worlds() {
        let cache = &world.cache;
        let origin = Origin::default();
        labelled(cache, 1, origin.returns(Ok(1))).await.unwrap();
        cache.settle().await;
        of(labelled(cache, 1, origin.returns(Ok(2)))).refresh().await.unwrap().unwrap();
        cache.settle().await;
        let _ = cache.invalidate_tag("value:1").await;
        assert_eq!(labelled(cache, 1, origin.returns(Ok(3))).await, Ok(2));
        let _ = cache.invalidate_tag("value:2").await;
        assert_eq!(labelled(cache, 1, origin.returns(Ok(3))).await, Ok(3));
    }
}

#[tokio::test]
async fn i4_empty_and_unknown_tags_do_nothing() {
    for world in worlds() {
        let cache = &world.cache;
        let load = || async { Ok::<_, Fault>(1) };
        cache.entry("k").tags(["", "known"]).get_or_load(load).await.unwrap();
        cache.settle().await;
        assert_eq!(cache.invalidate_tag("").await, Invalidated::Done);
        let _ = cache.invalidate_tag("unknown").await;
        assert_eq!(cache.entry("k").get::<i32>().await.unwrap(), Some(1));
        let _ = cache.invalidate_tag("known").await;
        assert_eq!(cache.entry("k").get::<i32>().await.unwrap(), None);
    }
}

#[tokio::test]
async fn i4_a_tag_with_many_entries_costs_the_backend_what_a_tag_with_one_costs() {
    let remote = Remote::new();
    let cache = &remote.world.cache;
    let mut costs = Vec::new();
    for entries in [1, 2_000] {
        for number in 0..entries {
            let name = format!("{entries}/{number}");
            let entry = cache.entry(name).tags(["all"]);
            entry.get_or_load(|| async { Ok::<_, Fault>(1) }).await.unwrap();
        }
        cache.settle().await;
        remote.chaos.forget_operations();
        let _ = cache.invalidate_tag("all").await;
        costs.push(remote.chaos.operations());
        let probe = cache.entry(format!("{entries}/0"));
        assert_eq!(probe.get::<i32>().await.unwrap(), None);
    }
    assert_eq!(costs[0], ["bump"]);
    assert_eq!(costs[0], costs[1]);
}

#[athena_invalidate(tags = ["items"], keys = ["item:{id}"], cache = cache)]
async fn change(cache: &Cache, id: u32, result: Result<u32, Fault>) -> Result<u32, Fault> {
    result
}

#[tokio::test]
async fn i6_athena_invalidate_acts_after_ok_and_not_after_err() {
    for world in worlds() {
        let cache = &world.cache;
        let origin = Origin::default();
        item(cache, 7, origin.returns(Ok(1))).await.unwrap();
        cache.settle().await;
        assert_eq!(change(cache, 7, Err(Fault::Down)).await, Err(Fault::Down));
        assert_eq!(item(cache, 7, origin.returns(Ok(2))).await, Ok(1));
        assert_eq!(change(cache, 7, Ok(5)).await, Ok(5));
        assert_eq!(item(cache, 7, origin.returns(Ok(2))).await, Ok(2));
    }
}

#[tokio::test]
async fn i6_the_result_is_returned_even_if_the_invalidation_must_be_journaled() {
    let remote = Remote::new();
    let cache = &remote.world.cache;
    let origin = Origin::default();
    item(cache, 7, origin.returns(Ok(1))).await.unwrap();
    cache.settle().await;
    remote.chaos.always(Chaotic::Error(Class::Disconnected));
    assert_eq!(change(cache, 7, Ok(5)).await, Ok(5));
    assert!(cache.stats().journal_depth > 0);
    assert_eq!(item(cache, 7, origin.returns(Ok(2))).await, Ok(2));
    remote.chaos.heal();
    remote.chaos.reconnect();
    assert_eq!(item(cache, 7, origin.returns(Ok(3))).await, Ok(3));
}

#[athena_invalidate(tags = ["items"], cache = cache)]
async fn slow_change(cache: &Cache, gate: &Gate, origin: &Origin) -> Result<u32, Fault> {
    origin.waits(gate, Ok(1)).await
}

#[athena_invalidate(tags = ["items"], on = always, cache = cache)]
async fn doubtful_change(cache: &Cache, gate: &Gate, origin: &Origin) -> Result<u32, Fault> {
    origin.waits(gate, Err(Fault::Down)).await
}

#[tokio::test]
async fn a_dropped_change_invalidates_only_if_asked_to() {
    let world = World::in_memory();
    let (cache, origin, gate) = (&world.cache, Origin::default(), Gate::closed());
    item(cache, 7, origin.returns(Ok(1))).await.unwrap();
    let writer = Origin::default();
    {
        let mut change = std::pin::pin!(slow_change(cache, &gate, &writer));
        let mut doubtful = std::pin::pin!(doubtful_change(cache, &gate, &writer));
        tokio::select! {
            biased;
            _ = &mut change => unreachable!("the gate is closed"),
            () = others_rest() => {}
        }
        assert_eq!(item(cache, 7, origin.returns(Ok(2))).await, Ok(1));
        tokio::select! {
            biased;
            _ = &mut doubtful => unreachable!("the gate is closed"),
            () = others_rest() => {}
        }
        assert_eq!(item(cache, 7, origin.returns(Ok(2))).await, Ok(1));
    }
    assert_eq!(item(cache, 7, origin.returns(Ok(2))).await, Ok(2), "`on = always`");
}

#[tokio::test]
async fn i7_a13_two_namespaces_on_one_backend_never_see_each_other() {
    let store = athena_cache::testing::MemoryBackend::new();
    let cache = |name: &str| Cache::builder(name).backend(store.clone()).build().unwrap();
    let (users, users_abc) = (cache("users"), cache("usersAbc"));
    for (cache, value) in [(&users, 1), (&users_abc, 2)] {
        let entry = cache.entry("k").tags(["t"]);
        entry.get_or_load(|| async { Ok::<_, Fault>(value) }).await.unwrap();
        cache.settle().await;
    }
    assert_eq!(users.entry("k").get::<i32>().await.unwrap(), Some(1));
    let _ = users.clear().await;
    let _ = users.invalidate_tag("t").await;
    let _ = users.invalidate("k").await;
    assert_eq!(users.entry("k").get::<i32>().await.unwrap(), None);
    assert_eq!(users_abc.entry("k").get::<i32>().await.unwrap(), Some(2));
    assert!(
        store
            .names()
            .iter()
            .all(|name| name.starts_with("users:") || name.starts_with("usersAbc:"))
    );
}

#[tokio::test]
async fn an_insert_during_a_load_wins_over_its_result() {
    for world in worlds() {
        let (origin, gate) = (Origin::default(), Gate::closed());
        let (cache, load) = (world.cache.clone(), origin.waits(&gate, Ok::<_, Fault>(1_u32)));
        let before = tokio::spawn(async move { cache.entry("k").get_or_load(|| load).await });
        until("the load", || origin.loads() == 1).await;
        world.cache.entry("k").insert(2_u32).await.unwrap();
        gate.open();
        assert_eq!(before.await.unwrap(), Ok(1));
        world.cache.settle().await;
        assert_eq!(world.cache.entry("k").get::<u32>().await.unwrap(), Some(2));
    }
}

#[tokio::test]
async fn a_loaded_value_lives_no_longer_for_being_invalidated_in_vain() {
    let remote = Remote::new();
    let cache = &remote.world.cache;
    let load = || async { Ok::<_, Fault>(1) };
    cache.entry("k").ttl(Duration::from_secs(10)).get_or_load(load).await.unwrap();
    cache.settle().await;
    let _ = cache.invalidate("other").await;
    remote.world.advance(Duration::from_secs(10));
    assert_eq!(cache.entry("k").get::<i32>().await.unwrap(), None);
}

#[tokio::test]
async fn a_copy_of_an_inserted_value_does_not_outlive_an_invalidation_during_the_insert() {
    let remote = Remote::new();
    let cache = &remote.world.cache;
    let slow = Duration::from_millis(100);
    remote.chaos.on("fill", Chaotic::Delay(slow));
    let held = cache.clone();
    let insert = tokio::spawn(async move { held.entry("k").tags(["t"]).insert(1_u32).await });
    until("the insert", || remote.chaos.operations().contains(&"fill")).await;
    others_rest().await;
    let _ = cache.invalidate_tag("t").await;
    remote.world.advance(slow);
    insert.await.unwrap().unwrap();
    remote.chaos.always(Chaotic::Error(Class::Unreachable));
    let load = || async { Ok::<u32, Fault>(2) };
    assert_eq!(cache.entry("k").get_or_load(load).await, Ok(2));
}

#[tokio::test]
async fn an_invalidation_reaches_a_backend_that_takes_no_writes() {
    let remote = Remote::new();
    let cache = &remote.world.cache;
    let load = |value: u32| move || async move { Ok::<u32, Fault>(value) };
    cache.entry("k").tags(["t"]).get_or_load(load(1)).await.unwrap();
    cache.settle().await;
    let refused = Chaotic::Error(Class::WriteRefused);
    remote.chaos.on("bump", refused);
    assert_eq!(cache.invalidate_tag("t").await, Invalidated::Done);
    assert_eq!(cache.entry("k").tags(["t"]).get_or_load(load(2)).await, Ok(2));
}
