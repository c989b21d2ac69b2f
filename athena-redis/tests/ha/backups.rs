//! What is kept of real servers: on their disks, and in files of ours.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use athena_cache_core::backend::operate::{ExpectedValue, Saving, Scan, ValueChange};
use athena_cache_core::backend::{Backend, Node};
use athena_cache_core::{Cache, Defect, Memory, MemoryRole, RestoreMode};
use athena_cache_redis::Redis;

use super::support::cluster::Cluster;
use super::support::rights::recommended;
use super::support::sentinel::SentinelGroup;
use super::support::server::RedisServer;
use super::support::topology::Topology;
use super::{config, eventually, insert, read, redis};

const LIMIT: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// A cache that keeps nothing in memory.
fn cache(redis: &Arc<Redis>) -> Cache {
    let mut memory = Memory::default();
    memory.role = MemoryRole::Off;
    let builder = Cache::builder("shop").memory(memory).backend(Redis::clone(redis));
    builder.build().expect("the settings are good")
}

async fn put(cache: &Cache, number: u32) {
    let entry = cache.entry(format!("product:{number}")).ttl(HOUR).grace(HOUR);
    entry.tags([format!("shelf:{}", number % 7)]).insert(number).await.expect("it is taken");
}

/// What a call gets while the origin is down, and its outcome.
async fn ask(cache: &Cache, number: u32) -> (Option<u32>, &'static str) {
    let entry = cache.entry(format!("product:{number}")).ttl(HOUR).grace(HOUR);
    let entry = entry.tags([format!("shelf:{}", number % 7)]);
    let seen = entry.observe(async || Err::<u32, _>(std::io::Error::other("down"))).await;
    (seen.value.ok(), seen.outcome.label())
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("athena-keeping-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("shop.backup")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a63_every_primary_of_a_cluster_saves_and_one_that_cannot_says_so() {
    let cluster = Cluster::start();
    let redis = redis(&cluster.url());
    redis.connect().await.unwrap();
    let cache = cache(&redis);
    // A66: what fails on one is told of that one, and the others are done.
    cluster.node(1).fail_to_save();
    let port = format!(":{}", cluster.node(1).port());
    for node in cache.backup().limit(LIMIT).save().await.unwrap() {
        let failed = matches!(node.saving, Saving::Failed(_));
        assert_eq!(failed, node.endpoint.ends_with(&port), "{node:?}");
    }
    cluster.node(1).let_save();

    let before: Vec<u64> = (0..3).map(|node| cluster.node(node).info("rdb_saves")).collect();
    let saved = cache.backup().limit(LIMIT).save().await.unwrap();
    assert_eq!(saved.len(), 3);
    assert!(saved.iter().all(|node| matches!(node.saving, Saving::Done { .. })), "{saved:?}");
    for (node, before) in before.into_iter().enumerate() {
        assert_eq!(cluster.node(node).info::<u64>("rdb_saves"), before + 1);
    }
}

#[tokio::test]
async fn a63_who_may_not_have_it_saved_is_told_that() {
    let server = RedisServer::start();
    let rules = recommended("shop", Topology::Standalone);
    let words: Vec<&str> = rules.iter().map(String::as_str).collect();
    server.cli(&[&["ACL", "SETUSER", "app", "on", ">pw"], &words[..]].concat());
    let redis = Redis::new(config(&server.url()).username("app").password("pw"));
    let redis = Arc::new(redis.expect("the settings are good"));
    let saved = cache(&redis).backup().limit(LIMIT).save().await.unwrap();
    assert!(matches!(saved[0].saving, Saving::Unsupported(_)), "{saved:?}");
}

#[tokio::test]
async fn a63_a_save_that_does_not_end_in_time_has_failed() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    redis.connect().await.unwrap();
    let cache = cache(&redis);
    server.freeze();
    let saved = cache.backup().limit(Duration::from_millis(300)).save().await.unwrap();
    assert!(matches!(saved[0].saving, Saving::Failed(_)), "{saved:?}");
    server.thaw();
}

/// From one deployment to another: all that was there answers, and lives no longer than it had to.
async fn kept_and_restored(from: &Arc<Redis>, to: &Arc<Redis>, name: &str) {
    let count = 1_000;
    let (shop, empty) = (cache(from), cache(to));
    for number in 0..count {
        put(&shop, number).await;
    }
    let folder = Folder::new(name);
    let kept = shop.backup().to(folder.file()).await.expect("the servers answer");
    assert!(kept.values >= u64::from(count), "{kept:?}");
    let restored = empty.restore(folder.file()).run().await.expect("the servers answer");
    assert_eq!(restored.written, u64::from(count), "{restored:?}");
    for number in 0..count {
        assert_eq!(ask(&empty, number).await, (Some(number), "STALE"), "{number}");
    }
    let operator = to.operator().expect("a redis can be asked");
    let entry = athena_cache_core::inspect::entry_names("shop", "product:7").expect("it is a key");
    let stored = operator.stored(&entry.values, 1).await.expect("the servers answer");
    let left = stored
        .into_iter()
        .flatten()
        .next()
        .and_then(|stored| stored.remaining)
        .expect("it has an end");
    assert!(left <= 2 * HOUR && left + LIMIT > 2 * HOUR, "{left:?}");
    // All of it is as it should be there, and what is invalidated is gone.
    let seen = empty.verify().run().await.expect("the servers answer");
    assert_eq!((seen.repairable(), seen.defects.get(&Defect::Dead)), (0, None), "{seen:?}");
    let _ = empty.invalidate_tag("shelf:3").await;
    assert_eq!(ask(&empty, 3).await.0, None);
    assert_eq!(ask(&empty, 4).await, (Some(4), "STALE"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a65_a_cluster_gets_what_one_node_had() {
    let (server, cluster) = (RedisServer::start(), Cluster::start());
    kept_and_restored(&redis(&server.url()), &redis(&cluster.url()), "cluster").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a65_sentinels_get_what_a_cluster_had() {
    let (cluster, group) = (Cluster::start(), SentinelGroup::start());
    kept_and_restored(&redis(&cluster.url()), &redis(&group.url()), "sentinel").await;
}

#[tokio::test]
async fn o3_a_server_that_was_emptied_answers_with_nothing_fresh() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    let shop = cache(&redis);
    put(&shop, 1).await;
    put(&shop, 2).await;
    let folder = Folder::new("emptied");
    shop.backup().to(folder.file()).await.unwrap();
    let _ = shop.invalidate_tag("shelf:1").await;
    // The same history: the server knows that one was invalidated.
    let restored = shop.restore(folder.file()).mode(RestoreMode::Replace).run().await.unwrap();
    assert_eq!((restored.outdated, restored.written), (1, 1));
    server.cli(&["FLUSHALL"]);
    let restored = shop.restore(folder.file()).run().await.unwrap();
    assert_eq!(restored.written, 2);
    for number in [1, 2] {
        assert_eq!(ask(&shop, number).await, (Some(number), "STALE"));
    }
}

#[tokio::test]
async fn a_value_that_is_not_what_it_was_found_to_be_stays() {
    let server = RedisServer::start();
    for restricted in [false, true] {
        let redis = if restricted {
            let rules = recommended("ns", Topology::Standalone);
            let words: Vec<&str> = rules.iter().map(String::as_str).collect();
            server.cli(&[&["ACL", "SETUSER", "app", "on", ">pw"], &words[..]].concat());
            let redis = Redis::new(config(&server.url()).username("app").password("pw"));
            Arc::new(redis.expect("the settings are good"))
        } else {
            redis(&server.url())
        };
        let operator = redis.operator().expect("a redis can be asked");
        let admin = super::redis(&server.url());
        let (name, life) = ("ns:{k:a}:0", Duration::from_secs(60));
        server.cli(&["DEL", name]);
        let nothing = ValueChange::replacement(name, ExpectedValue::Nothing, b"one", life);
        assert_eq!(operator.change(&[nothing, nothing]).await.unwrap(), [true, false]);
        let as_found = |beginning, length| ExpectedValue::Bytes { beginning, length };
        for found in
            [as_found(b"one", 4), as_found(b"two", 3), as_found(b"one!", 3), ExpectedValue::Other]
        {
            let removal = ValueChange::removal(name, found);
            assert_eq!(operator.change(&[removal]).await.unwrap(), [false], "{found:?}");
        }
        let replacement = ValueChange::replacement(name, as_found(b"o", 3), b"two", life);
        assert_eq!(operator.change(&[replacement]).await.unwrap(), [true]);
        assert_eq!(read(&admin, name).await.unwrap().as_deref(), Some(&b"two"[..]));
        assert!(server.cli(&["PTTL", name]).number() > 50_000);
        // As a fill writes it: with a stamp behind it.
        insert(&admin, name, b"three").await.unwrap();
        let removal = ValueChange::removal(name, as_found(b"three", 5));
        assert_eq!(operator.change(&[removal]).await.unwrap(), [true]);
        server.cli(&["LPUSH", name, "x"]);
        let removal = ValueChange::removal(name, ExpectedValue::Other);
        assert_eq!(operator.change(&[removal]).await.unwrap(), [true]);
        assert_eq!(server.cli(&["EXISTS", name]).number(), 0);
    }
}

#[tokio::test]
async fn names_are_all_found_where_the_server_is_another_one_half_way() {
    let mut server = RedisServer::start();
    let redis = redis(&server.url());
    redis.connect().await.unwrap();
    let names: Vec<_> = (0..2_000).map(|number| format!("shop:{{k:{number}}}:0")).collect();
    for names in names.chunks(500) {
        let pairs = names.iter().flat_map(|name| [name.as_str(), "value"]);
        server.cli(&std::iter::once("MSET").chain(pairs).collect::<Vec<_>>());
    }
    server.cli(&["SAVE"]);
    let operator = redis.operator().expect("a redis can be asked");
    let (mut scan, mut found) = (Scan::new(&*operator, "shop:", 50), BTreeSet::new());
    let mut pages = 0;
    while let Some(page) = scan.next().await {
        found.extend(page.expect("the server answers"));
        pages += 1;
        if pages == 10 {
            // Another process orders its names otherwise, and knows no place of this one.
            server.kill();
            server.restart();
            eventually("it is reached again", async || redis.prove(Node::ONLY).await.is_ok()).await;
        }
    }
    assert!(!scan.is_incomplete());
    assert_eq!(found.len(), names.len());
}
