//! Proxies that everybody passes, since the nodes announce the ports of the proxies as their own.
//!
//! The nodes are told at run time, as the groups of the harness start without proxies.

use std::time::Duration;

use super::cluster::Cluster;
use super::proxy::Proxy;
use super::resp::Reply;
use super::role::Role;
use super::sentinel::{SERVICE, SentinelGroup};
use super::server::RedisServer;
use super::wait_within;

const PATIENCE: Duration = Duration::from_secs(40);

/// Puts a proxy in front of every data node, for clients, replicas and sentinels.
pub(crate) fn around_group(group: &SentinelGroup) -> Vec<Proxy> {
    let proxies: Vec<_> = group.nodes().iter().map(|node| Proxy::start(node.port())).collect();
    let ports: Vec<_> = proxies.iter().map(|proxy| proxy.port().to_string()).collect();
    for (node, port) in group.nodes().iter().zip(&ports) {
        tell(node, &["CONFIG", "SET", "replica-announce-port", port]);
    }
    for replica in &group.nodes()[1..] {
        tell(replica, &["REPLICAOF", "127.0.0.1", &ports[0]]);
    }
    wait_within(PATIENCE, "the replicas follow through the proxy", || {
        let of = proxies[0].port();
        let follows = |it: &RedisServer| it.role() == Some(Role::Replica { of, synced: true });
        group.nodes()[1..].iter().all(follows).then_some(())
    });
    for sentinel in group.sentinels() {
        tell(sentinel, &["SENTINEL", "REMOVE", SERVICE]);
    }
    for sentinel in group.sentinels() {
        watch(sentinel, &ports[0]);
    }
    wait_within(PATIENCE, "the sentinels know everybody through the proxies", || {
        group.sentinels().iter().all(|it| knows(it, &ports)).then_some(())
    });
    for sentinel in group.sentinels() {
        // The defaults again: nothing is hurried while it is measured.
        let usual = ["SENTINEL", "DEBUG", "INFO-PERIOD", "10000", "PUBLISH-PERIOD", "2000"];
        tell(sentinel, &usual);
    }
    proxies
}

/// Puts a proxy in front of one node of a cluster, for clients and replicas; not for the bus.
pub(crate) fn before_node(cluster: &Cluster, node: usize) -> Proxy {
    let proxy = Proxy::start(cluster.node(node).port());
    let port = proxy.port().to_string();
    tell(cluster.node(node), &["CONFIG", "SET", "cluster-announce-port", &port]);
    let address = format!("127.0.0.1:{port}@");
    wait_within(PATIENCE, "all nodes know the port of the proxy", || {
        let knows = |it: &RedisServer| match it.ask(&["CLUSTER", "NODES"]) {
            Ok(Reply::Bytes(text)) => String::from_utf8_lossy(&text).contains(&address),
            _ => false,
        };
        cluster.nodes().iter().all(knows).then_some(())
    });
    proxy
}

/// Has a sentinel watch the primary behind a proxy, with the limits that the harness gives it.
fn watch(sentinel: &RedisServer, port: &str) {
    let hurried = ["SENTINEL", "DEBUG", "INFO-PERIOD", "1000", "PUBLISH-PERIOD", "750"];
    tell(sentinel, &hurried);
    tell(sentinel, &["SENTINEL", "MONITOR", SERVICE, "127.0.0.1", port, "2"]);
    for (name, value) in [
        ("down-after-milliseconds", "1000"),
        ("failover-timeout", "10000"),
        ("parallel-syncs", "1"),
    ] {
        tell(sentinel, &["SENTINEL", "SET", SERVICE, name, value]);
    }
}

/// Whether a sentinel sees both replicas in sync and the other two sentinels.
fn knows(sentinel: &RedisServer, ports: &[String]) -> bool {
    let list = |what: &str| match sentinel.ask(&["SENTINEL", what, SERVICE]) {
        Ok(Reply::List(entries)) => entries,
        _ => Vec::new(),
    };
    let says = |entry: &Reply, field: &str, value: &str| {
        let fields = entry.list().chunks_exact(2);
        fields.into_iter().any(|pair| pair[0].text() == field && pair[1].text() == value)
    };
    let replicas = list("REPLICAS");
    let in_sync = |port: &String| {
        let mut at_port = replicas.iter().filter(|it| says(it, "port", port));
        at_port.any(|it| says(it, "flags", "slave") && says(it, "master-link-status", "ok"))
    };
    let others = list("SENTINELS");
    ports[1..].iter().all(in_sync)
        && others.len() == 2
        && others.iter().all(|it| says(it, "flags", "sentinel"))
}

fn tell(node: &RedisServer, words: &[&str]) {
    let answer = node.cli(words);
    assert_eq!(answer, Reply::Status("OK".into()), "{words:?}");
}
