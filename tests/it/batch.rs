//! Several entries at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use athena_cache::backend::Class;
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{Fallback, Settings};

use crate::stampede::poll;
use crate::world::{
    Fault, GRACE, Gate, Origin, Remote, THROTTLE, TTL, WAIT_FOR_LOAD, World, once, others_rest,
    until,
};

type Values = HashMap<String, u32>;

fn lengths(names: Vec<String>) -> Values {
    let length = |name: &String| u32::try_from(name.len()).unwrap();
    names.into_iter().map(|name| (name.clone(), length(&name))).collect()
}

fn worlds() -> [World; 2] {
    [World::in_memory(), Remote::new().world]
}

#[tokio::test]
async fn one_load_answers_all_names_that_are_missing() {
    for world in worlds() {
        let cache = &world.cache;
        let asked = Mutex::new(Vec::new());
        let load = |mut names: Vec<String>| {
            names.sort();
            asked.lock().unwrap().push(names.clone());
            async { Ok::<_, Fault>(lengths(names)) }
        };
        cache.entry("a").insert(10_u32).await.unwrap();
        let values = cache.batch(["a", "bb", "ccc"]).get_or_load_many(load).await.unwrap();
        assert_eq!(values, HashMap::from([("a", 10), ("bb", 2), ("ccc", 3)].map(owned)));
        cache.settle().await;
        let again = cache.batch(["a", "bb", "ccc"]).get_or_load_many(load).await.unwrap();
        assert_eq!(again, values);
        assert_eq!(*asked.lock().unwrap(), [["bb", "ccc"]]);
        assert_eq!(cache.batch(["bb", "none"]).get_many::<u32>().await.unwrap().len(), 1);
    }
}

fn owned((name, value): (&str, u32)) -> (String, u32) {
    (name.to_owned(), value)
}

#[tokio::test]
async fn a_batch_is_read_in_one_round_trip() {
    let remote = Remote::new();
    let cache = &remote.world.cache;
    let names: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    let load = |names| async { Ok::<_, Fault>(lengths(names)) };
    cache.batch(names.clone()).get_or_load_many(load).await.unwrap();
    cache.settle().await;
    remote.chaos.forget_operations();
    let values = cache.batch(names).get_or_load_many(load).await.unwrap();
    assert_eq!(values.len(), 100);
    assert_eq!(remote.chaos.operations(), ["read"]);
}

#[tokio::test]
async fn a_large_batch_is_worked_through_in_pieces_and_all_of_it_is_kept() {
    const NAMES: usize = 3_456;
    let settings = || {
        let mut settings = Settings::default();
        settings.memory.max_entries = 10 * NAMES as u64;
        settings
    };
    let remote = Remote::with(|builder| builder.settings(settings()));
    let cache = &remote.world.cache;
    let names: Vec<_> = (0..NAMES).map(|number| number.to_string()).collect();
    let loaded = Mutex::new(Vec::new());
    let load = |names: Vec<String>| {
        loaded.lock().unwrap().push(names.clone());
        async { Ok::<_, Fault>(lengths(names)) }
    };
    let expected = lengths(names.clone());
    assert_eq!(cache.batch(names.clone()).get_or_load_many(load).await, Ok(expected.clone()));
    cache.settle().await;
    assert!(loaded.lock().unwrap().iter().all(|names| names.len() <= 1_000));
    assert_eq!(loaded.lock().unwrap().concat(), names, "each once and in order");
    assert_eq!(cache.stats().fills, NAMES as u64);
    let other = remote.neighbour();
    for _ in 0..2 {
        remote.chaos.forget_operations();
        let found = other.batch(names.clone()).get_or_load_many(load).await;
        assert_eq!(found, Ok(expected.clone()));
    }
    assert_eq!(remote.beside().batch(names).get_many::<u32>().await.unwrap(), expected);
    assert_eq!(remote.chaos.operations(), ["read"; NAMES.div_ceil(1_000)]);
    assert_eq!(loaded.lock().unwrap().concat().len(), NAMES, "redis has all of them");
}

#[tokio::test]
async fn a_large_batch_of_which_others_load_a_part_loads_the_rest_meanwhile() {
    const NAMES: usize = 2_500;
    let remote = Remote::tiered();
    let cache = remote.world.cache.clone();
    let names: Vec<_> = (0..NAMES).map(|number| number.to_string()).collect();
    // Others have taken all of the first piece.
    let leases: Vec<_> = names[..1_000].iter().map(|name| format!("test:{{k:{name}}}:l")).collect();
    for (number, lease) in leases.iter().enumerate() {
        let token = format!("{:016x}", number + 1);
        remote.store.put(lease, token, std::time::Duration::from_secs(3_600));
    }
    let loaded = Arc::new(Mutex::new(0));
    let batch = {
        let loaded = Arc::clone(&loaded);
        tokio::spawn(async move {
            let load = |names: Vec<String>| {
                *loaded.lock().unwrap() += names.len();
                async { Ok::<_, Fault>(lengths(names)) }
            };
            cache.batch(names).get_or_load_many(load).await.map(|found| found.len())
        })
    };
    until("the rest is loaded", || *loaded.lock().unwrap() == NAMES - 1_000).await;
    until("it waits for the others", || remote.world.clock.sleepers() == 1).await;
    assert!(!batch.is_finished());
    for lease in &leases {
        remote.store.delete(lease);
    }
    assert_eq!(batch.await.unwrap(), Ok(NAMES));
    assert_eq!(*loaded.lock().unwrap(), NAMES);
}

#[tokio::test]
async fn names_that_somebody_loads_already_are_waited_for() {
    let world = World::in_memory();
    let (origin, gate) = (Origin::default(), Gate::closed());
    let (cache, load) = (world.cache.clone(), origin.waits(&gate, Ok::<_, Fault>(100_u32)));
    let single = tokio::spawn(async move { cache.entry("a").get_or_load(|| load).await });
    until("the load", || origin.loads() == 1).await;
    let cache = world.cache.clone();
    let batch = tokio::spawn(async move {
        let load = |names| async { Ok::<_, Fault>(lengths(names)) };
        cache.batch(["a", "bb"]).get_or_load_many(load).await
    });
    crate::world::others_rest().await;
    gate.open();
    single.await.unwrap().unwrap();
    let expected = HashMap::from([("a", 100), ("bb", 2)].map(owned));
    assert_eq!(batch.await.unwrap().unwrap(), expected);
}

#[tokio::test]
async fn names_that_another_process_loads_are_waited_for_while_nothing_is_held() {
    let remote = Remote::tiered();
    let (origin, gate) = (Origin::default(), Gate::closed());
    let (other, load) = (remote.neighbour(), origin.waits(&gate, Ok::<_, Fault>(100_u32)));
    let single = tokio::spawn(async move { other.entry("a").get_or_load(|| load).await });
    until("the load", || origin.loads() == 1).await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let batch = {
        let (cache, asked) = (remote.world.cache.clone(), Arc::clone(&asked));
        tokio::spawn(async move {
            let load = |names: Vec<String>| {
                asked.lock().unwrap().extend(names.clone());
                async { Ok::<_, Fault>(lengths(names)) }
            };
            cache.batch(["a", "bb"]).get_or_load_many(load).await
        })
    };
    until("the other name", || remote.world.cache.stats().fills == 1).await;
    let leases = || remote.store.names().iter().filter(|name| name.ends_with(":l")).count();
    assert_eq!(leases(), 1, "that of the other process");
    gate.open();
    single.await.unwrap().unwrap();
    let expected = HashMap::from([("a", 100), ("bb", 2)].map(owned));
    assert_eq!(batch.await.unwrap().unwrap(), expected);
    assert_eq!(*asked.lock().unwrap(), ["bb"]);
}

#[tokio::test]
async fn two_batches_that_need_each_others_names_both_end() {
    let world = World::in_memory();
    let gate = Gate::closed();
    let mut batches = tokio::task::JoinSet::new();
    for names in [["a", "b", "c"], ["c", "b", "a"], ["b", "c", "d"]] {
        let (cache, gate) = (world.cache.clone(), gate.clone());
        batches.spawn(async move {
            let load = |names| {
                let origin = Origin::default();
                let wait = origin.waits(&gate, ());
                async {
                    wait.await;
                    Ok::<_, Fault>(lengths(names))
                }
            };
            cache.batch(names).get_or_load_many(load).await.unwrap().len()
        });
    }
    crate::world::others_rest().await;
    gate.open();
    assert_eq!(batches.join_all().await, [3, 3, 3]);
}

#[tokio::test]
async fn a_failed_load_serves_stale_values_if_there_is_one_for_every_name() {
    for world in worlds() {
        let cache = &world.cache;
        let batch = |names: &[&'static str]| cache.batch(names.to_vec()).ttl(TTL).grace(TTL);
        let load = |names| async { Ok::<_, Fault>(lengths(names)) };
        let fail = |_| async { Err::<Values, _>(Fault::Down) };
        batch(&["a", "bb"]).get_or_load_many(load).await.unwrap();
        cache.settle().await;
        world.advance(TTL);
        let values = batch(&["a", "bb"]).get_or_load_many(fail).await.unwrap();
        assert_eq!(values.len(), 2);
        let cold = batch(&["a", "cold"]).get_or_load_many(fail).await;
        assert_eq!(cold, Err(Fault::Down));
    }
}

#[tokio::test]
async fn batches_insert_and_invalidate() {
    for world in worlds() {
        let cache = &world.cache;
        let none: [&str; 0] = [];
        let values = [owned(("a", 1)), owned(("b", 2))];
        cache.batch(none).insert_many(values).await.unwrap();
        assert_eq!(cache.batch(["a", "b"]).get_many::<u32>().await.unwrap().len(), 2);
        let _ = cache.batch(["a", "b"]).invalidate_many().await;
        assert!(cache.batch(["a", "b"]).get_many::<u32>().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn another_type_under_the_name_of_an_entry_on_its_way_is_loaded_beside_it() {
    let remote = Remote::new();
    let cache = &remote.world.cache;
    cache.entry("x").get_or_load(|| async { Ok::<u64, Fault>(1) }).await.unwrap();
    let load = |names| async { Ok::<_, Fault>(lengths(names)) };
    let values = cache.batch(["x"]).get_or_load_many(load).await.unwrap();
    assert_eq!(values, HashMap::from([owned(("x", 1))]));
}

#[tokio::test]
async fn an_error_inside_a_load_of_the_same_name_is_not_lost() {
    let world = World::in_memory();
    let cache = &world.cache;
    let fail = |_| async { Err::<Values, _>(Fault::Down) };
    let outer = cache.entry("a").get_or_load(|| async {
        cache.batch(["a"]).get_or_load_many(fail).await.map(|values| values.len())
    });
    assert_eq!(outer.await, Err(Fault::Down));
}

#[tokio::test]
async fn what_only_the_function_may_answer_a_batch_does_not_take_from_memory() {
    for (fallback, expected) in [
        (Fallback::GracefulDegradation, Ok(1)),
        (Fallback::ServeStale, Ok(1)),
        (Fallback::OriginOnly, Err(Fault::Down)),
    ] {
        let remote = Remote::with(|builder| builder.fallback(fallback));
        let cache = &remote.world.cache;
        let batch = || cache.batch(["a"]).ttl(TTL);
        batch().get_or_load_many(|names| async { Ok::<_, Fault>(lengths(names)) }).await.unwrap();
        cache.settle().await;
        remote.chaos.always(Chaotic::Error(Class::Unreachable));
        let fail = |_| async { Err::<Values, _>(Fault::Down) };
        let found = batch().get_or_load_many(fail).await.map(|found| found.len());
        assert_eq!(found, expected, "{fallback:?}");
    }
}

#[tokio::test]
async fn s9_leaders_that_nobody_polls_hold_a_batch_no_longer_than_wait_for_load() {
    let world = World::in_memory();
    let cache = &world.cache;
    let leader = |name: &'static str| {
        let load = async {
            tokio::task::yield_now().await;
            Ok::<u32, Fault>(1)
        };
        Box::pin(cache.entry(name).get_or_load(|| load))
    };
    let mut leaders = [leader("a"), leader("bb"), leader("ccc")];
    for leader in &mut leaders {
        assert!(poll(leader.as_mut()).is_pending());
    }
    let batch = tokio::spawn({
        let cache = cache.clone();
        async move {
            let load = |names| async { Ok::<_, Fault>(lengths(names)) };
            cache.batch(["a", "bb", "ccc"]).get_or_load_many(load).await
        }
    });
    until("its timers", || world.clock.sleepers() == 3).await;
    world.advance(WAIT_FOR_LOAD);
    assert_eq!(batch.await.unwrap().unwrap().len(), 3);
}

#[tokio::test]
async fn g1_a_failed_load_of_a_batch_holds_off_the_next_one_in_every_role_of_memory() {
    for remote in [None, Some(Remote::new()), Some(Remote::tiered())] {
        let (alone, asks) = (World::in_memory(), Origin::default());
        let world = remote.as_ref().map_or(&alone, |remote| &remote.world);
        let cache = &world.cache;
        let batch = || cache.batch(["a", "bb"]).ttl(TTL).grace(GRACE);
        let load = |names| async { Ok::<_, Fault>(lengths(names)) };
        batch().get_or_load_many(load).await.unwrap();
        cache.settle().await;
        world.advance(TTL);
        let fail = |_| asks.returns(Err::<Values, _>(Fault::Down));
        for _ in 0..3 {
            assert_eq!(batch().get_or_load_many(fail).await.unwrap().len(), 2);
        }
        assert_eq!(asks.loads(), 1, "{remote:?}", remote = remote.is_some());
        world.advance(THROTTLE);
        assert_eq!(batch().get_or_load_many(fail).await.unwrap().len(), 2);
        assert_eq!(asks.loads(), 2);
    }
}

#[tokio::test]
async fn all_of_a_batch_of_thousands_is_kept() {
    let remote = Remote::tiered();
    let cache = &remote.world.cache;
    let names: Vec<_> = (0..4_000).map(|number| format!("many:{number}")).collect();
    let load = async |missing: Vec<String>| {
        Ok::<_, Fault>(missing.into_iter().map(|name| (name, 1_u32)).collect::<HashMap<_, _>>())
    };
    let values = cache.batch(&names).ttl(TTL).get_or_load_many(load).await.unwrap();
    assert_eq!(values.len(), names.len());
    cache.settle().await;
    let stats = cache.stats();
    assert_eq!((stats.fills, stats.dropped_writes), (4_000, 0));
    let kept = remote.neighbour().batch(&names).ttl(TTL).get_many::<u32>().await.unwrap();
    assert_eq!(kept.len(), names.len());
}

#[tokio::test]
async fn loads_are_no_faster_than_their_values_can_be_written() {
    let mut settings = Settings::default();
    settings.resilience = once(settings.resilience);
    settings.resilience.max_pending_writes = 4;
    let remote = Remote::with(|builder| builder.settings(settings));
    let cache = &remote.world.cache;
    for number in 0..100_u32 {
        let load = || async move { Ok::<_, Fault>(number) };
        assert_eq!(cache.entry(format!("k{number}")).ttl(TTL).get_or_load(load).await, Ok(number));
    }
    cache.settle().await;
    assert_eq!((cache.stats().fills, cache.stats().dropped_writes), (100, 0));
}

/// Loads 20 for each name, once the gate is open.
async fn twenty_each(gate: Gate, names: Vec<String>) -> Result<Values, Fault> {
    Origin::default().waits(&gate, ()).await;
    Ok(names.into_iter().map(|name| (name, 20)).collect())
}

#[tokio::test]
async fn g2_a_value_whose_grace_ends_while_others_are_loaded_is_not_among_the_answers() {
    for world in worlds() {
        let (origin, gate) = (Origin::default(), Gate::closed());
        let cache = world.cache.clone();
        cache.entry("a").ttl(TTL).grace(TTL).insert(10_u32).await.unwrap();
        world.advance(TTL);
        let failing = || origin.returns(Err::<u32, _>(Fault::Down));
        let entry = || cache.entry("a").ttl(TTL).grace(TTL);
        assert_eq!(entry().get_or_load(failing).await, Ok(10), "in grace, and held off");
        let (task, closed) = (cache.clone(), gate.clone());
        let batch = tokio::spawn(async move {
            let load = |names| twenty_each(closed.clone(), names);
            task.batch(["a", "b"]).ttl(TTL).grace(TTL).get_or_load_many(load).await
        });
        others_rest().await;
        world.advance(TTL);
        gate.open();
        let values = batch.await.unwrap().unwrap();
        assert_eq!(values, HashMap::from([("a", 20), ("b", 20)].map(owned)));
    }
}

#[tokio::test]
async fn g2_the_same_holds_for_a_value_of_which_another_call_said_that_it_is_stale() {
    let (world, origin) = (World::in_memory(), Origin::default());
    let (failing, never, slow) = (Gate::closed(), Gate::closed(), Gate::closed());
    let cache = world.cache.clone();
    cache.entry("a").ttl(TTL).grace(TTL).insert(10_u32).await.unwrap();
    world.advance(TTL);
    let call = |name: &'static str, gate: &Gate| {
        let (cache, load) = (cache.clone(), origin.waits(gate, Err::<u32, _>(Fault::Down)));
        tokio::spawn(
            async move { cache.entry(name).ttl(TTL).grace(TTL).get_or_load(|| load).await },
        )
    };
    let (stale, dropped) = (call("a", &failing), call("c", &never));
    others_rest().await;
    let (task, closed) = (cache.clone(), slow.clone());
    let batch = tokio::spawn(async move {
        let load = |names| twenty_each(closed.clone(), names);
        task.batch(["a", "c"]).ttl(TTL).grace(TTL).get_or_load_many(load).await
    });
    others_rest().await;
    failing.open();
    dropped.abort();
    assert_eq!(stale.await.unwrap(), Ok(10), "in grace");
    others_rest().await;
    world.advance(TTL);
    slow.open();
    let values = batch.await.unwrap().unwrap();
    assert_eq!(values, HashMap::from([("a", 20), ("c", 20)].map(owned)));
}
