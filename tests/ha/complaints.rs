//! Servers that answer, and do not do their work: told once in their own words, and shown.

use std::time::Duration;

use athena_cache::{Cache, Credentials, Health, Redis, RedisConfig};
use tokio::time::sleep;

use crate::log;
use crate::support::cluster::{Cluster, Options};
use crate::support::server::RedisServer;
use crate::world::{Origin, Setup, eventually, healthy, observe};

/// Has functions of a cache called until it is degraded.
async fn degraded(cache: &Cache) {
    let origin = Origin::default();
    eventually("the cache is degraded", async || {
        for id in 0..5 {
            let (product, _) = observe(cache, &origin, id).await;
            assert_eq!(product.id, id, "the function's value, whatever the server says");
        }
        cache.settle().await;
        cache.health() == Health::Degraded
    })
    .await;
}

/// The records about one node and one thing.
fn told(port: u16, what: &str) -> Vec<String> {
    let mut told = log::about(&format!("127.0.0.1:{port}"));
    told.retain(|line| line.contains(what));
    told
}

/// What the first node is shown to answer.
fn refuses(cache: &Cache) -> String {
    cache.nodes()[0].refuses.clone().unwrap_or_default()
}

#[tokio::test]
async fn a_replica_in_place_of_a_primary_is_told_of_once_and_is_not_healthy() {
    log::listen();
    let primary = RedisServer::start();
    let server = RedisServer::start();
    server.cli(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
    let cache = Setup::patient().cache("shop", &server.url());
    degraded(&cache).await;
    assert!(refuses(&cache).contains("replica"), "{:?}", cache.nodes());
    degraded(&cache).await;
    let records = told(server.port(), "another node serves");
    assert_eq!(records.len(), 1, "{records:#?}");
    assert!(records[0].contains("replica"), "{}", records[0]);

    server.cli(&["REPLICAOF", "NO", "ONE"]);
    let origin = Origin::default();
    eventually("it serves again", async || {
        observe(&cache, &origin, 7).await;
        cache.settle().await;
        cache.nodes()[0].refuses.is_none() && cache.stats().fills > 0
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_full_is_told_of_once_in_its_own_words() {
    log::listen();
    let server = RedisServer::start_with(&["--maxmemory-policy", "noeviction"]);
    let cache = Setup::patient().cache("shop", &server.url());
    healthy(&cache).await;
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    degraded(&cache).await;
    assert!(refuses(&cache).contains("OOM"), "{:?}", cache.nodes());
    sleep(Duration::from_millis(200)).await;
    degraded(&cache).await;
    let records = told(server.port(), "takes no writes");
    assert_eq!(records.len(), 1, "{records:#?}");
    assert!(records[0].contains("OOM"), "{}", records[0]);
}

#[tokio::test]
async fn a_script_that_runs_for_too_long_is_no_lack_of_rights_and_no_failover() {
    log::listen();
    let server = RedisServer::start_with(&["--lua-time-limit", "50"]);
    let cache = Setup::brisk().cache("shop", &server.url());
    healthy(&cache).await;
    let mut busy = server.client().expect("it runs");
    let script = std::thread::spawn(move || busy.call(&["EVAL", "while true do end", "0"]));
    degraded(&cache).await;
    let late = Setup::brisk().cache("late", &server.url());
    degraded(&late).await;
    sleep(Duration::from_secs(1)).await;
    server.cli(&["SCRIPT", "KILL"]);
    drop(script.join());
    for wrong in ["lack", "rename-command", "become a replica"] {
        assert_eq!(told(server.port(), wrong), [""; 0]);
    }
    let origin = Origin::default();
    for cache in [cache, late] {
        eventually("it is used again", async || {
            observe(&cache, &origin, 9).await;
            cache.settle().await;
            cache.stats().fills > 0
        })
        .await;
    }
}

#[tokio::test]
async fn a_member_of_a_cluster_in_place_of_a_node_is_told_of_once() {
    log::listen();
    let cluster = Cluster::start();
    let member = cluster.node(0);
    let redis = Redis::new(RedisConfig::new(member.url())).expect("the settings are good");
    for _ in 0..20 {
        let error = redis.connect().await.expect_err("it serves a part only").to_string();
        assert!(error.contains("redis-cluster://"), "{error}");
        sleep(Duration::from_millis(20)).await;
    }
    let records = told(member.port(), "found a node of a cluster");
    assert_eq!(records.len(), 1, "{records:#?}");
}

#[tokio::test]
async fn a_cluster_that_does_not_serve_does_not_keep_breakers_going_to_and_fro() {
    log::listen();
    let mut cluster = Cluster::start_with(Options {
        replicas_each: 0,
        node_timeout: Duration::from_millis(500),
        require_full_coverage: true,
        ..Options::default()
    });
    let cache = Setup::brisk().cache("shop", &cluster.url());
    observe(&cache, &Origin::default(), 1).await;
    healthy(&cache).await;
    cluster.node_mut(2).kill();
    let up = [cluster.node(0).port(), cluster.node(1).port()];
    eventually("the cluster does not serve", async || {
        cluster.node(0).cli(&["CLUSTER", "INFO"]).text().contains("cluster_state:fail")
    })
    .await;
    degraded(&cache).await;
    let before = cache.stats().breaker_openings;
    let (origin, begun) = (Origin::default(), std::time::Instant::now());
    while begun.elapsed() < Duration::from_secs(3) {
        for id in 0..50 {
            observe(&cache, &origin, id).await;
        }
        sleep(Duration::from_millis(20)).await;
    }
    // Each of the two may be tried every half a second, and is looked at by signs of life.
    let openings = cache.stats().breaker_openings - before;
    assert!(openings <= 40, "{openings} in {:?}", begun.elapsed());
    for port in up {
        let records = told(port, "does not serve at present");
        assert!(records.len() <= 1, "{records:#?}");
    }
    cluster.node_mut(2).restart();
    let (fills, mut id) = (cache.stats().fills, 1_000);
    eventually("it serves again", async || {
        id += 1;
        observe(&cache, &origin, id).await;
        cache.settle().await;
        cache.stats().fills > fills
    })
    .await;
}

#[tokio::test]
async fn credentials_that_a_server_does_not_take_are_told_of_each_time_that_they_are_given() {
    log::listen();
    let server = RedisServer::start_with_password("right");
    let redis = Redis::new(RedisConfig::new(server.url())).unwrap();
    let records = async |what: &str, count: usize| {
        eventually("it is told", async || told(server.port(), what).len() == count).await;
        for _ in 0..20 {
            redis.connect().await.unwrap_err();
            sleep(Duration::from_millis(20)).await;
        }
        let records = told(server.port(), what);
        assert_eq!(records.len(), count, "{records:#?}");
    };
    redis.connect().await.unwrap_err();
    records("set `password`", 1).await;
    for times in 1..3 {
        redis.set_credentials(Credentials::password("wrong"));
        records("by `set_credentials`", times).await;
    }
    redis.set_credentials(Credentials::password("right"));
    eventually("it is let in", async || redis.connect().await.is_ok()).await;

    // What is open stays open, and nobody would know before it is lost.
    redis.set_credentials(Credentials::password("wrong again"));
    redis.force_reconnect();
    eventually("it is told", async || told(server.port(), "WRONGPASS").len() == 3).await;
    redis.connect().await.unwrap();
    assert!(log::about("wrong again").is_empty());
}
