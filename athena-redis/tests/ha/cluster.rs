//! A cluster: nodes that are found, slots that move, and nodes that fail apart from each other.

mod addresses;
mod finding;
mod lies;
mod moving;
mod proofs;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use athena_cache_core::backend::{Backend, Class, Found, Item, LeaseRequest, Leased, Node, Token};
use athena_cache_core::testing::conformance;
use athena_cache_redis::{Redis, RedisConfig};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinSet;

use crate::support::cluster::{Cluster, Options};
use crate::{Undriven, eventually, failure, put, read};

/// A cluster is up to six processes: on many cores many tests would start too many of them.
static PERMITS: Semaphore = Semaphore::const_new(3);

const SLOTS: u16 = 16_384;
const LIFE: Duration = Duration::from_secs(600);

/// A cluster, and its permit to run.
async fn start(options: Options) -> (Cluster, SemaphorePermit<'static>) {
    let permit = PERMITS.acquire().await.expect("nobody closes it");
    (Cluster::start_with(options), permit)
}

/// Patient with a busy machine.
fn config(url: &str) -> RedisConfig {
    crate::config(url).response_timeout(Duration::from_secs(5))
}

fn redis(url: &str) -> Arc<Redis> {
    Arc::new(Redis::new(config(url)).expect("the settings are good"))
}

fn with_replicas() -> Options {
    Options { node_timeout: Duration::from_secs(1), ..Options::default() }
}

fn without_replicas() -> Options {
    Options { replicas_each: 0, ..with_replicas() }
}

/// So many names that lie in one slot.
fn names_in(slot: u16, count: u32) -> Vec<String> {
    let name = Cluster::key_in(slot, 0);
    let tag = name.strip_suffix(":0").expect("it ends with its salt");
    (0..count).map(|salt| format!("{tag}:{salt}")).collect()
}

/// One name on each of the three primaries.
fn names_on_all() -> [String; 3] {
    [100, 6_000, 12_000].map(|slot| Cluster::key_in(slot, 0))
}

fn item<'a>(value: &'a str, bytes: &'a [u8]) -> Item<'a> {
    Item { value, bytes, life: LIFE }
}

/// Stores a value, and its lease in the same slot.
async fn store(redis: &Redis, name: &str, bytes: &[u8]) {
    put(redis, item(name, bytes), &format!("{name}:l")).await.expect("it is stored");
}

async fn lease(redis: &Redis, lease: &str, token: Token) -> Leased {
    let request = LeaseRequest { lease, token, life: LIFE, generations: &[] };
    redis.lease(request).await.expect("the lease is answered")
}

fn bytes(found: Found) -> Vec<Option<Vec<u8>>> {
    found.values.into_iter().map(|stored| stored.map(|stored| stored.bytes)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_conforms_to_the_backend_contract() {
    let (cluster, _place) = start(without_replicas()).await;
    let redis = redis(&cluster.url());
    // Before that no node is known.
    redis.connect().await.unwrap();
    for _ in 0..4 {
        conformance::check(redis.clone()).await;
    }
    conformance::check_closing(redis).await;
}

#[tokio::test]
async fn a_cluster_conforms_on_one_thread_with_a_password() {
    let password = Some("s3cr@t/1".to_owned());
    let (cluster, _place) = start(Options { password, ..without_replicas() }).await;
    let redis = Arc::new(Redis::new(config(&cluster.url()).password("s3cr@t/1")).unwrap());
    redis.connect().await.unwrap();
    conformance::check(redis.clone()).await;
    conformance::check_closing(redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a18_ten_thousand_names_over_all_slots_are_stored_read_and_removed() {
    let (cluster, _place) = start(with_replicas()).await;
    let redis = redis(&cluster.url());
    let names: Vec<String> = (0..10_000).map(|number| format!("ns:{{k:{number}}}:3")).collect();
    let slots: HashSet<_> = names.iter().map(Cluster::slot).collect();
    assert!(slots.len() > usize::from(SLOTS) / 3, "{}", slots.len());
    for part in names.chunks(250) {
        let mut inserts = JoinSet::new();
        for name in part {
            let (redis, name) = (redis.clone(), name.clone());
            inserts.spawn(async move { store(&redis, &name, name.as_bytes()).await });
        }
        inserts.join_all().await;
    }
    let sizes = |nodes: [usize; 3]| nodes.map(|node| cluster.node(node).cli(&["DBSIZE"]).number());
    let primaries = sizes([0, 1, 2]);
    assert_eq!(primaries.iter().sum::<i64>(), 10_000);
    assert!(primaries.iter().all(|size| *size > 3_000), "{primaries:?}");
    eventually("the replicas have it", async || sizes([3, 4, 5]) == primaries).await;

    for part in names.chunks(500) {
        let asked: Vec<_> = part.iter().map(String::as_str).collect();
        let found = bytes(redis.read(&asked, &[]).await.unwrap());
        assert!(found.iter().zip(&asked).all(|(it, name)| it.as_deref() == Some(name.as_bytes())));
    }
    for part in names.chunks(500) {
        redis.remove(part).await.unwrap();
    }
    assert_eq!(sizes([0, 1, 2]), [0, 0, 0]);
}

#[tokio::test]
async fn closing_leaves_no_connection_on_any_node_and_no_task() {
    let (cluster, _place) = start(with_replicas()).await;
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let clients = || cluster.nodes().iter().map(|node| node.clients("under-test").len());
    let redis = redis(&cluster.url());
    for name in names_on_all() {
        store(&redis, &name, b"bar").await;
    }
    eventually("one connection to each primary, none to replicas", async || {
        clients().eq([1, 1, 1, 0, 0, 0])
    })
    .await;
    redis.close().await;
    assert_eq!(tasks(), before);
    eventually("the sockets are closed", async || clients().sum::<usize>() == 0).await;
    assert_eq!(failure(read(&redis, "ns:{a}")).await.0, Class::Closed);
    assert_eq!(failure(redis.prove(Node::ONLY)).await.0, Class::Closed);
    assert_eq!(clients().sum::<usize>(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_while_a_node_is_frozen_and_another_fails_over_ends_soon() {
    let (cluster, _place) = start(with_replicas()).await;
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let limit = Duration::from_secs(1);
    let redis = Redis::new(config(&cluster.url()).response_timeout(limit)).unwrap();
    for name in names_on_all() {
        store(&redis, &name, b"bar").await;
    }
    cluster.node(0).freeze();
    assert_eq!(failure(read(&redis, &names_on_all()[0])).await.0, Class::Timeout);
    cluster.failover(4);
    let start = Instant::now();
    redis.close().await;
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    eventually("the tasks have ended", async || tasks() == before).await;
    cluster.node(0).thaw();
    let clients = || cluster.nodes().iter().map(|node| node.clients("under-test").len());
    eventually("the sockets are closed", async || clients().sum::<usize>() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_whose_first_runtime_stands_still_follows_slots_on_that_of_its_callers() {
    let (cluster, _place) = start(without_replicas()).await;
    let redis = redis(&cluster.url());
    let undriven = Undriven::that_connected(&redis).await;
    let name = &names_in(100, 1)[0];
    eventually("it answers here", async || read(&redis, name).await.is_ok()).await;
    let former = redis.node(name);
    cluster.move_slots(0, 1, [100]);
    eventually("it knows the new node", async || {
        let _ = read(&redis, name).await;
        redis.node(name) != former
    })
    .await;
    drop(undriven);
    store(&redis, name, b"bar").await;
}
