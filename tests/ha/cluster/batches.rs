//! Entries of all primaries at once.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use athena_cache::{BreakerState, Cache};

use super::shards::{Running, items, items_on, setup, watched, without_replicas};
use crate::support::wait_for;
use crate::world::{Broken, Origin, Product, eventually};

/// Reads items as a batch; tells which were loaded.
async fn read(cache: &Cache, origin: &Origin, ids: &[u32]) -> HashSet<u32> {
    let loaded = Mutex::new(HashSet::new());
    let load = async |names: Vec<String>| -> Result<HashMap<String, Product>, Broken> {
        let id = |name: &str| name.rsplit(':').next().and_then(|id| id.parse().ok());
        let made = names.into_iter().map(|name| {
            let id: u32 = id(&name).expect("the name of an item");
            assert!(loaded.lock().expect("no panic").insert(id), "loaded twice: {id}");
            (name, origin.make(id))
        });
        Ok(made.collect())
    };
    let names = ids.iter().map(|id| format!("item:{id}"));
    let found = cache.batch(names).get_or_load_many(load).await.expect("no error");
    assert_eq!(found.len(), ids.len());
    for id in ids {
        assert_eq!(found[&format!("item:{id}")].id, *id);
    }
    loaded.into_inner().expect("no panic")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b05_a_batch_loads_what_lies_on_a_dead_shard_and_reads_the_rest() {
    let mut cluster = Running::start(without_replicas()).await;
    let (cache, witness) = watched(&cluster, &setup());
    let (origin, all) = (Origin::default(), items(20));
    let warm: Vec<_> = (0..3).flat_map(|shard| items_on(shard, 10)).collect();
    assert_eq!(read(&cache, &origin, &warm).await.len(), warm.len());
    cache.settle().await;
    let again = read(&cache, &origin, &warm).await;
    assert_eq!(again.len(), 0, "{:?}", cache.stats());

    cluster.node_mut(1).kill();
    let hits = cache.stats().backend_hits;
    let cold: HashSet<_> = all.iter().copied().filter(|id| !warm.contains(id)).collect();
    assert_eq!(read(&cache, &origin, &all).await, cold, "what was warm is there, or a copy of it");
    assert_eq!(cache.stats().backend_hits - hits, 20);
    cache.settle().await;
    for _ in 0..20 {
        let hits = cache.stats().backend_hits;
        // What could not be kept on the dead shard is copied as well.
        assert_eq!(read(&cache, &origin, &all).await.len(), 0);
        assert_eq!(cache.stats().backend_hits - hits, 40);
    }
    for shard in [0, 2] {
        assert_eq!(witness.troubles_of(&cluster.endpoint(shard)), [], "{shard}");
    }

    cluster.node_mut(1).restart();
    wait_for("the others take it up", || {
        let info = cluster.node(0).ask(&["CLUSTER", "INFO"]).ok()?.text();
        info.contains("cluster_slots_ok:16384").then_some(())
    });
    eventually("all is read from the cluster", async || {
        read(&cache, &origin, &all).await;
        cache.settle().await;
        let hits = cache.stats().backend_hits;
        read(&cache, &origin, &all).await;
        cache.stats().backend_hits - hits == 60
    })
    .await;
    assert!(cache.nodes().iter().all(|node| node.breaker == BreakerState::Closed));
}
