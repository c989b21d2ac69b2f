//! What operators ask: surveys, sentinels, scans, the fleet; and what stays behind, which is nothing.

mod fleet;
mod keeping;
mod triggers;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use athena_cache_core::backend::operate::{
    Membership, Operator, Permission, Scan, StoreKind, Survey, SurveyedNode,
};
use athena_cache_core::backend::{Backend, Class, Item};
use athena_cache_redis::{Redis, RedisConfig};

use super::support::cluster::Cluster;
use super::support::proxy::{BOTH, Mode, Proxy};
use super::support::rights::recommended;
use super::support::sentinel::SentinelGroup;
use super::support::server::RedisServer;
use super::support::topology::Topology;
use super::{config, eventually, put, redis};

const LIMIT: Duration = Duration::from_millis(500);
/// How servers list the connections.
const NAME: &str = "under-test-ops";

fn operator(redis: &Redis) -> Arc<dyn Operator> {
    redis.operator().expect("a redis can be asked")
}

/// Totals, connected, primaries.
fn totals(survey: &Survey) -> (usize, usize, usize) {
    (survey.total_nodes(), survey.connected_nodes(), survey.primary_nodes())
}

/// A survey that is none of an earlier question.
async fn survey_anew(operator: &dyn Operator) -> Arc<Survey> {
    tokio::time::sleep(Duration::from_millis(1_010)).await;
    operator.survey(LIMIT).await
}

fn entry<'a>(survey: &'a Survey, server: &RedisServer) -> &'a SurveyedNode {
    let endpoint = format!("127.0.0.1:{}", server.port());
    let found = survey.nodes.iter().find(|node| node.endpoint == endpoint);
    found.unwrap_or_else(|| panic!("no {endpoint} in {survey:#?}"))
}

/// Stores a value as a cache does.
async fn store(redis: &Redis, name: &str) {
    let lease = format!("{}:l", &name[..=name.rfind('}').expect("a name of an entry")]);
    let item = Item { value: name, bytes: b"value", life: Duration::from_secs(60) };
    put(redis, item, &lease).await.expect("it is taken");
}

async fn names(operator: &dyn Operator, prefix: &str) -> BTreeSet<String> {
    let (mut scan, mut found) = (Scan::new(operator, prefix, 10), BTreeSet::new());
    while let Some(page) = scan.next().await {
        found.extend(page.expect("the node answers"));
    }
    assert!(!scan.is_incomplete());
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a22_a60_a_cluster_is_told_node_by_node_with_those_that_are_gone() {
    let mut cluster = Cluster::start();
    let redis = redis(&cluster.url_of(&[0]));
    let operator = operator(&redis);
    eventually("all six are known and answer", async || {
        totals(&*survey_anew(&*operator).await) == (6, 6, 3)
    })
    .await;
    let survey = survey_anew(&*operator).await;
    assert_eq!((survey.kind, survey.slots_ok()), (StoreKind::Cluster, Some(16_384)));
    assert!(survey.memory_usage() > Some(0));
    let first = entry(&survey, cluster.node(0));
    assert_eq!((first.is_replica, first.slots.len()), (Some(false), 1));
    assert_eq!(first.cluster_nodes.as_ref().map(Vec::len), Some(6));
    assert_eq!(first.server_type.as_deref(), Some("cluster"));
    let replication = first.replication_info.as_ref().expect("it says whom it has");
    assert_eq!(replication.replicas.len(), 1);
    let replica = entry(&survey, cluster.node(3)).replication_info.as_ref();
    assert_eq!(replica.and_then(|replication| replication.link_up), Some(true));

    // Whoever asks within a second is given the same, and nobody is asked.
    let monitor = cluster.node(0).monitor();
    let again = operator.survey(LIMIT).await;
    assert!(Arc::ptr_eq(&survey, &again));
    let asked =
        |lines: Vec<String>| lines.iter().filter(|it| it.contains("\"persistence\"")).count();
    assert_eq!(asked(monitor.lines()), 0);
    survey_anew(&*operator).await;
    assert_eq!(asked(monitor.lines()), 1);

    // A name on each node is found, of one cache and of no other, and nobody is told of changes for that.
    let mut expected = BTreeSet::new();
    for number in 0..60 {
        let name = format!("shop:{{k:{number}}}:1");
        store(&redis, &name).await;
        expected.insert(name);
    }
    store(&redis, "shop:eu:{k:1}:1").await;
    cluster.node(0).cli(&["CONFIG", "RESETSTAT"]);
    let tracked =
        || (0..3).map(|at| cluster.node(at).info::<u64>("tracking_total_keys")).sum::<u64>();
    let before = tracked();
    assert_eq!(names(&*operator, "shop:").await, expected);
    let list: Vec<_> = expected.iter().cloned().chain(["shop:{k:none}:1".to_owned()]).collect();
    let stored = operator.stored(&list, 3).await.expect("all nodes answer");
    for value in &stored[..60] {
        let value = value.as_ref().expect("it is there");
        assert_eq!((value.bytes.as_deref(), value.length), (Some(&b"val"[..]), Some(5)));
        assert!(value.remaining.is_some_and(|life| life <= Duration::from_secs(60)));
    }
    assert_eq!(stored[60], None);
    assert_eq!(tracked(), before);

    let fleet = Membership::new("web-1", "{}", Duration::from_secs(30));
    operator.join_fleet("shop:", &fleet).await.expect("the node takes it");
    assert_eq!(operator.fleet("shop:").await.expect("the node answers").len(), 1);

    cluster.node_mut(3).kill();
    let survey = survey_anew(&*operator).await;
    assert_eq!(totals(&survey), (6, 5, 3));
    let gone = entry(&survey, cluster.node(3));
    assert!(!gone.is_connected && gone.error.is_some(), "{gone:?}");
    assert_eq!((gone.is_replica, gone.memory.as_ref()), (Some(true), None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a15_a16_a60_sentinels_tell_what_they_know_each_for_itself() {
    let mut group = SentinelGroup::start();
    let redis = redis(&group.url());
    let operator = operator(&redis);
    eventually("all three nodes answer", async || {
        totals(&*survey_anew(&*operator).await) == (3, 3, 1)
    })
    .await;
    let mut monitor = redis.monitor(Duration::from_millis(300)).expect("inside of a runtime");
    let report = monitor.next().await.expect("it goes on");
    assert_eq!((report.primaries().len(), report.replicas().len()), (1, 2));
    assert_eq!((report.sentinels.len(), report.answered()), (3, 3));
    assert_eq!(
        (report.agreed(), report.quorum(), report.tilt()),
        (Some(true), Some(2), Some(false))
    );
    assert_eq!((report.has_quorum(), report.service.as_str()), (Some(true), "mymaster"));
    assert!(report.sights().all(|sight| sight.down_after_ms == Some(1_000)));

    group.kill_sentinel(2);
    let with_error = loop {
        let report = monitor.next().await.expect("it goes on");
        if report.answered() == 2 {
            break report;
        }
    };
    assert_eq!(with_error.sentinels.len(), 3);
    let errors = with_error.sentinels.iter().filter_map(|voice| voice.error.as_ref());
    assert_eq!(errors.count(), 1);
    group.restart_sentinel(2);
    while monitor.next().await.expect("it goes on").answered() < 3 {}

    drop(monitor);
    redis.close().await;
    eventually("no connection is left", async || {
        group.sentinels().iter().all(|it| it.clients(NAME).is_empty())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a22_one_node_tells_as_much_as_its_user_may_ask() {
    let server = RedisServer::start_with(&["--save", ""]);
    let rules = recommended("shop", Topology::Standalone);
    let rules: Vec<_> = rules.iter().map(String::as_str).collect();
    server.cli(&[&["ACL", "SETUSER", "app", "on", ">pw"], &rules[..]].concat());
    server.cli(&["ACL", "SETUSER", "mute", "on", ">pw", "+ping"]);
    let as_user = |user: &str| {
        Redis::new(config(&server.url()).username(user).password("pw")).expect("good settings")
    };

    let all = redis(&server.url());
    let survey = operator(&all).survey(LIMIT).await;
    assert_eq!(totals(&survey), (1, 1, 1));
    let node = &survey.nodes[0];
    assert_eq!(node.error, None);
    assert!(matches!(node.product.as_deref(), Some("redis" | "valkey")), "{:?}", node.product);
    let persistence = node.persistence.as_ref().expect("it says that");
    assert_eq!(
        (persistence.save_points.as_deref(), persistence.aof_enabled),
        (Some(""), Some(false))
    );
    assert!(node.history.as_ref().is_some_and(|history| history.len() == 16));
    assert_eq!(operator(&all).sentinels(LIMIT).await, None);

    // Who may do no more than a cache has to: what is not told is not known.
    let app = as_user("app");
    store(&app, "shop:{k:1}:0").await;
    let stored = operator(&app).stored(&["shop:{k:1}:0".to_owned()], 2).await.expect("it may read");
    let value = stored[0].as_ref().expect("it is there");
    assert_eq!((value.bytes.as_deref(), value.length), (Some(&b"va"[..]), Some(5)));
    let examination = operator(&app).examine("shop:", LIMIT).await;
    let facts = &examination.nodes[0];
    assert_eq!((&facts.tracking, &facts.lacking[..]), (&Permission::Granted, &[][..]));
    assert_eq!((facts.error.as_ref(), facts.is_direct), (None, Some(true)));

    // One who may do nothing at all: the node answers, and says nothing.
    let mute = as_user("mute");
    let survey = operator(&mute).survey(LIMIT).await;
    assert_eq!(totals(&survey), (1, 1, 1));
    let node = &survey.nodes[0];
    assert!(node.error.as_ref().is_some_and(|error| error.contains("NOPERM")), "{node:?}");
    assert_eq!((&node.memory, &node.replication_info, &node.version), (&None, &None, &None));
    let examination = operator(&mute).examine("shop:", LIMIT).await;
    let facts = &examination.nodes[0];
    assert!(facts.lacking.iter().any(|right| right.command == "evalsha"));
    assert!(matches!(&facts.tracking, Permission::Refused(_)));
    assert_eq!(facts.settings, None);
    let denied = operator(&mute).fleet("shop:").await.expect_err("it may not");
    assert_eq!(denied.class(), Class::Denied);

    // What it is advised helps: commands are checked before names, which are told of then.
    for expected in [" +mget ", " ~shop:*"] {
        let facts = operator(&mute).examine("shop:", LIMIT).await.nodes.remove(0);
        let rule = facts.grant.expect("something is lacking");
        assert!(rule.starts_with("ACL SETUSER mute ") && rule.contains(expected), "{rule}");
        server.cli(&rule.split(' ').collect::<Vec<_>>());
    }
    let facts = operator(&mute).examine("shop:", LIMIT).await.nodes.remove(0);
    assert_eq!((facts.grant, facts.tracking), (None, Permission::Granted));

    // A wrong password, and what was told as one, is in no answer.
    let wrong = Redis::new(config(&server.url()).username("mute").password("hunter2"))
        .expect("good settings");
    let survey = operator(&wrong).survey(LIMIT).await;
    assert_eq!(totals(&survey), (1, 0, 0));
    let error = survey.nodes[0].error.clone().expect("it says why");
    assert!(error.contains("WRONGPASS") && !error.contains("hunter2"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a22_a_node_that_says_nothing_is_an_entry_within_the_limit() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let redis = redis(&proxy.url());
    let operator = operator(&redis);
    assert_eq!(totals(&*operator.survey(LIMIT).await), (1, 1, 1));
    for direction in BOTH {
        proxy.set(direction, Mode::Swallow);
    }
    tokio::time::sleep(Duration::from_millis(1_010)).await;
    let start = Instant::now();
    let survey = operator.survey(LIMIT).await;
    assert!(start.elapsed() < 2 * LIMIT, "{:?}", start.elapsed());
    assert_eq!(totals(&survey), (1, 0, 0));
    assert!(survey.nodes[0].error.as_ref().is_some_and(|error| error.contains("did not answer")));
    proxy.heal();
    assert_eq!(totals(&*survey_anew(&*operator).await), (1, 1, 1));
    assert_eq!(server.clients(NAME).len(), 1);
}

#[cfg(feature = "tls")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a22_nodes_are_asked_over_tls_where_operations_are() {
    let server = RedisServer::start_with_tls(&[]);
    let tls = athena_cache_redis::TlsConfig::default().ca_file(RedisServer::ca_file());
    let secure = RedisConfig::new(server.tls_url()).client_name("under-test").tls(tls);
    let redis = Redis::new(secure).expect("good settings");
    assert_eq!(totals(&*operator(&redis).survey(Duration::from_secs(2)).await), (1, 1, 1));
}
