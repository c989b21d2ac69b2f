//! What sets a failover off does so on every server, and says so where it does not.

use std::sync::Arc;
use std::time::Duration;

use athena_cache_core::backend::{Backend, Change, Class, Node};
use athena_cache_redis::{FailoverTrigger, Redis};
use tokio::sync::mpsc;

use super::super::support::cluster::{Cluster, Options};
use super::super::support::sentinel::SentinelGroup;
use super::super::support::server::RedisServer;
use super::super::{config, eventually};

/// A backend that may act, and the failovers that it tells of.
async fn admin(url: &str) -> (Redis, mpsc::UnboundedReceiver<(String, String)>) {
    let redis = Redis::new(config(url).allow_admin(true)).expect("the settings are good");
    let (tell, told) = mpsc::unbounded_channel();
    redis.listen(Arc::new(move |change: &Change| {
        if let Change::Failover(failover) = change {
            let _ = tell.send((failover.from.clone(), failover.to.clone()));
        }
    }));
    eventually("it is connected", async || redis.connect().await.is_ok()).await;
    (redis, told)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sentinel_replaces_the_primary() {
    let group = SentinelGroup::start();
    let (redis, mut told) = admin(&group.url()).await;
    let before = redis.endpoint(redis.node("a"));
    // It has none that it could promote until it has heard of the replicas.
    eventually("a sentinel begins", async || {
        redis.trigger(FailoverTrigger::Sentinel).await.is_ok()
    })
    .await;
    let (from, to) = told.recv().await.expect("it is told of");
    assert_eq!(from, before);
    assert_ne!(to, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_takes_over_from_its_primary() {
    let options = Options { node_timeout: Duration::from_secs(1), ..Options::default() };
    let cluster = Cluster::start_with(options);
    let (redis, mut told) = admin(&cluster.url()).await;
    eventually("a replica begins", async || redis.trigger(FailoverTrigger::Cluster).await.is_ok())
        .await;
    let (from, to) = told.recv().await.expect("it is told of");
    let ports: Vec<_> =
        cluster.nodes().iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
    assert!(from != to && ports.contains(&from) && ports.contains(&to), "{from} → {to}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_cut_and_made_anew() {
    let server = RedisServer::start();
    let (redis, _told) = admin(&server.url()).await;
    let epoch = redis.epoch(Node::ONLY);
    redis.trigger(FailoverTrigger::KillClients).await.expect("the server does it");
    eventually("it is connected anew", async || {
        redis.epoch(Node::ONLY) > epoch && redis.is_ready(Node::ONLY)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_sets_nothing_off_says_so() {
    let server = RedisServer::start();
    let (redis, _told) = admin(&server.url()).await;
    for (trigger, said) in [
        (FailoverTrigger::Sentinel, "there are no sentinels"),
        (FailoverTrigger::Cluster, "no replica of a cluster"),
    ] {
        let error = redis.trigger(trigger).await.expect_err("there is nobody to do it");
        assert!(error.to_string().contains(said), "{error}");
    }
    server.cli(&["ACL", "SETUSER", "app", "on", ">pw", "~*", "+@all", "-client"]);
    let app = config(&server.url()).username("app").password("pw").allow_admin(true);
    let app = Redis::new(app).expect("the settings are good");
    let error = app.trigger(FailoverTrigger::KillClients).await.expect_err("it may not");
    assert_eq!(error.class(), Some(Class::Denied), "{error}");
    let nobody = super::super::redis(&server.url());
    let error = nobody.trigger(FailoverTrigger::KillClients).await.expect_err("it may not");
    assert!(error.to_string().contains("allow_admin"), "{error}");
}
