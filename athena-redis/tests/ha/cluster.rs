//! A cluster: nodes that are found, slots that move, and nodes that fail apart from each other.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use athena_cache_core::backend::{
    Backend, Class, Fill, Filled, Found, Generation, Item, LeaseRequest, Leased, Node, Proof, Token,
};
use athena_cache_core::testing::conformance;
use athena_cache_redis::{Redis, RedisConfig};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinSet;

use crate::support::cluster::{Cluster, Options};
use crate::support::proxy::Proxy;
use crate::support::role::Role;
use crate::support::server::{RedisServer, free_port};
use crate::told::{Told, connected, unheard};
use crate::{eventually, failure, read};

/// A cluster is up to six processes: on many cores many tests would start too many of them.
static PLACES: Semaphore = Semaphore::const_new(3);

const SLOTS: u16 = 16_384;
const LIFE: Duration = Duration::from_secs(600);

/// A cluster, and its place among those that run at once.
async fn start(options: Options) -> (Cluster, SemaphorePermit<'static>) {
    let place = PLACES.acquire().await.expect("nobody closes it");
    (Cluster::start_with(options), place)
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
    let (lease, obsolete) = (format!("{name}:l"), [format!("{name}:old")]);
    redis.insert(item(name, bytes), &lease, &obsolete).await.expect("it is stored");
}

async fn lease(redis: &Redis, lease: &str, token: Token) -> Leased {
    let request = LeaseRequest { lease, token, life: LIFE, generations: &[] };
    redis.lease(request).await.expect("the lease is answered")
}

fn bytes(found: Found) -> Vec<Option<Vec<u8>>> {
    found.values.into_iter().map(|stored| stored.map(|stored| stored.bytes)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_whose_slots_nobody_has_yet_says_so_at_once_and_serves_when_somebody_has() {
    let bus = free_port().to_string();
    let server = RedisServer::start_with(&["--cluster-enabled", "yes", "--cluster-port", &bus]);
    let url = format!("redis-cluster://127.0.0.1:{}", server.port());
    let redis = redis(&url);
    let begun = Instant::now();
    let failed = read(&redis, "name").await.unwrap_err();
    assert_eq!(failed.class(), Class::Unready, "{failed}");
    assert!(failed.to_string().contains("serves no slots yet"), "{failed}");
    let opened = config(&url).connect_retry(2).abort_on_connect_fail(true);
    let error = Redis::open(opened).await.unwrap_err();
    assert!(error.to_string().contains("serves no slots yet"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());

    server.cli(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    eventually("it serves", async || read(&redis, "name").await.is_ok()).await;
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
async fn a19_one_live_seed_among_dead_ones_is_enough() {
    let (cluster, _place) = start(without_replicas()).await;
    // One of them accepts connections and never answers.
    let silent = Proxy::start(cluster.node(0).port());
    silent.swallow_new(true);
    let dead: Vec<_> = (0..4).map(|_| format!("127.0.0.1:{}", free_port())).collect();
    let silent = silent.url().replace("redis://", "");
    let live = cluster.url_of(&[1]);
    let url = format!("redis-cluster://{silent},{},", dead.join(","));
    let url = live.replace("redis-cluster://", &url);
    let redis = redis(&url);
    let start = Instant::now();
    redis.connect().await.unwrap();
    for name in names_on_all() {
        store(&redis, &name, b"bar").await;
        assert_eq!(read(&redis, &name).await.unwrap().as_deref(), Some(&b"bar"[..]));
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(redis.nodes().len(), 3, "only those that serve slots count");
}

#[tokio::test]
async fn a_cluster_that_starts_later_is_found() {
    let (mut cluster, _place) = start(without_replicas()).await;
    let url = cluster.url();
    (0..3).for_each(|node| cluster.node_mut(node).kill());
    let redis = redis(&url);
    for _ in 0..10 {
        assert_eq!(failure(read(&redis, "ns:{a}")).await.0, Class::Unreachable);
    }
    assert!(redis.nodes().is_empty());
    (0..3).for_each(|node| cluster.node_mut(node).restart());
    cluster.wait_ok();
    for name in names_on_all() {
        eventually("it answers", async || read(&redis, &name).await.is_ok()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a19_names_of_a_slot_that_is_half_way_are_read_and_written_on_both_sides() {
    let (cluster, _place) = start(without_replicas()).await;
    let redis = redis(&cluster.url());
    let names = names_in(100, 12);
    for name in &names[..10] {
        store(&redis, name, name.as_bytes()).await;
    }
    let elsewhere = Cluster::key_in(12_000, 0);
    store(&redis, &elsewhere, b"elsewhere").await;
    let step = cluster.begin_move(0, 1, 100);
    assert_eq!(cluster.move_keys(step, 5), 5);

    // Each alone, all of the slot together, and together with others.
    let expected: Vec<_> = names.iter().map(|it| Some(it.clone().into_bytes())).collect();
    let mut expected = [expected[..10].to_vec(), vec![None, None]].concat();
    for (name, expected) in names.iter().zip(&expected) {
        assert_eq!(read(&redis, name).await.unwrap(), *expected, "{name}");
    }
    let mut asked: Vec<_> = names.iter().map(String::as_str).collect();
    assert_eq!(bytes(redis.read(&asked, &[]).await.unwrap()), expected);
    asked.push(&elsewhere);
    expected.push(Some(b"elsewhere".to_vec()));
    assert_eq!(bytes(redis.read(&asked, &[]).await.unwrap()), expected);

    // A generation and a lease on either side.
    let generations: Vec<_> = names_in(100, 30).split_off(20);
    let proposals: Vec<_> =
        generations.into_iter().map(|name| (name, Generation::new(7))).collect();
    let ensured = redis.ensure(&proposals).await.unwrap();
    assert_eq!(ensured.generations, vec![Generation::new(7); 10]);
    redis.bump(&proposals[..5]).await.unwrap();
    for name in &names {
        let (held, token) = (format!("{name}:l"), Token::new(3));
        assert!(lease(&redis, &held, token).await.granted, "{name}");
        assert!(!lease(&redis, &held, Token::new(4)).await.granted, "{name}");
        redis.release(&held, token).await.unwrap();
        assert!(lease(&redis, &held, Token::new(5)).await.granted, "{name}");
    }
    redis.shorten(&names, LIFE / 2).await.unwrap();
    let removed = [&names[..3], &names[8..]].concat();
    redis.remove(&removed).await.unwrap();
    for name in &removed {
        assert_eq!(read(&redis, name).await.unwrap(), None, "{name}");
    }
    for name in &names[3..8] {
        assert_eq!(read(&redis, name).await.unwrap().as_deref(), Some(name.as_bytes()), "{name}");
    }

    cluster.finish_move(step);
    for name in &names[3..8] {
        assert_eq!(read(&redis, name).await.unwrap().as_deref(), Some(name.as_bytes()), "{name}");
        store(&redis, name, b"after").await;
    }
    eventually("the map shows it", async || {
        redis.node(&names[0]) == redis.node(&Cluster::key_in(6_000, 0))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a19_scripts_that_meet_a_slot_half_way_are_executed_once_it_has_moved() {
    let (cluster, _place) = start(without_replicas()).await;
    let redis = redis(&cluster.url());
    let names = names_in(100, 4);
    store(&redis, &names[0], b"before").await;
    store(&redis, &names[1], b"before").await;
    let step = cluster.begin_move(0, 1, 100);
    assert_eq!(cluster.move_keys(step, 1), 1);
    let mut inserts = JoinSet::new();
    for name in names.clone() {
        let redis = redis.clone();
        inserts.spawn(async move { store(&redis, &name, b"after").await });
    }
    // Redis executes no script of which some names are there and some are not.
    tokio::time::sleep(Duration::from_millis(100)).await;
    cluster.finish_move(step);
    inserts.join_all().await;
    for name in &names {
        assert_eq!(read(&redis, name).await.unwrap().as_deref(), Some(&b"after"[..]), "{name}");
    }
}

#[tokio::test]
async fn a19_a_fill_is_refused_if_its_slot_has_moved_since_the_lease() {
    let (cluster, _place) = start(without_replicas()).await;
    let redis = redis(&cluster.url());
    let name = &names_in(100, 1)[0];
    let (held, token) = (format!("{name}:l"), Token::new(3));
    let Leased { granted, proof: Proof { epoch, .. }, .. } = lease(&redis, &held, token).await;
    assert!(granted);
    cluster.move_slots(0, 1, [100]);
    let fill = Fill { item: item(name, b"bar"), lease: &held, token, epoch };
    assert_eq!(redis.fill(fill).await.unwrap(), Filled::Refused);
    assert_eq!(read(&redis, name).await.unwrap(), None);

    redis.release(&held, token).await.unwrap();
    let Leased { granted, proof: Proof { epoch, .. }, .. } = lease(&redis, &held, token).await;
    assert!(granted);
    let fill = Fill { item: item(name, b"bar"), lease: &held, token, epoch };
    assert_eq!(redis.fill(fill).await.unwrap(), Filled::Stored);
    assert_eq!(read(&redis, name).await.unwrap().as_deref(), Some(&b"bar"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b02_a_fill_is_refused_if_another_node_took_over_since_the_lease() {
    let (mut cluster, _place) = start(with_replicas()).await;
    let redis = redis(&cluster.url());
    let [planned, unplanned] = [12_000, 100].map(|slot| Cluster::key_in(slot, 0));
    let names = [&planned, &unplanned].map(|name| format!("{name}:l"));
    let token = Token::new(3);
    let mut epochs = Vec::new();
    for held in &names {
        let leased = lease(&redis, held, token).await;
        assert!(leased.granted);
        epochs.push(leased.proof.epoch);
    }
    for node in [0, 2] {
        let size = |node: usize| cluster.node(node).cli(&["DBSIZE"]).number();
        eventually("its replica has the lease", async || size(node + 3) == size(node)).await;
    }
    cluster.failover(5);
    cluster.node_mut(0).kill();
    cluster.wait_for_primary_other_than(0, 100);
    for ((name, held), epoch) in [&planned, &unplanned].into_iter().zip(&names).zip(epochs) {
        eventually("the new node answers", async || read(&redis, name).await.is_ok()).await;
        let fill = Fill { item: item(name, b"bar"), lease: held, token, epoch };
        assert_eq!(redis.fill(fill).await.unwrap(), Filled::Refused, "{name}");
        assert_eq!(read(&redis, name).await.unwrap(), None, "{name}");
        assert!(!lease(&redis, held, Token::new(4)).await.granted, "the heir knows of it: {name}");
        store(&redis, name, b"after").await;
    }
}

#[tokio::test]
async fn a_node_that_came_back_empty_learns_the_scripts_again() {
    let (mut cluster, _place) = start(without_replicas()).await;
    let redis = redis(&cluster.url());
    let names = names_on_all();
    for name in &names {
        store(&redis, name, b"before").await;
    }
    cluster.node(1).cli(&["SCRIPT", "FLUSH"]);
    cluster.node_mut(0).restart();
    cluster.wait_ok();
    for name in &names {
        eventually("it answers", async || read(&redis, name).await.is_ok()).await;
        store(&redis, name, b"after").await;
        let (held, token) = (format!("{name}:l"), Token::new(3));
        let Leased { granted, proof: Proof { epoch, .. }, .. } = lease(&redis, &held, token).await;
        assert!(granted);
        let fill = Fill { item: item(name, b"filled"), lease: &held, token, epoch };
        assert_eq!(redis.fill(fill).await.unwrap(), Filled::Stored);
        redis.release(&held, token).await.unwrap();
        redis.shorten(std::slice::from_ref(name), LIFE / 2).await.unwrap();
        assert_eq!(read(&redis, name).await.unwrap().as_deref(), Some(&b"filled"[..]));
    }
}

#[tokio::test]
async fn b20_what_belongs_to_a_dead_node_fails_at_once_and_the_rest_does_not() {
    let (mut cluster, _place) = start(without_replicas()).await;
    let redis = redis(&cluster.url());
    let [dead, live, other] = names_on_all();
    for name in [&dead, &live, &other] {
        store(&redis, name, b"bar").await;
    }
    let node = redis.node(&dead);
    cluster.node_mut(0).kill();
    eventually("the loss is noticed without an operation", async || !redis.is_ready(node)).await;
    let mut times = Vec::new();
    for _ in 0..500 {
        for asked in [vec![dead.as_str()], vec![live.as_str(), &dead, &other]] {
            let (class, took) = failure(redis.read(&asked, &[])).await;
            assert_eq!(class, Class::Unreachable);
            times.push(took);
        }
        let found = bytes(redis.read(&[&live, &other], &[]).await.unwrap());
        assert!(found.iter().all(Option::is_some));
    }
    times.sort();
    let p99 = times[times.len() * 99 / 100];
    assert!(p99 < Duration::from_millis(500), "{p99:?}");
    // A write for several nodes reaches those that are there.
    let names = [live.clone(), dead.clone(), other.clone()];
    assert_eq!(failure(redis.remove(&names)).await.0, Class::Unreachable);
    assert_eq!(bytes(redis.read(&[&live, &other], &[]).await.unwrap()), [None, None]);

    let epoch = redis.epoch(redis.node(&live));
    cluster.node_mut(0).restart();
    eventually("it answers again", async || read(&redis, &dead).await.is_ok()).await;
    assert_eq!(redis.node(&dead), node, "the same address is the same node");
    assert_eq!(redis.epoch(redis.node(&live)), epoch);
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

#[tokio::test]
async fn a_wrong_password_is_denied_at_once_and_the_nodes_are_not_stormed() {
    let password = Some("right".to_owned());
    let (cluster, _place) = start(Options { password, ..without_replicas() }).await;
    let logins = || cluster.nodes().iter().map(|node| node.calls("hello")).sum::<u64>();
    for (config, code) in [
        (config(&cluster.url()).password("s3cret"), "WRONGPASS"),
        (config(&cluster.url()), "NOAUTH"),
    ] {
        let before = logins();
        let redis = Redis::new(config).unwrap();
        let (start, mut failures) = (Instant::now(), 0);
        while start.elapsed() < Duration::from_secs(2) {
            let failure = read(&redis, "ns:{a}").await.unwrap_err();
            assert_eq!(failure.class(), Class::Denied, "{failure}");
            let shown = format!("{failure} {failure:?} {redis:?}");
            assert!(shown.contains(code) && !shown.contains("s3cret"), "{shown}");
            failures += 1;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(failures > 100, "every one of {failures} was refused at once");
        // As many to each of the three nodes as to one that stands alone.
        let attempts = logins() - before;
        assert!((1..=12).contains(&attempts), "{attempts} logins in two seconds");
    }
}

#[tokio::test]
async fn a_node_that_is_no_cluster_is_refused_with_a_reason() {
    let server = RedisServer::start();
    let redis = redis(&server.url().replace("redis://", "redis-cluster://"));
    let error = redis.connect().await.unwrap_err();
    assert!(error.to_string().contains("cluster"), "{error}");
    let (class, took) = failure(read(&redis, "ns:{a}")).await;
    assert!(took < Duration::from_secs(1), "{class} {took:?}");
    assert_eq!(server.cli(&["PING"]).text(), "PONG");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_to_a_node_after_it_was_replaced_as_planned() {
    let (cluster, _place) = start(with_replicas()).await;
    let redis = redis(&cluster.url());
    let name = Cluster::key_in(100, 0);
    store(&redis, &name, b"before").await;
    let former = redis.node(&name);
    cluster.failover(3);
    eventually("the map shows it", async || {
        assert!(read(&redis, &name).await.is_ok(), "no read fails on the way");
        redis.node(&name) != former
    })
    .await;
    eventually("it follows", async || matches!(cluster.node(0).role(), Some(Role::Replica { .. })))
        .await;
    let monitor = cluster.node(0).monitor();
    for _ in 0..100 {
        store(&redis, &name, b"after").await;
    }
    let evaluated = |line: &String| line.contains("EVALSHA") || line.contains("MGET");
    assert!(!monitor.lines().iter().any(evaluated));
    eventually("its connection is closed", async || {
        cluster.node(0).clients("under-test").is_empty()
    })
    .await;
}

#[tokio::test]
async fn what_one_node_answered_is_proven_and_what_several_did_is_not() {
    let (cluster, _place) = start(without_replicas()).await;
    let redis = redis(&cluster.url());
    redis.connect().await.unwrap();
    let names = names_on_all();
    let all: Vec<_> = names.iter().map(String::as_str).collect();
    assert_eq!(redis.read(&all, &[]).await.unwrap().proof, None);
    let proposals = |names: &[String]| {
        names.iter().map(|name| (name.clone(), Generation::new(7))).collect::<Vec<_>>()
    };
    assert_eq!(redis.ensure(&proposals(&names)).await.unwrap().proof, None);

    let mut histories = HashSet::new();
    for name in &names {
        let proof = redis.prove(redis.node(name)).await.unwrap();
        assert!(proof.tracks && proof.lag.is_zero() && histories.insert(proof.history));
        assert_eq!(proof.epoch, redis.epoch(redis.node(name)));
        assert_eq!(redis.read(&[name], &[]).await.unwrap().proof, Some(proof));
        let ensured = redis.ensure(&proposals(std::slice::from_ref(name))).await.unwrap();
        assert_eq!(ensured.proof, Some(proof));
        assert_eq!(lease(&redis, &format!("{name}:l"), Token::new(3)).await.proof, proof);
    }
    assert!(!histories.contains(&0));

    // Half-way, the node that will be the owner answers in place of the one that is.
    let absent = Cluster::key_in(100, 7);
    let step = cluster.begin_move(0, 1, 100);
    assert_eq!(redis.read(&[&absent], &[]).await.unwrap().proof, None);
    let leased = lease(&redis, &format!("{absent}:l"), Token::new(3)).await;
    assert!(leased.granted && !leased.proof.tracks && leased.proof.history == 0);
    assert_eq!(leased.proof.epoch, redis.epoch(redis.node(&names[1])));
    cluster.finish_move(step);
}

#[tokio::test]
async fn changes_are_announced_by_the_node_of_each_name() {
    let (cluster, _place) = start(without_replicas()).await;
    let redis = redis(&cluster.url());
    redis.connect().await.unwrap();
    for name in names_on_all() {
        store(&redis, &name, b"bar").await;
    }
    let told = Told::by(&redis);
    for (node, name) in names_on_all().iter().enumerate() {
        cluster.node(node).cli(&["SET", name, "another"]);
        told.names(&[name]).await;
        let held = format!("{name}:l");
        cluster.node(node).cli(&["SET", &held, "another"]);
        told.names(&[&held]).await;
    }
}

#[tokio::test]
async fn a_slot_that_is_moved_is_told_of_by_both_nodes() {
    let (cluster, _place) = start(without_replicas()).await;
    let redis = redis(&cluster.url());
    redis.connect().await.unwrap();
    let names = names_on_all();
    for name in &names {
        store(&redis, name, b"bar").await;
    }
    let [source, target, bystander] = names.each_ref().map(|name| redis.node(name));
    let told = Told::by(&redis);
    cluster.move_slots(0, 1, [100]);
    eventually("the map shows it", async || {
        assert!(read(&redis, &names[0]).await.is_ok());
        redis.node(&names[0]) == target
    })
    .await;
    eventually("it is told", async || told.all().contains(&unheard(source))).await;
    let all = told.all();
    let place = |wanted| all.iter().position(|change| *change == wanted).expect("it is told");
    assert!(place(connected(target)) < place(unheard(source)), "{all:?}");
    assert_eq!(told.of(bystander), []);

    read(&redis, &names[0]).await.unwrap();
    let before = told.count(&names[0]);
    cluster.node(1).cli(&["SET", &names[0], "another"]);
    eventually("the new owner announces it", async || told.count(&names[0]) > before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_lost_the_majority_is_not_proven() {
    let (cluster, _place) = start(without_replicas()).await;
    let redis = Arc::new(Redis::new(crate::config(&cluster.url())).unwrap());
    redis.connect().await.unwrap();
    let node = redis.node(&names_on_all()[0]);
    eventually("it is proven", async || redis.prove(node).await.is_ok()).await;
    for other in [1, 2] {
        cluster.node(other).freeze();
    }
    eventually("it knows that it is alone", async || {
        redis.prove(node).await.is_err_and(|failure| failure.class() == Class::Unready)
    })
    .await;
    for other in [1, 2] {
        cluster.node(other).thaw();
    }
    eventually("it is proven again", async || redis.prove(node).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_took_over_has_a_history_of_its_own() {
    let (cluster, _place) = start(with_replicas()).await;
    let redis = redis(&cluster.url());
    let name = Cluster::key_in(100, 0);
    store(&redis, &name, b"before").await;
    let former = redis.node(&name);
    let before = redis.prove(former).await.unwrap();
    let told = Told::by(&redis);
    cluster.failover(3);
    eventually("the map shows it", async || {
        assert!(read(&redis, &name).await.is_ok());
        redis.node(&name) != former
    })
    .await;
    let now = redis.node(&name);
    eventually("it is proven", async || redis.prove(now).await.is_ok()).await;
    let after = redis.prove(now).await.unwrap();
    assert!(after.history != 0 && after.history != before.history);
    assert_eq!(redis.read(&[&name], &[]).await.unwrap().proof, Some(after));
    let all = told.all();
    let place = |wanted| all.iter().position(|change| *change == wanted).expect("it is told");
    assert!(place(connected(now)) < place(unheard(former)), "{all:?}");
}
