//! Invalidations that concern several nodes, and nodes that cannot be told.

use athena_cache::{Cache, Invalidated, Source, athena_cache, athena_invalidate, of};

use super::shards::{
    Running, SHARDS, answers, durable, items, items_on, observe, setup, shard_of, slot_of_item,
    warm, watched, without_replicas,
};
use crate::support::cluster::Cluster;
use crate::support::resp::Reply;
use crate::world::{Broken, Origin, Product, eventually};

/// Has a tag, the generation of which lies on one of the nodes.
#[athena_cache(key = "item:{id}", skip(origin), tags = ["goods"], cache = cache)]
async fn goods(cache: &Cache, origin: &Origin, id: u32) -> Result<Product, Broken> {
    Ok(origin.make(id))
}

/// Has a generation of its own, which lies on one of the nodes.
#[athena_cache(key = "ware:{id}", skip(origin), grouped, cache = cache)]
async fn wares(cache: &Cache, origin: &Origin, id: u32) -> Result<Product, Broken> {
    Ok(origin.make(id))
}

#[athena_invalidate(functions = [wares], cache = cache)]
async fn restock(cache: &Cache, origin: &Origin) -> u32 {
    origin.change()
}

async fn see(cache: &Cache, origin: &Origin, id: u32) -> (u32, Source) {
    let seen = of(goods(cache, origin, id)).observe().await.expect("it is annotated");
    (seen.value.expect("no error of the cache").version, seen.outcome.source)
}

/// Returns when what any node had to announce has been heard: it comes before a later answer.
async fn hear_all(cache: &Cache, ids: &[u32]) {
    for id in ids {
        let _ = cache.entry(format!("nothing:{id}")).get::<u32>().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_i4_an_invalidation_on_all_shards_is_seen_by_the_other_process_at_once() {
    let cluster = Running::start(without_replicas()).await;
    let [(here, _), (there, _)] = [(); 2].map(|()| watched(&cluster, &setup()));
    let (origin, all) = (Origin::default(), items(10));
    for round in 0..6 {
        for id in &all {
            see(&here, &origin, *id).await;
            here.settle().await;
            assert_eq!(see(&there, &origin, *id).await, (round, Source::Backend));
        }
        let current = origin.change();
        let done = match round % 3 {
            0 => here.invalidate_tag("goods").await,
            1 => here.clear().await,
            _ => {
                for id in &all {
                    assert_eq!(here.invalidate(format!("item:{id}")).await, Invalidated::Done);
                }
                Invalidated::Done
            }
        };
        assert_eq!(done, Invalidated::Done);
        hear_all(&there, &all).await;
        for id in &all {
            assert_eq!(see(&there, &origin, *id).await, (current, Source::Load));
            there.settle().await;
            assert_eq!(see(&here, &origin, *id).await, (current, Source::Backend));
        }
    }
    for cache in [here, there] {
        assert!(cache.stats().backend_failures.is_empty(), "{:?}", cache.stats());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_all_entries_of_a_function_on_all_shards_are_invalidated_in_the_other_process() {
    let cluster = Running::start(without_replicas()).await;
    let [(here, _), (there, _)] = [(); 2].map(|()| watched(&cluster, &setup()));
    let (origin, all) = (Origin::default(), items(10));
    let see = async |cache: &Cache, id: u32| {
        let seen = of(wares(cache, &origin, id)).observe().await.expect("it is annotated");
        (seen.value.expect("no error of the cache").version, seen.outcome.source)
    };
    for round in 0..4 {
        for id in &all {
            see(&here, *id).await;
            here.settle().await;
            assert_eq!(see(&there, *id).await, (round, Source::Backend));
        }
        let current = restock(&here, &origin).await;
        hear_all(&there, &all).await;
        for id in &all {
            assert_eq!(see(&there, *id).await, (current, Source::Load));
            there.settle().await;
            assert_eq!(see(&here, *id).await, (current, Source::Backend));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i7_clearing_one_namespace_on_all_shards_leaves_the_other() {
    let cluster = Running::start(without_replicas()).await;
    let [users, others] = ["users", "usersAbc"].map(|name| setup().cache(name, &cluster.url()));
    let (origin, all) = (Origin::default(), items(10));
    for cache in [&users, &others] {
        warm(cache, &origin, &all).await;
    }
    assert_eq!(users.clear().await, Invalidated::Done);
    for id in all {
        assert_eq!(observe(&users, &origin, id).await.1.source, Source::Load);
        assert_eq!(observe(&others, &origin, id).await.1.source, Source::Backend);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i3_an_invalidation_for_a_dead_shard_waits_for_it_and_holds_up_nobody() {
    let mut cluster = Running::start(durable()).await;
    let (cache, witness) = watched(&cluster, &setup());
    let (origin, all) = (Origin::default(), items(5));
    warm(&cache, &origin, &all).await;
    let (told, others) = (items_on(1, 5), [items_on(0, 5), items_on(2, 5)].concat());
    cluster.node_mut(1).kill();
    let current = origin.change();
    for id in &told {
        assert_eq!(cache.invalidate(format!("item:{id}")).await, Invalidated::Pending);
    }
    assert_eq!(cache.stats().journal_depth, 5);
    for _ in 0..50 {
        for id in &others {
            let (value, outcome) = observe(&cache, &origin, *id).await;
            assert_eq!((value.version, outcome.source), (0, Source::Backend));
        }
    }
    for id in &told {
        assert_eq!(observe(&cache, &origin, *id).await.0.version, current);
    }
    for shard in [0, 2] {
        assert_eq!(witness.troubles_of(&cluster.endpoint(shard)), [], "{shard}");
    }

    cluster.node_mut(1).restart();
    eventually("the shard answers", async || {
        let mut hits = 0;
        for id in &told {
            let (value, outcome) = observe(&cache, &origin, *id).await;
            assert_eq!(value.version, current, "{outcome:?}");
            hits += usize::from(outcome.source == Source::Backend);
        }
        hits == told.len()
    })
    .await;
    assert_eq!(cache.stats().journal_depth, 0);
    let (reader, _) = watched(&cluster, &setup());
    for id in &told {
        assert_eq!(observe(&reader, &origin, *id).await.0.version, current);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p4_a_dead_shard_that_is_back_is_told_though_nobody_calls() {
    let mut cluster = Running::start(durable()).await;
    let [(here, _), (there, _)] = [(); 2].map(|()| watched(&cluster, &setup()));
    let (origin, all) = (Origin::default(), items(5));
    warm(&here, &origin, &all).await;
    cluster.node_mut(1).kill();
    let current = origin.change();
    assert_eq!(here.clear().await, Invalidated::Pending);
    for id in [items_on(0, 5), items_on(2, 5)].concat() {
        assert_eq!(observe(&there, &origin, id).await.0.version, current, "it lives");
    }
    cluster.node_mut(1).restart();
    eventually("the shard is told", async || {
        let mut outdated = 0;
        for id in items_on(1, 5) {
            outdated += u32::from(observe(&there, &origin, id).await.0.version != current);
        }
        outdated == 0
    })
    .await;
    eventually("nothing waits", async || here.stats().journal_depth == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i3_a_tag_whose_shard_is_dead_is_invalidated_here_at_once_and_there_when_it_is_back() {
    let mut cluster = Running::start(durable()).await;
    let [(here, _), (there, _)] = [(); 2].map(|()| watched(&cluster, &setup()));
    let (origin, all) = (Origin::default(), items(5));
    let home = shard_of(Cluster::slot("shop:#goods"));
    for id in &all {
        goods(&here, &origin, *id).await.unwrap();
    }
    here.settle().await;
    cluster.node_mut(home).kill();
    let current = origin.change();
    assert_eq!(here.invalidate_tag("goods").await, Invalidated::Pending);
    for id in &all {
        assert_eq!(see(&here, &origin, *id).await.0, current);
    }
    cluster.node_mut(home).restart();
    // Once this process reads from the cluster again, the cluster was told.
    for cache in [&here, &there] {
        eventually("it is invalidated for all", async || {
            let mut hits = 0;
            for id in &all {
                let (version, source) = see(cache, &origin, *id).await;
                assert_eq!(version, current, "{source:?}");
                hits += usize::from(source == Source::Backend);
            }
            hits == all.len()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_an_entry_depends_on_no_node_but_its_own() {
    let mut cluster = Running::start(without_replicas()).await;
    let (cache, _) = watched(&cluster, &setup());
    let (origin, all) = (Origin::default(), items(20));
    warm(&cache, &origin, &all).await;
    for node in 0..SHARDS {
        let names = cluster.node(node).cli(&["KEYS", "*"]);
        let names: Vec<_> = names.list().iter().map(Reply::text).collect();
        let place = |name: &String| Cluster::slot(name) / 16;
        let generations: Vec<_> =
            names.iter().filter(|name| name.ends_with('*')).map(place).collect();
        for id in items_on(node, 20) {
            assert!(generations.contains(&(slot_of_item(id) / 16)), "{id}: {names:?}");
        }
    }
    // One only: without two others a primary of three stops serving by itself.
    cluster.node_mut(0).kill();
    for _ in 0..20 {
        for id in items_on(1, 20) {
            assert_eq!(observe(&cache, &origin, id).await.1.source, Source::Backend);
        }
    }
    let new = [items_on(1, 30).split_off(20), items_on(2, 30).split_off(20)].concat();
    warm(&cache, &origin, &new).await;
    answers(&cache, &origin, &new).await;
    assert!(cache.stats().backend_failures.is_empty(), "{:?}", cache.stats());
}
