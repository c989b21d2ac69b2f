//! Users of the servers of regions who may not do everything.

use athena_cache::{Cache, Health, Invalidated, Redis, RedisConfig};

use super::{EAST, WEST, region, site_of};
use crate::log;
use crate::support::rights::{recommended, recommended_for_regions};
use crate::support::server::RedisServer;
use crate::support::topology::Topology;
use crate::world::{CLIENT, Origin, eventually, observe};

/// What a warning about rights says.
const TOLD: &str = "redis does not let us do all that is needed";

/// Gives a user these rights beside those of every cache.
fn allow(server: &RedisServer, more: &[&str]) {
    let rules = recommended("shop", Topology::Standalone);
    let rules: Vec<_> = rules.iter().map(String::as_str).collect();
    server.cli(&[&["ACL", "SETUSER", "app", "reset", "on", ">pw"], &*rules, more].concat());
}

fn redis(server: &RedisServer) -> Redis {
    let config = RedisConfig::new(server.url()).username("app").password("pw").client_name(CLIENT);
    Redis::new(config).expect("the settings are good")
}

fn told(server: &RedisServer) -> Vec<String> {
    let lines = log::about(&format!("127.0.0.1:{}", server.port()));
    lines.into_iter().filter(|line| line.contains(TOLD)).collect()
}

/// A process that uses the secondary, and whose user may do this beside what every cache does.
fn site(servers: &[RedisServer; 2], more: &[&str]) -> Cache {
    log::listen();
    for server in servers {
        allow(server, more);
    }
    let [west, east] = servers;
    site_of(EAST, redis(west), redis(east))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_recommended_rights_suffice_for_regions() {
    let servers = [(); 2].map(|()| RedisServer::start());
    let q = site(&servers, &recommended_for_regions());
    let p = site_of(WEST, redis(&servers[0]), redis(&servers[1]));
    let origin = Origin::default();
    eventually("the region is heard", async || region(&q, EAST).heard).await;
    for _ in 0..3 {
        observe(&p, &origin, 1).await;
        observe(&q, &origin, 1).await;
        let current = origin.change();
        assert_eq!(p.entry("product:1").invalidate().await, Invalidated::Done);
        eventually("it is heard of", async || observe(&q, &origin, 1).await.0.version == current)
            .await;
    }
    // The outbox is written, told and settled, too.
    servers[0].cli(&["ACL", "SETUSER", "app", "-xadd"]);
    assert_eq!(q.entry("product:1").invalidate().await, Invalidated::Pending);
    let owed = || servers[1].cli(&["XLEN", "shop:{all}>o"]).number();
    assert!(owed() > 0);
    servers[0].cli(&["ACL", "SETUSER", "app", "+xadd"]);
    eventually("the primary has been told", async || owed() == 0).await;
    assert_eq!(told(&servers[1]), Vec::<String>::new());
    for cache in [p, q] {
        eventually("it is well", async || cache.health() == Health::Healthy).await;
        cache.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_one_of_the_rights_for_regions_that_one_is_told() {
    let rules = recommended_for_regions();
    assert_eq!(rules.len(), 8, "{rules:?}");
    let servers = [(); 2].map(|()| RedisServer::start());
    for lacking in &rules {
        let before = servers.each_ref().map(|server| told(server).len());
        let others: Vec<_> = rules.iter().copied().filter(|rule| rule != lacking).collect();
        let cache = site(&servers, &others);
        for (server, before) in servers.iter().zip(before) {
            eventually("it is told", async || told(server).len() > before).await;
            let record = told(server).pop().unwrap_or_default();
            assert!(record.contains(&format!("fix=\"ACL SETUSER app {lacking}\"")), "{record}");
        }
        eventually("health says so", async || cache.health() == Health::Degraded).await;
        assert_eq!(observe(&cache, &Origin::default(), 1).await.0.version, 0);
        cache.close().await;
    }
}
