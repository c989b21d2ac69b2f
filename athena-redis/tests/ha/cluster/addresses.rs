//! Nodes whose announced addresses do not lead to them.

use std::time::Duration;

use athena_cache_core::backend::Backend;
use athena_cache_redis::{Redis, RedisConfig};
use tokio::time::timeout;

use super::{config, names_on_all, start, store, without_replicas};
use crate::read;
use crate::support::cluster::{Cluster, Options};
use crate::support::proxy::Proxy;
use crate::support::server::free_port;

const SOON: Duration = Duration::from_secs(10);

/// All nodes as a URL, by name.
fn by_name(cluster: &Cluster) -> String {
    cluster.url().replace("127.0.0.1", "localhost")
}

/// The same settings, where no address of the nodes leads to them.
fn without_addresses(config: RedisConfig) -> RedisConfig {
    config.addresses_by(|host, port| (host.to_owned(), if host == "127.0.0.1" { 1 } else { port }))
}

/// Whether a value on each node is stored and read.
async fn serves(config: RedisConfig) -> bool {
    let redis = Redis::new(config).expect("the settings are good");
    let all = async {
        redis.connect().await.expect("a node is found");
        for name in names_on_all() {
            store(&redis, &name, b"bar").await;
            let found = read(&redis, &name).await.expect("it is read");
            assert_eq!(found.as_deref(), Some(&b"bar"[..]));
        }
        assert_eq!(redis.nodes().len(), 3);
    };
    timeout(SOON, all).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_host_names_of_the_nodes_are_used_where_the_cluster_prefers_them() {
    let settings = ["--cluster-preferred-endpoint-type", "hostname"];
    let names = ["--cluster-announce-hostname", "localhost"];
    let settings = settings.into_iter().chain(names).map(str::to_owned).collect();
    let (cluster, _place) = start(Options { settings, ..without_replicas() }).await;
    assert!(serves(without_addresses(config(&by_name(&cluster)))).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_host_that_was_asked_is_used_where_the_cluster_names_none() {
    let settings = ["--cluster-preferred-endpoint-type", "unknown-endpoint"];
    let settings = settings.map(str::to_owned).into();
    let (cluster, _place) = start(Options { settings, ..without_replicas() }).await;
    assert!(serves(without_addresses(config(&by_name(&cluster)))).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_behind_port_forwarding_are_reached_where_the_settings_say_also_by_redirects() {
    let (cluster, _place) = start(without_replicas()).await;
    let proxies: Vec<_> = cluster.nodes().iter().map(|node| Proxy::start(node.port())).collect();
    // As the client is to see it, nobody listens on the ports that the nodes announce.
    let mapped = |config: RedisConfig| {
        cluster.nodes().iter().zip(&proxies).fold(config, |config, (node, proxy)| {
            let announced = format!("127.0.0.1:{}", node.port());
            config.address(announced, format!("localhost:{}", proxy.port()))
        })
    };
    let url = proxies[0].url().replace("redis://", "redis-cluster://");
    let redis = Redis::new(mapped(config(&url))).unwrap();
    for name in names_on_all() {
        store(&redis, &name, b"bar").await;
    }
    assert!(proxies.iter().all(|proxy| proxy.open() > 0), "each node is reached by its proxy");
    let clients = |node: usize| cluster.node(node).cli(&["CLIENT", "LIST"]).text();
    let ours = |node| clients(node).lines().filter(|it| it.contains("name=under-test")).count();
    let directly = || (0..3).filter(|&node| ours(node) > proxies[node].open()).count();
    assert_eq!(directly(), 0, "and by nothing else");
    // A slot that moves is found by a redirect to an announced address.
    cluster.move_slots(0, 1, [100]);
    for name in names_on_all() {
        assert_eq!(read(&redis, &name).await.unwrap().as_deref(), Some(&b"bar"[..]));
    }
    assert_eq!((directly(), redis.nodes().len()), (0, 3));
}

#[tokio::test]
async fn without_a_word_of_where_they_are_nodes_behind_port_forwarding_are_out_of_reach() {
    let (cluster, _place) = start(without_replicas()).await;
    let nobody = free_port();
    let config = config(&by_name(&cluster)).connect_timeout(Duration::from_millis(200));
    let config = config.addresses_by(move |_, _| ("127.0.0.1".to_owned(), nobody));
    let redis = Redis::new(config).unwrap();
    assert!(redis.connect().await.is_err());
}
