//! A primary region that announces its maintenance.

use std::time::Duration;

use athena_cache::{Cache, MaintenanceNotices, Redis, RedisConfig, RegionStanding};

use super::{EAST, WEST, region, site_of};
use crate::support::server::RedisServer;
use crate::world::{CLIENT, Origin, eventually, observe};

fn redis(server: &RedisServer, notices: MaintenanceNotices) -> Redis {
    let config = RedisConfig::new(server.url()).client_name(CLIENT).maintenance(notices);
    Redis::new(config).expect("the settings are good")
}

fn announce(server: &RedisServer, kind: &str) -> i64 {
    let message = format!(
        "NotificationType|{kind}|StartTimeInUTC|2020-01-01T00:00:00|IsReplica|False|IPAddress||SSLPort|15001|NonSSLPort|13001"
    );
    server.cli(&["PUBLISH", "AzureRedisEvents", &message]).number()
}

async fn warmed(notices: MaintenanceNotices, servers: &[RedisServer; 2]) -> Cache {
    let [west, east] = servers;
    let p = site_of(WEST, redis(west, notices), redis(east, notices));
    eventually("the region is heard", async || region(&p, EAST).heard).await;
    // It has answered for as long as the other one has to be silent.
    tokio::time::sleep(Duration::from_secs(4)).await;
    p
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b33_a_primary_that_announces_its_maintenance_is_left_before_it_closes_connections() {
    let servers = [(); 2].map(|()| RedisServer::start());
    let (p, origin) = (warmed(MaintenanceNotices::On, &servers).await, Origin::default());
    assert_eq!(observe(&p, &origin, 1).await.0.version, 0);
    // What is planned for later says nothing about now.
    assert!(announce(&servers[0], "NodeMaintenanceScheduled") > 0, "nobody listens");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(region(&p, WEST).active);
    announce(&servers[0], "NodeMaintenanceStarting");
    eventually("the other region is used", async || region(&p, EAST).active).await;
    assert_eq!(region(&p, WEST).standing, RegionStanding::Maintenance);
    assert!(!observe(&p, &origin, 1).await.1.degraded);
    announce(&servers[0], "NodeMaintenanceEnded");
    eventually("the primary is used again", async || region(&p, WEST).active).await;
    p.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b31_b32_nobody_listens_where_neither_host_nor_settings_say_so() {
    let servers = [(); 2].map(|()| RedisServer::start());
    for notices in [MaintenanceNotices::ByHost, MaintenanceNotices::Off] {
        let p = warmed(notices, &servers).await;
        assert_eq!(announce(&servers[0], "NodeMaintenanceStart"), 0);
        assert!(region(&p, WEST).active);
        p.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b32_a_server_that_refuses_to_announce_is_used_all_the_same() {
    let servers = [(); 2].map(|()| RedisServer::start());
    for server in &servers {
        server.cli(&["ACL", "SETUSER", "default", "-psubscribe"]);
    }
    let (p, origin) = (warmed(MaintenanceNotices::On, &servers).await, Origin::default());
    assert_eq!(observe(&p, &origin, 1).await.0.version, 0);
    assert_eq!(announce(&servers[0], "NodeMaintenanceStart"), 0);
    assert!(!observe(&p, &origin, 1).await.1.degraded);
    p.close().await;
}
