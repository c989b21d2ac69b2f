//! Two regions on real servers: what users of each notice of an invalidation, a dead primary and a split.

mod guards;
mod notices;
mod plays;
mod rights;

use std::time::{Duration, Instant};

use athena_cache::{Cache, Invalidated, Redis, RegionSettings, RegionStatus};

use crate::support::cluster::Cluster;
use crate::support::server::RedisServer;
use crate::world::{Origin, Setup, eventually, observe};

const WEST: &str = "west";
const EAST: &str = "east";

/// A process that prefers a region; the primary is in the west.
fn site(prefer: &str, west: &str, east: &str) -> Cache {
    let setup = Setup::brisk();
    let [west, east] = [west, east].map(|url| setup.redis(url));
    site_of(prefer, west, east)
}

/// The same with these ways to the regions.
fn site_of(prefer: &str, west: Redis, east: Redis) -> Cache {
    let mut setup = Setup::brisk();
    let mut regions = RegionSettings::new(WEST, [EAST]);
    regions.prefer = Some(prefer.to_owned());
    regions.grace = Duration::from_secs(2);
    setup.settings.regions = Some(regions);
    let builder = Cache::builder("shop").settings(setup.settings);
    builder.region(WEST, west).region(EAST, east).build().expect("the settings are good")
}

fn region(cache: &Cache, name: &str) -> RegionStatus {
    cache.regions().into_iter().find(|region| region.name == name).expect("it is one of them")
}

/// Invalidates in the process of each region, and waits until the other one has heard of it.
async fn hears_of_each_other(west: &str, east: &str) {
    let (p, q, origin) = (site(WEST, west, east), site(EAST, west, east), Origin::default());
    eventually("the region is heard", async || region(&q, EAST).heard).await;
    for (from, to) in [(&p, &q), (&q, &p)] {
        for kind in 0..3 {
            let read = async |cache| observe(cache, &origin, 1).await.0.version;
            eventually("both have it", async || {
                read(from).await == read(to).await && read(to).await == origin.make(0).version
            })
            .await;
            let current = origin.change();
            let done = match kind {
                0 => from.entry("product:1").invalidate().await,
                1 => from.invalidate_tag("products").await,
                _ => from.clear().await,
            };
            assert_eq!(done, Invalidated::Done, "{kind}");
            eventually("the other region has heard", async || read(to).await == current).await;
            assert_eq!(read(from).await, current);
        }
    }
    p.close().await;
    q.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x1_x2_invalidations_reach_the_other_region_whatever_it_is_made_of() {
    let (one, other) = (RedisServer::start(), RedisServer::start());
    hears_of_each_other(&one.url(), &other.url()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x1_x2_invalidations_reach_the_other_region_where_the_secondary_is_a_cluster() {
    let (one, cluster) = (RedisServer::start(), Cluster::start());
    hears_of_each_other(&one.url(), &cluster.url()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x1_x2_invalidations_reach_the_other_region_where_the_primary_is_a_cluster() {
    let (cluster, other) = (Cluster::start(), RedisServer::start());
    hears_of_each_other(&cluster.url(), &other.url()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a26_x3_x4_a_dead_primary_is_left_and_gets_what_it_missed_when_it_returns() {
    let (mut west, east) = (RedisServer::start(), RedisServer::start());
    let p = site(WEST, &west.url(), &east.url());
    let origin = Origin::default();
    eventually("the region is heard", async || region(&p, EAST).heard).await;
    // It has answered for as long as the other one has to be silent.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(observe(&p, &origin, 1).await.0.version, 0);
    west.kill();
    let began = Instant::now();
    let current = origin.change();
    assert_eq!(p.entry("product:1").invalidate().await, Invalidated::Pending);
    eventually("the other region is used", async || {
        let (value, _) = observe(&p, &origin, 1).await;
        assert_eq!(value.version, current, "its own past");
        region(&p, EAST).active
    })
    .await;
    eprintln!("the first answer of the other region came after {:?}", began.elapsed());
    let owed = || east.cli(&["XLEN", "shop:{all}>o"]).number();
    assert!(owed() > 0, "nobody else would tell the primary");
    west.restart();
    eventually("the primary has been told", async || owed() == 0).await;
    eventually("the primary is used again", async || region(&p, WEST).active).await;
    assert_eq!(observe(&p, &origin, 1).await.0.version, current);
    p.close().await;
}
