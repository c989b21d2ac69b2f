//! Whether nodes keep what they are given, and questions that are asked for very long.

use std::time::Duration;

use athena_cache_core::backend::operate::{Examined, Operator, Permission};
use athena_cache_redis::Redis;

use super::super::support::cluster::Cluster;
use super::super::support::rights::recommended;
use super::super::support::sentinel::SentinelGroup;
use super::super::support::server::RedisServer;
use super::super::support::topology::Topology;
use super::super::{config, eventually, redis};
use super::{LIMIT, operator};

async fn examined(operator: &dyn Operator) -> Vec<Examined> {
    operator.examine("shop:", LIMIT).await.nodes
}

fn refused(facts: &Examined, word: &str) -> bool {
    matches!(&facts.keeps, Permission::Refused(said) if said.starts_with(word))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_refuses_writes_is_found_by_writing_and_nothing_stays() {
    let server = RedisServer::start();
    let rules = recommended("shop", Topology::Standalone);
    let rules: Vec<_> = rules.iter().map(String::as_str).collect();
    server.cli(&[&["ACL", "SETUSER", "app", "on", ">pw"], &rules[..]].concat());
    let app = Redis::new(config(&server.url()).username("app").password("pw")).expect("settings");
    let operator = operator(&app);
    let facts = examined(&*operator).await.remove(0);
    assert_eq!((&facts.keeps, facts.error.as_ref()), (&Permission::Granted, None));
    assert_eq!(server.cli(&["DBSIZE"]).number(), 0);

    server.cli(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    assert!(refused(&examined(&*operator).await[0], "NOREPLICAS"));
    server.cli(&["CONFIG", "SET", "min-replicas-to-write", "0"]);
    server.cli(&["ACL", "SETUSER", "app", "-set"]);
    assert!(refused(&examined(&*operator).await[0], "NOPERM"));
    server.cli(&["ACL", "SETUSER", "app", "+set"]);
    server.cli(&["CLIENT", "PAUSE", "2000", "WRITE"]);
    let facts = examined(&*operator).await.remove(0);
    assert!(matches!(&facts.keeps, Permission::Refused(said) if said.contains("did not answer")));
    server.cli(&["CLIENT", "UNPAUSE"]);

    // It follows nobody that is there, and is not to serve.
    server.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    assert!(refused(&examined(&*operator).await[0], "READONLY"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_those_that_serve_are_given_anything() {
    let cluster = Cluster::start();
    let redis = redis(&cluster.url());
    let operator = operator(&redis);
    eventually("the primaries keep, and replicas are not asked", async || {
        let nodes = examined(&*operator).await;
        let keeps = |keeps: &Permission| nodes.iter().filter(|it| it.keeps == *keeps).count();
        (keeps(&Permission::Granted), keeps(&Permission::Unknown)) == (3, 3)
    })
    .await;
    for node in cluster.nodes() {
        assert_eq!(node.cli(&["DBSIZE"]).number(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_time_is_given_it_is_answered() {
    let group = SentinelGroup::start();
    let redis = redis(&group.url());
    let operator = operator(&redis);
    assert_eq!(operator.survey(Duration::MAX).await.total_nodes(), 3, "replicas are known at once");
    assert_eq!(operator.examine("shop:", Duration::MAX).await.nodes.len(), 3);
    assert!(operator.sentinels(Duration::MAX).await.is_some_and(|report| report.answered() == 3));
    for interval in [Duration::ZERO, Duration::MAX] {
        let mut monitor = redis.monitor(interval).expect("inside of a runtime");
        assert!(monitor.next().await.is_some(), "{interval:?}");
        // It goes on after the first time.
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(monitor.latest().is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_password_that_a_sentinel_asks_for_is_called_by_its_name() {
    // To whoever asks for a password first, it is the same what is behind it.
    let server = RedisServer::start_with_password("of-the-sentinel");
    let url = format!("redis-sentinel://127.0.0.1:{}/0#mymaster", server.port());
    for (given, said) in [(None, "`sentinel_password`"), (Some("wrong-one"), "`sentinel_password`")]
    {
        let mut config = config(&url);
        if let Some(password) = given {
            config = config.sentinel_password(password);
        }
        let redis = Redis::new(config).expect("settings");
        let report = operator(&redis).sentinels(LIMIT).await.expect("there is one");
        let error = report.sentinels[0].error.as_ref().expect("it lets nobody in");
        assert!(error.contains(said) && !error.contains("set `password`"), "{error}");
        assert!(!error.contains("wrong-one"), "{error}");
    }
}
