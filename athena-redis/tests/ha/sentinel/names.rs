//! Sentinels and nodes that have more than one name, or another address than they say.

use std::sync::Arc;
use std::time::Duration;

use athena_cache_core::backend::{Backend, Change};
use athena_cache_redis::{Redis, RedisConfig};

use super::{LATE, confirmed, proof, start};
use crate::support::proxy::Proxy;
use crate::support::role::Role;
use crate::support::sentinel::{SERVICE, SentinelGroup};
use crate::support::server::RedisServer;
use crate::told::Told;
use crate::{eventually, insert, read};

/// Some sentinels as a URL, by name.
fn by_name(group: &SentinelGroup, sentinels: &[usize]) -> String {
    let hosts = sentinels.iter().map(|&it| format!("localhost:{}", group.sentinel(it).port()));
    format!("redis-sentinel://{}/0#{SERVICE}", hosts.collect::<Vec<_>>().join(","))
}

fn config(url: &str) -> RedisConfig {
    crate::config(url).response_timeout(Duration::from_secs(2))
}

fn redis(url: &str) -> Arc<Redis> {
    Arc::new(Redis::new(config(url)).expect("the settings are good"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_one_of_three_sentinels_down_at_the_start_the_others_confirm_the_primary() {
    let (mut group, _place) = start().await;
    // It is known by the name in the URL, and by the address that the others list.
    group.kill_sentinel(0);
    let redis = redis(&by_name(&group, &[0, 1, 2]));
    redis.connect().await.unwrap();
    confirmed(&redis).await;
    tokio::time::sleep(LATE).await;
    assert!(proof(&redis).await.lag < LATE);
    group.restart_sentinel(0);
    group.kill_sentinel(1);
    confirmed(&redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_sentinel_by_two_names_is_no_majority_of_three() {
    let (mut group, _place) = start().await;
    group.kill_sentinel(1);
    group.kill_sentinel(2);
    let port = group.sentinel(0).port();
    let url = by_name(&group, &[0, 1]).replace("://", &format!("://127.0.0.1:{port},"));
    let redis = redis(&url);
    redis.connect().await.unwrap();
    tokio::time::sleep(LATE).await;
    assert_eq!(proof(&redis).await.lag, Duration::MAX);
    group.restart_sentinel(1);
    confirmed(&redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_nobody_has_count_for_nothing() {
    let (group, _place) = start().await;
    let nobody = "nobody.invalid:26379,elsewhere.invalid:26379,also.invalid:26379";
    let url = by_name(&group, &[0]).replace("://", &format!("://{nobody},"));
    let redis = redis(&url);
    redis.connect().await.unwrap();
    confirmed(&redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_and_sentinels_behind_port_forwarding_are_reached_where_the_settings_say() {
    let (group, _place) = start().await;
    let servers = || group.nodes().iter().chain(group.sentinels());
    let proxies: Vec<_> = servers().map(|server| Proxy::start(server.port())).collect();
    let url = by_name(&group, &[0]);
    let first = group.sentinel(0).port().to_string();
    let url = url.replace(&first, &proxies[3].port().to_string());
    let config = servers().zip(&proxies).fold(config(&url), |config, (server, proxy)| {
        let announced = format!("127.0.0.1:{}", server.port());
        config.address(announced, format!("localhost:{}", proxy.port()))
    });
    let redis = Arc::new(Redis::new(config).unwrap());
    redis.connect().await.unwrap();
    confirmed(&redis).await;
    insert(&redis, "name", b"bar").await.unwrap();
    eventually("each is reached by its proxy", async || {
        proxies.iter().all(|proxy| proxy.open() > 0)
    })
    .await;
    let former = redis.node("name");
    group.failover();
    eventually("another node serves", async || redis.node("name") != former).await;
    eventually("it is read there", async || read(&redis, "name").await.is_ok()).await;
    confirmed(&redis).await;
    let ours = |server: &RedisServer| {
        let clients = server.cli(&["CLIENT", "LIST"]).text();
        clients.lines().filter(|it| it.contains("name=under-test")).count()
    };
    for (server, proxy) in servers().zip(&proxies) {
        assert!(ours(server) <= proxy.open(), "{}", server.port());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_synchronized_anew_empties_nobody() {
    let (group, _place) = start().await;
    let redis = redis(&group.url());
    redis.connect().await.unwrap();
    confirmed(&redis).await;
    insert(&redis, "name", b"bar").await.unwrap();
    read(&redis, "name").await.unwrap();
    let told = Told::by(&redis);
    let ours = || {
        let clients = group.node(1).cli(&["CLIENT", "LIST"]).text();
        clients.lines().any(|it| it.contains("name=under-test"))
    };
    eventually("the replica is connected to", async || ours()).await;
    let port = group.node(0).port();
    let synced = Some(Role::Replica { of: port, synced: true });
    // It has a past of its own, so that it has to be given everything again.
    let full = || group.node(0).info::<u64>("sync_full");
    let before = full();
    group.node(1).cli(&["REPLICAOF", "NO", "ONE"]);
    group.node(1).cli(&["SET", "stray", "value"]);
    group.node(1).cli(&["REPLICAOF", "127.0.0.1", &port.to_string()]);
    eventually("it has everything anew", async || {
        full() > before && group.node(1).role() == synced
    })
    .await;
    // What the primary announces after that is heard, and nothing was before.
    group.node(0).cli(&["SET", "name", "another"]);
    eventually("it is announced", async || told.count("name") == 1).await;
    assert!(!told.all().contains(&Change::Flushed), "{:?}", told.all());
    group.node(0).cli(&["FLUSHALL"]);
    eventually("a flush of the primary is", async || told.all().contains(&Change::Flushed)).await;
}
