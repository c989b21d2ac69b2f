//! Days on which servers refuse half-way, or are others than they were.

use std::sync::atomic::{AtomicBool, Ordering};

use athena_cache_core::backend::Class;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a65_a_server_that_refuses_to_be_written_to_says_so_and_all_comes_back_later() {
    let (full, server) = (RedisServer::start(), RedisServer::start());
    let (shop, empty) = (redis(&full.url()), redis(&server.url()));
    let (shop, empty) = (cache(&shop), cache(&empty));
    for number in 0..600 {
        put(&shop, number).await;
    }
    let folder = Folder::new("refusing");
    shop.backup().to(folder.file()).await.expect("the server answers");
    server.cli(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    let error = empty.restore(folder.file()).run().await.expect_err("it is full");
    assert_eq!(error.class(), Some(Class::WriteRefused), "{error}");
    assert!(error.to_string().contains("0 of 600 values"), "{error}");
    assert_eq!(ask(&empty, 7).await.0, None);
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    let restored = empty.restore(folder.file()).run().await.expect("there is room");
    assert_eq!(restored.written, 600, "{restored:?}");
    assert_eq!(ask(&empty, 7).await, (Some(7), "STALE"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a65_a_server_that_gives_out_half_way_is_told_with_how_much_came_back() {
    let (full, mut server) = (RedisServer::start(), RedisServer::start());
    let (shop, empty) = (redis(&full.url()), redis(&server.url()));
    let (shop, empty) = (cache(&shop), cache(&empty));
    for number in 0..1_000 {
        put(&shop, number).await;
    }
    let folder = Folder::new("dying");
    shop.backup().to(folder.file()).await.expect("the server answers");
    let has_begun = Arc::new(AtomicBool::new(false));
    let began = Arc::clone(&has_begun);
    let restore = empty.restore(folder.file()).rate(400);
    let restore = restore.on_progress(move |_| began.store(true, Ordering::SeqCst));
    let (restored, ()) = tokio::join!(restore.run(), async {
        eventually("some of it came back", async || has_begun.load(Ordering::SeqCst)).await;
        server.kill();
    });
    let error = restored.expect_err("the server is gone");
    assert!(error.is_backup() && error.to_string().contains("restored in part"), "{error}");
    server.restart();
    eventually("it is reached again", async || {
        empty.restore(folder.file()).run().await.is_ok_and(|done| done.written == 1_000)
    })
    .await;
}

/// Whatever a cluster does while names are listed: all of them are in the backup, or there is none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a64_a_failover_while_names_are_listed_loses_none_of_them_or_is_told() {
    let (cluster, server) = (Cluster::start(), RedisServer::start());
    let redis_of_cluster = redis(&cluster.url());
    let (shop, other) = (cache(&redis_of_cluster), cache(&redis(&server.url())));
    let count = 1_500;
    for number in 0..count {
        put(&shop, number).await;
    }
    let folder = Folder::new("failover");
    let has_begun = Arc::new(AtomicBool::new(false));
    let began = Arc::clone(&has_begun);
    let backup = shop.backup().rate(1_000);
    let backup = backup.on_progress(move |_| began.store(true, Ordering::SeqCst));
    let replica = cluster.replica_of(0).expect("each primary has one");
    let (kept, ()) = tokio::join!(backup.to(folder.file()), async {
        eventually("some of it is written", async || has_begun.load(Ordering::SeqCst)).await;
        tokio::task::block_in_place(|| cluster.failover(replica));
    });
    match kept {
        Ok(_) => {}
        Err(error) => {
            assert!(!folder.file().exists(), "{error}");
            eventually("the cluster is at rest", async || {
                shop.backup().to(folder.file()).await.is_ok()
            })
            .await;
        }
    }
    let restored = other.restore(folder.file()).run().await.expect("the server answers");
    assert_eq!(restored.written, u64::from(count), "{restored:?}");
}
