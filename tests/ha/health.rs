//! What health checks and the status say of real servers.

use std::time::{Duration, Instant};

use athena_cache::{Cache, Health, HealthReport, Memory};

use crate::support::cluster::Cluster;
use crate::support::proxy::{Direction, Mode, Proxy};
use crate::support::sentinel::SentinelGroup;
use crate::support::server::RedisServer;
use crate::world::{Setup, eventually, healthy, names};

/// Settings under which each question makes a report of its own.
fn setup() -> Setup {
    let mut setup = Setup::brisk().tiered();
    setup.settings.health.cache_for = Duration::ZERO;
    setup
}

async fn report(cache: &Cache) -> HealthReport {
    HealthReport::clone(&*cache.health_checks().report().await)
}

fn status(report: &HealthReport, name: &str) -> Option<Health> {
    report.entries[name].status
}

fn text(report: &HealthReport, name: &str) -> String {
    report.entries[name].description.clone().unwrap_or_default()
}

/// Waits until a check says so.
async fn says(cache: &Cache, name: &str, expected: Health) -> HealthReport {
    let mut last = report(cache).await;
    eventually(name, async || {
        last = report(cache).await;
        status(&last, name) == Some(expected)
    })
    .await;
    last
}

#[tokio::test]
async fn a53_a_server_that_is_killed_is_named_and_only_to_those_who_may_know() {
    let mut server = RedisServer::start();
    let cache = setup().cache("a53", &server.url());
    says(&cache, "redis_connectivity", Health::Healthy).await;
    server.kill();
    let away = says(&cache, "redis_connectivity", Health::Unhealthy).await;
    assert_eq!(away.status, Health::Degraded, "functions answer without it: {away:#?}");
    let address = server.port().to_string();
    assert!(text(&away, "redis_connectivity").contains(&address), "{away:#?}");
    let hidden = serde_json::to_string(&away.without_details()).unwrap();
    assert!(!hidden.contains(&address), "{hidden}");
    server.restart();
    says(&cache, "redis_connectivity", Health::Healthy).await;
}

#[tokio::test]
async fn a54_a_slow_server_is_told_with_its_time_and_one_that_swallows_within_the_limit() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let cache = setup().cache("a54", &proxy.url());
    let mut wider = setup();
    wider.settings.health.ping = Duration::from_millis(450);
    let tolerant = wider.cache("a54", &proxy.url());
    says(&cache, "redis_connectivity", Health::Healthy).await;
    healthy(&tolerant).await;
    proxy.set(Direction::ToClient, Mode::Delay(Duration::from_millis(150)));
    let slow = says(&cache, "redis_connectivity", Health::Degraded).await;
    let told = text(&slow, "redis_connectivity");
    let millis: u64 = told.split(' ').rev().nth(1).unwrap().parse().unwrap();
    assert!((150..450).contains(&millis), "{told}");
    says(&tolerant, "redis_connectivity", Health::Healthy).await;

    proxy.swallow_existing();
    proxy.swallow_new(true);
    let asked = Instant::now();
    let silent = report(&cache).await;
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert_eq!(status(&silent, "redis_connectivity"), Some(Health::Unhealthy), "{silent:#?}");
}

#[tokio::test]
async fn a55_a_name_is_written_read_and_removed_on_every_primary() {
    let cluster = Cluster::start();
    let cache = setup().cache("a55", &cluster.url());
    says(&cache, "distributed_cache", Health::Healthy).await;
    cache.settle().await;
    let primaries = [0, 1, 2].map(|node| cluster.node(node));
    let before = primaries.map(names);
    let monitors = primaries.map(RedisServer::monitor);
    let found = report(&cache).await;
    assert_eq!(status(&found, "distributed_cache"), Some(Health::Healthy), "{found:#?}");
    assert_eq!(primaries.map(names), before);
    for monitor in &monitors {
        let lines = monitor.lines();
        let told = |what: &str| {
            lines.iter().any(|line| line.contains("@check:") && line.to_lowercase().contains(what))
        };
        assert!(told("get") && (told("del") || told("unlink")), "{lines:#?}");
    }
}

#[tokio::test]
async fn a55_what_could_not_be_removed_ends_by_itself() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let cache = setup().cache("a55", &proxy.url());
    says(&cache, "distributed_cache", Health::Healthy).await;
    // What is written arrives, and no answer does: what would remove it is swallowed with the connection.
    let mut left = Vec::new();
    for _ in 0..20 {
        proxy.set(Direction::ToClient, Mode::Swallow);
        let _ = report(&cache).await;
        left = names(&server).into_iter().filter(|name| name.contains("@check:")).collect();
        proxy.heal();
        says(&cache, "distributed_cache", Health::Healthy).await;
        if !left.is_empty() {
            break;
        }
    }
    for name in &left {
        let life = server.cli(&["PTTL", name]).number();
        assert!((1..=60_000).contains(&life) || life == -2, "{name}: {life}");
    }
}

#[tokio::test]
async fn a56_a_lost_server_is_degraded_one_of_three_as_well_and_without_memory_it_is_unhealthy() {
    let mut cluster = Cluster::start();
    let mut bare = setup();
    bare.settings.memory = Memory::off();
    let [cache, bare] = [setup(), bare].map(|setup| setup.cache("a56", &cluster.url()));
    for cache in [&cache, &bare] {
        let calm = says(cache, "distributed_cache", Health::Healthy).await;
        assert_ne!(calm.status, Health::Unhealthy, "{calm:#?}");
    }
    cluster.node_mut(0).kill();
    for cache in [&cache, &bare] {
        let one = report(cache).await;
        assert_eq!(one.status, Health::Degraded, "two of three serve: {one:#?}");
    }
    for node in 0..6 {
        cluster.node_mut(node).kill();
    }
    let gone = says(&bare, "redis_connectivity", Health::Unhealthy).await;
    eventually("nothing is left", async || report(&bare).await.status == Health::Unhealthy).await;
    assert_eq!(report(&cache).await.status, Health::Degraded, "memory is there: {gone:#?}");
    eventually("it is known", async || bare.health() == Health::Unhealthy).await;
}

#[tokio::test]
async fn a60_nodes_are_counted_as_they_are() {
    let single = RedisServer::start();
    let mut cluster = Cluster::start();
    let group = SentinelGroup::start();
    let counts = async |cache: &Cache| {
        let counted = cache.status().await.redis_cluster;
        (counted.total_nodes, counted.connected_nodes, counted.master_nodes)
    };
    let cache = setup().cache("a60", &single.url());
    healthy(&cache).await;
    assert_eq!(counts(&cache).await, (Some(1), Some(1), Some(1)));

    let cache = setup().cache("a60", &group.url());
    eventually("all three", async || counts(&cache).await == (Some(3), Some(3), Some(1))).await;
    let counted = cache.status().await.redis_cluster;
    assert_eq!((counted.kind.as_deref(), counted.sentinels), (Some("sentinel"), Some(3)));

    let cache = setup().cache("a60", &cluster.url());
    eventually("all six", async || counts(&cache).await == (Some(6), Some(6), Some(3))).await;
    let replica = cluster.replica_of(0).expect("it has one");
    cluster.node_mut(replica).kill();
    eventually("one less", async || counts(&cache).await == (Some(6), Some(5), Some(3))).await;
    let status = cache.status().await;
    let gone = status.nodes.iter().filter(|node| node.is_connected == Some(false));
    let gone: Vec<_> = gone.collect();
    assert!(gone.len() == 1 && gone[0].error.is_some(), "{gone:#?}");
    assert_eq!(status.redis_cluster.slots_ok, Some(16_384));
}

#[tokio::test]
async fn a60_with_redis_gone_the_status_comes_within_its_limit_with_what_is_known() {
    let mut server = RedisServer::start();
    let cache = setup().cache("a60", &server.url());
    healthy(&cache).await;
    server.freeze();
    let asked = Instant::now();
    let status = cache.status().await;
    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
    assert_eq!(status.redis_cluster.connected_nodes, Some(0));
    assert_eq!(status.performance.memory_usage, None, "it is not known");
    server.thaw();
    server.kill();
}

#[tokio::test]
async fn b14_a_server_that_keeps_nothing_is_told() {
    let server = RedisServer::start();
    server.cli(&["CONFIG", "SET", "save", ""]);
    let cache = setup().cache("b14", &server.url());
    let found = says(&cache, "persistence", Health::Degraded).await;
    assert!(text(&found, "persistence").contains("neither `save` nor `appendonly`"), "{found:#?}");
    let mut meant = setup();
    meant.settings.health.expect_persistence = false;
    let cache = meant.cache("b14", &server.url());
    says(&cache, "persistence", Health::Healthy).await;
    server.cli(&["CONFIG", "SET", "save", "3600 1"]);
    let cache = setup().cache("b14", &server.url());
    says(&cache, "persistence", Health::Healthy).await;
}

#[tokio::test]
async fn b16_a_server_that_is_nearly_full_is_told_with_numbers_and_one_without_a_limit_as_such() {
    let server = RedisServer::start();
    let cache = setup().cache("b16", &server.url());
    let found = says(&cache, "memory", Health::Healthy).await;
    assert!(text(&found, "memory").contains("maxmemory 0"), "{found:#?}");
    server.cli(&["CONFIG", "SET", "maxmemory", "10mb"]);
    let filler = "x".repeat(32_000);
    for number in 0.. {
        if server.info::<u64>("used_memory") > 9_700_000 {
            break;
        }
        server.cli(&["SET", &format!("filler:{number}"), &filler]);
    }
    let found = says(&cache, "memory", Health::Degraded).await;
    let told = text(&found, "memory");
    assert!(told.contains("of 10485760 bytes") && told.contains("noeviction"), "{told}");
    let used = cache.status().await.performance.memory_usage.expect("it is known");
    assert!(used > 9 << 20, "{used}");
    // What is meant to evict is as it should be, however full it is.
    server.cli(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    says(&cache, "memory", Health::Healthy).await;
    for number in 0.. {
        if server.info::<u64>("evicted_keys") > 0 {
            break;
        }
        server.cli(&["SET", &format!("more:{number}"), &filler]);
    }
    eventually("it is told", async || {
        let found = report(&cache).await;
        status(&found, "memory") == Some(Health::Healthy)
            && text(&found, "memory").contains("`maxmemory-policy allkeys-lru`")
    })
    .await;
}

#[tokio::test]
async fn a_replica_that_dies_is_told_although_none_was_expected_and_how_far_it_is_behind_before() {
    let mut group = SentinelGroup::start();
    let cache = setup().cache("replica", &group.url());
    says(&cache, "replication", Health::Healthy).await;
    let replicas = async || {
        let nodes = cache.status().await.nodes.into_iter();
        nodes.filter(|node| !node.is_in_use).collect::<Vec<_>>()
    };
    eventually("it is known how far they are behind", async || {
        let replicas = replicas().await;
        replicas.len() == 2 && replicas.iter().all(|node| node.lag_bytes.is_some())
    })
    .await;
    assert!(cache.report().replica_lag().bytes.is_some());
    let primary = group.primary();
    let dead = (0..3).find(|node| *node != primary).unwrap();
    let port = group.node(dead).port().to_string();
    group.node_mut(dead).kill();
    let found = says(&cache, "replication", Health::Degraded).await;
    let told = text(&found, "replication");
    assert!(told.contains(&port) && told.contains("does not answer"), "{told}");
    let gone = replicas().await.into_iter().find(|node| node.endpoint.contains(&port)).unwrap();
    assert_eq!((gone.is_connected, gone.lag_bytes, gone.lag_seconds), (Some(false), None, None));
}

#[tokio::test]
async fn a_service_that_starts_before_its_redis_has_started_once_it_is_there_or_was_waited_for() {
    let mut server = RedisServer::prepare(&[]);
    let mut patient = setup();
    patient.settings.health.startup = Duration::from_secs(600);
    let patient = patient.cache("start", &server.url());
    let mut brief = setup();
    brief.settings.health.startup = Duration::from_millis(300);
    let brief = brief.cache("start", &server.url());
    assert!(!patient.health_checks().has_started() && patient.health_checks().is_live());
    eventually("it has waited", async || brief.health_checks().has_started()).await;
    assert!(!patient.health_checks().has_started());
    server.restart();
    eventually("it is there", async || patient.health_checks().has_started()).await;
    server.kill();
    assert!(patient.health_checks().has_started(), "for ever");
    assert!(patient.health_checks().is_ready().await, "functions answer");
}
