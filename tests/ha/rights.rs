//! Users who may do less than everything: what works, what is told, and what `health` says.

use std::time::{Duration, Instant};

use athena_cache::backend::Ability;
use athena_cache::{Cache, Health, Invalidated, Redis, RedisConfig, Source};

use crate::log;
use crate::support::cluster::Cluster;
use crate::support::rights::recommended;
use crate::support::sentinel::SentinelGroup;
use crate::support::server::RedisServer;
use crate::support::topology::Topology;
use crate::world::{
    CLIENT, Origin, Setup, degraded, eventually, healthy, names, observe, product, slow, warm,
};

/// What a warning about rights says.
const TOLD: &str = "redis does not let us do all that is needed";

/// A server with one user.
struct Guarded(RedisServer);

impl Guarded {
    /// The rights as rules of an ACL.
    fn start(rules: &[&str]) -> Self {
        log::listen();
        let server = RedisServer::start();
        let guarded = Self(server);
        guarded.allow(&[&["on", ">pw"], rules].concat());
        guarded
    }

    fn allow(&self, rules: &[&str]) {
        self.0.cli(&[&["ACL", "SETUSER", "app"], rules].concat());
    }

    fn config(&self) -> RedisConfig {
        RedisConfig::new(self.0.url()).username("app").password("pw").client_name(CLIENT)
    }

    /// A cache of the user.
    fn cache(&self, setup: Setup) -> Cache {
        let config = self.config().response_timeout(setup.response_timeout);
        let redis = Redis::new(config).expect("the settings are good");
        let builder = Cache::builder("shop").settings(setup.settings);
        builder.backend(redis).build().expect("the settings are good")
    }

    /// What was told about rights on it.
    fn told(&self) -> Vec<String> {
        let lines = log::about(&format!("127.0.0.1:{}", self.0.port()));
        lines.into_iter().filter(|line| line.contains(TOLD)).collect()
    }

    /// Waits for the first record, and returns it: it is the only one.
    async fn record(&self) -> String {
        eventually("it is told", async || !self.told().is_empty()).await;
        let told = self.told();
        assert_eq!(told.len(), 1, "{told:#?}");
        told[0].clone()
    }
}

/// The words of rules.
fn words(rules: &[String]) -> Vec<&str> {
    rules.iter().map(String::as_str).collect()
}

/// A cache of a user who has the documented rights on all of these servers, and these beside them.
fn cache_on(servers: &[RedisServer], url: String, topology: Topology, more: &[&str]) -> Cache {
    log::listen();
    let rules = recommended("shop", topology);
    for server in servers {
        server.cli(&[&["ACL", "SETUSER", "app", "on", ">pw"], &*words(&rules), more].concat());
    }
    let config = RedisConfig::new(url).username("app").password("pw").client_name(CLIENT);
    let redis = Redis::new(config).expect("the settings are good");
    let settings = Setup::patient().tiered().settings;
    Cache::builder("shop").settings(settings).backend(redis).build().expect("the settings are good")
}

/// What was told about rights on any of these servers.
fn told_of(servers: &[RedisServer]) -> Vec<String> {
    let lines = servers.iter().flat_map(|it| log::about(&format!("127.0.0.1:{}", it.port())));
    lines.filter(|line| line.contains(TOLD)).collect()
}

/// Leases in the server.
fn leases(server: &RedisServer) -> Vec<String> {
    names(server).into_iter().filter(|name| name.ends_with(":l")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_scripts_two_processes_take_no_leases_and_wait_for_nobody() {
    for rules in [
        &["~*", "&*", "+@all", "-eval", "-evalsha"][..],
        &["~*", "+@read", "+@write", "+@connection", "+info", "+config|get"],
    ] {
        let server = Guarded::start(rules);
        let caches = [(); 2].map(|()| server.cache(Setup::patient()));
        let origin = Origin::default();
        let start = Instant::now();
        for _ in 0..50 {
            for cache in &caches {
                slow(cache, &origin, 1, tokio::time::sleep(Duration::from_millis(2)))
                    .await
                    .unwrap();
            }
        }
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        assert_eq!(leases(&server.0), Vec::<String>::new());
        for cache in &caches {
            let stats = cache.stats();
            assert!(stats.unleased_loads > 0 && stats.fills == 0, "{stats:?}");
            assert_eq!(cache.health(), Health::Degraded);
            let lacks = &cache.nodes()[0].lacks;
            assert!(
                lacks.contains(&Ability::Lease) && !lacks.contains(&Ability::Read),
                "{lacks:?}"
            );
        }
        let told = server.told();
        assert_eq!(told.len(), 2, "one by each process: {told:#?}");
        for record in told {
            assert!(record.contains("ACL SETUSER app +eval +evalsha"), "{record}");
            assert!(record.contains("no leases are taken"), "{record}");
        }
    }
}

#[tokio::test]
async fn without_scripts_a_result_answers_for_the_trust_window() {
    let server = Guarded::start(&["~*", "&*", "+@all", "-eval", "-evalsha"]);
    let mut setup = Setup::patient().tiered();
    setup.settings.resilience.trust_window = Duration::from_secs(60);
    let cache = server.cache(setup);
    let origin = Origin::default();
    for _ in 0..192 {
        product(&cache, &origin, 1).await.unwrap();
    }
    assert_eq!(origin.loads(), 1);
    assert_eq!(cache.invalidate("product:1").await, Invalidated::Done);
    assert_eq!(observe(&cache, &origin, 1).await.1.source, Source::Load);
}

#[tokio::test]
async fn rights_that_are_given_while_it_runs_are_used_soon() {
    let server = Guarded::start(&["~*", "&*", "+@all", "-eval", "-evalsha"]);
    let cache = server.cache(Setup::patient());
    let origin = Origin::default();
    observe(&cache, &origin, 1).await;
    degraded(&cache).await;
    server.allow(&["+eval", "+evalsha"]);
    eventually("values are kept", async || {
        observe(&cache, &origin, 1).await;
        cache.settle().await;
        cache.stats().fills > 0
    })
    .await;
    healthy(&cache).await;
    server.allow(&["-evalsha"]);
    eventually("it is noticed", async || {
        observe(&cache, &origin, 2).await;
        let _pending = cache.invalidate("product:2").await;
        cache.nodes()[0].lacks == [Ability::Lease]
    })
    .await;
    degraded(&cache).await;
}

#[tokio::test]
async fn the_recommended_rights_suffice() {
    let server = Guarded::start(&words(&recommended("shop", Topology::Standalone)));
    let origin = Origin::default();
    let caches = [(); 2].map(|()| server.cache(Setup::patient().tiered()));
    for cache in &caches {
        healthy(cache).await;
    }
    let [cache, other] = &caches;
    warm(cache, &origin, 0..10).await;
    assert_eq!(observe(other, &origin, 1).await.1.source, Source::Backend);
    eventually("memory answers", async || {
        observe(other, &origin, 1).await.1.source == Source::Memory
    })
    .await;
    origin.change();
    assert_eq!(cache.invalidate("product:1").await, Invalidated::Done);
    eventually("it is announced", async || observe(other, &origin, 1).await.0.version == 1).await;
    for invalidated in [cache.invalidate_tag("products").await, cache.clear().await] {
        assert_eq!(invalidated, Invalidated::Done);
    }
    assert_eq!(observe(cache, &origin, 2).await.0.version, 1);
    cache.entry("by hand").insert(7_u32).await.unwrap();
    assert_eq!(cache.entry("by hand").get::<u32>().await.unwrap(), Some(7));
    cache.settle().await;
    assert_eq!(server.told(), Vec::<String>::new());
    let failures = cache.stats();
    assert_eq!(cache.health(), Health::Healthy, "{failures:?}");
    assert!(cache.nodes()[0].lacks.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_recommended_rights_suffice_on_a_cluster_and_behind_sentinels() {
    let origin = Origin::default();
    let cluster = Cluster::start();
    let cache = cache_on(cluster.nodes(), cluster.url(), Topology::Cluster, &[]);
    warm(&cache, &origin, 0..50).await;
    healthy(&cache).await;
    assert_eq!(cache.clear().await, Invalidated::Done);
    assert_eq!(observe(&cache, &origin, 1).await.1.source, Source::Load);
    assert_eq!((told_of(cluster.nodes()), cache.health()), (vec![], Health::Healthy));

    let without_map =
        cache_on(cluster.nodes(), cluster.url(), Topology::Cluster, &["-cluster|nodes"]);
    observe(&without_map, &origin, 1).await;
    eventually("it is told", async || {
        let told = log::about("the redis cluster is out of reach");
        told.iter().any(|line| line.contains("+cluster|nodes"))
    })
    .await;
    drop(cluster);

    let group = SentinelGroup::start();
    let cache = cache_on(group.nodes(), group.url(), Topology::Sentinel, &[]);
    warm(&cache, &origin, 100..150).await;
    healthy(&cache).await;
    assert_eq!(cache.clear().await, Invalidated::Done);
    assert_eq!((told_of(group.nodes()), cache.health()), (vec![], Health::Healthy));
}

#[tokio::test]
async fn without_any_one_of_the_recommended_rights_it_is_told_what_is_lacking() {
    let rules = recommended("shop", Topology::Standalone);
    let rules = words(&rules);
    let commands: Vec<_> = rules.iter().filter_map(|rule| rule.strip_prefix('+')).collect();
    assert!(commands.len() > 5, "{rules:?}");
    for command in commands {
        let rules: Vec<_> =
            rules.iter().copied().filter(|rule| rule.strip_prefix('+') != Some(command)).collect();
        let server = Guarded::start(&rules);
        let cache = server.cache(Setup::patient());
        let origin = Origin::default();
        observe(&cache, &origin, 1).await;
        let record = server.record().await;
        assert!(record.contains(&format!("fix=\"ACL SETUSER app +{command}\"")), "{record}");
        let is_essential = cache.nodes()[0].lacks.iter().any(|lack| lack.is_essential());
        let health = if is_essential { Health::Degraded } else { Health::Healthy };
        eventually("health says so", async || cache.health() == health).await;
        // Whatever it is: nothing waits, and nothing comes back.
        for _ in 0..3 {
            let start = Instant::now();
            assert_eq!(observe(&cache, &origin, 1).await.0.version, 0);
            assert!(start.elapsed() < Duration::from_secs(2), "{command}: {:?}", start.elapsed());
        }
        server.record().await;
    }
}

#[tokio::test]
async fn a_user_for_other_names_only_is_told_of_and_is_not_healthy() {
    let server = Guarded::start(&["~other:*", "&*", "+@all"]);
    let cache = server.cache(Setup::patient());
    let origin = Origin::default();
    for _ in 0..50 {
        observe(&cache, &origin, 1).await;
    }
    let record = server.record().await;
    assert!(record.contains("fix=\"ACL SETUSER app ~shop:*\""), "{record}");
    assert_eq!(cache.health(), Health::Degraded);
    let lacks = &cache.nodes()[0].lacks;
    assert_eq!(lacks, &[Ability::Read, Ability::Lease, Ability::Invalidate]);
    assert_eq!(cache.invalidate("product:1").await, Invalidated::Pending);
}

#[tokio::test]
async fn a_user_who_may_only_read_gets_what_others_have_stored() {
    let server = Guarded::start(&["~*", "&*", "+@read", "+@connection", "+info"]);
    let writer = Setup::patient().cache("shop", &server.0.url());
    let origin = Origin::default();
    warm(&writer, &origin, [1]).await;
    let reader = server.cache(Setup::patient());
    assert_eq!(observe(&reader, &origin, 1).await.1.source, Source::Backend);
    assert_eq!(observe(&reader, &origin, 2).await.1.source, Source::Load);
    assert_eq!(reader.health(), Health::Degraded);
    let record = server.record().await;
    assert!(record.contains("+set +del +pexpire +eval +evalsha +config|get +time\""), "{record}");
    assert_eq!(leases(&server.0), Vec::<String>::new());
    assert_eq!(reader.invalidate("product:1").await, Invalidated::Pending);
    assert_ne!(observe(&reader, &origin, 1).await.1.source, Source::Backend);
}

#[tokio::test]
async fn without_unlink_and_config_nothing_is_lacking_but_how_many_readers_are_remembered() {
    let server = Guarded::start(&["~*", "&*", "+@all", "-unlink", "-config"]);
    let cache = server.cache(Setup::patient());
    let origin = Origin::default();
    warm(&cache, &origin, [1]).await;
    assert_eq!(cache.invalidate("product:1").await, Invalidated::Done);
    assert_eq!(observe(&cache, &origin, 1).await.1.source, Source::Load);
    assert_eq!(cache.health(), Health::Healthy);
    let told = server.told();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("lacking=\"config|get\""), "{}", told[0]);

    // Where the settings say that, nothing is.
    let config = server.config().tracking_table_max_keys(1_000_000);
    let redis = Redis::new(config).expect("the settings are good");
    let cache = Cache::builder("shop").backend(redis).build().expect("the settings are good");
    warm(&cache, &origin, [2]).await;
    assert_eq!((server.told().len(), cache.nodes()[0].lacks.len()), (1, 0));
}

#[tokio::test]
async fn without_info_or_tracking_memory_answers_for_the_window_and_nobody_says_that_redis_evicts()
{
    for (denied, lacks) in [
        ("-info", &[Ability::Announce, Ability::Confirm][..]),
        ("-client|tracking", &[Ability::Announce]),
    ] {
        let server = Guarded::start(&["~*", "&*", "+@all", denied]);
        let cache = server.cache(Setup::patient().tiered());
        let origin = Origin::default();
        warm(&cache, &origin, [1]).await;
        eventually("memory answers", async || {
            observe(&cache, &origin, 1).await.1.source == Source::Memory
        })
        .await;
        server.record().await;
        assert_eq!(cache.nodes()[0].lacks, lacks);
        assert_eq!((cache.health(), origin.loads()), (Health::Healthy, 1));
        let lines = log::about(&format!("127.0.0.1:{}", server.0.port()));
        assert!(lines.iter().all(|line| !line.contains("evicts")), "{lines:#?}");
    }
}

/// Calls for two trust windows; how many were answered by memory, and how many were not.
async fn from_memory(cache: &Cache, origin: &Origin) -> (u32, u32) {
    let (start, mut counts) = (Instant::now(), (0, 0));
    while start.elapsed() < Duration::from_secs(5) {
        match observe(cache, origin, 1).await.1.source {
            Source::Memory => counts.0 += 1,
            _ => counts.1 += 1,
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    counts
}

#[tokio::test]
async fn without_ping_memory_goes_on_answering() {
    let server = Guarded::start(&["~*", "&*", "+@all", "-ping"]);
    let cache = server.cache(Setup::patient().tiered());
    let origin = Origin::default();
    warm(&cache, &origin, [1]).await;
    healthy(&cache).await;
    let (memory, others) = from_memory(&cache, &origin).await;
    assert!(memory > 100 && others < 5, "{memory} {others}");
    server.record().await;
}

#[tokio::test]
async fn while_a_save_has_failed_memory_goes_on_answering() {
    let folder = std::env::temp_dir().join(format!("athena-misconf-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let server = RedisServer::start_with(&["--dir", &folder.display().to_string()]);
    let cache = Setup::patient().tiered().cache("shop", &server.url());
    let origin = Origin::default();
    warm(&cache, &origin, [1]).await;
    healthy(&cache).await;
    std::fs::create_dir_all(folder.join("dump.rdb/in-the-way")).unwrap();
    server.cli(&["CONFIG", "SET", "save", "3600 1"]);
    server.cli(&["BGSAVE"]);
    eventually("the save has failed", async || {
        let refusal = server.ask(&["PING"]).expect("it answers");
        format!("{refusal:?}").contains("MISCONF")
    })
    .await;
    let (memory, others) = from_memory(&cache, &origin).await;
    let _ = std::fs::remove_dir_all(&folder);
    assert!(memory > 100 && others < 5, "{memory} {others}");
    assert_eq!(origin.loads(), 1);
    assert_eq!(cache.invalidate("product:1").await, Invalidated::Pending);
    observe(&cache, &origin, 1).await;
    assert_eq!(cache.health(), Health::Degraded, "nothing is kept");
}
