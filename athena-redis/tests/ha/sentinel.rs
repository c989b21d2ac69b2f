//! Sentinels: how long ago they confirmed the primary, and what is told when they replace it.

mod lies;
mod names;

use std::sync::Arc;
use std::time::{Duration, Instant};

use athena_cache_core::backend::{Backend, Class, Proof};
use athena_cache_redis::Redis;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::support::role::Role;
use crate::support::sentinel::{Options, SentinelGroup};
use crate::support::server::RedisServer;
use crate::told::{Told, connected, unheard};
use crate::{Undriven, config, eventually, failure, insert, read};

/// A group is six processes: on many cores many tests would start too many of them.
static PLACES: Semaphore = Semaphore::const_new(2);

/// Far more than the second between two questions, for a busy machine.
const LATE: Duration = Duration::from_secs(4);

/// Sentinels that hold nobody for dead merely because the machine is busy.
async fn start() -> (SentinelGroup, SemaphorePermit<'static>) {
    let place = PLACES.acquire().await.expect("nobody closes it");
    let down_after = Duration::from_secs(30);
    let options = Options { down_after, ..Options::default() };
    (SentinelGroup::start_with(options), place)
}

fn redis(group: &SentinelGroup) -> Arc<Redis> {
    redis_at(&group.url())
}

fn redis_at(url: &str) -> Arc<Redis> {
    let config = config(url).response_timeout(Duration::from_secs(2));
    Arc::new(Redis::new(config).expect("the settings are good"))
}

async fn proof(redis: &Redis) -> Proof {
    redis.prove(redis.node("name")).await.expect("the primary is proven")
}

async fn confirmed(redis: &Redis) {
    let limit = Duration::from_secs(2);
    eventually("the sentinels have confirmed it", async || {
        redis.prove(redis.node("name")).await.is_ok_and(|proof| proof.lag < limit)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_health_the_sentinels_have_confirmed_the_primary_a_moment_ago() {
    let (group, _place) = start().await;
    let redis = redis(&group);
    redis.connect().await.unwrap();
    confirmed(&redis).await;
    let start = Instant::now();
    let mut worst = Duration::ZERO;
    while start.elapsed() < Duration::from_secs(5) {
        let found = redis.read(&["name"], &[]).await.unwrap();
        let proof = proof(&redis).await;
        assert!(proof.tracks && proof.history != 0);
        worst = worst.max(proof.lag).max(found.proof.unwrap().lag);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(worst < LATE, "{worst:?}");
    assert!(worst > Duration::from_millis(100), "they are not asked all the time: {worst:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_majority_of_the_sentinels_is_frozen_nothing_is_confirmed() {
    let (group, _place) = start().await;
    let redis = redis(&group);
    redis.connect().await.unwrap();
    confirmed(&redis).await;
    group.sentinel(0).freeze();
    // Two of three are still enough.
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(6) {
        let lag = proof(&redis).await.lag;
        assert!(lag < LATE, "{lag:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    group.sentinel(1).freeze();
    eventually("it was long ago", async || {
        read(&redis, "name").await.unwrap();
        proof(&redis).await.lag > Duration::from_secs(6)
    })
    .await;
    let last = proof(&redis).await.lag;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let now = proof(&redis).await.lag;
    assert!(now >= last + Duration::from_millis(50), "it grows: {last:?} {now:?}");
    group.sentinel(0).thaw();
    confirmed(&redis).await;
    group.sentinel(1).thaw();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_was_demoted_is_not_proven() {
    let (group, _place) = start().await;
    let redis = redis(&group);
    redis.connect().await.unwrap();
    confirmed(&redis).await;
    // Else they would undo it.
    group.sentinels().iter().for_each(RedisServer::freeze);
    let other = group.node(1).port().to_string();
    group.node(0).cli(&["REPLICAOF", "127.0.0.1", &other]);
    assert_eq!(failure(redis.prove(redis.node("name"))).await.0, Class::Moved);
    group.node(0).cli(&["REPLICAOF", "NO", "ONE"]);
    eventually("it is one again", async || redis.prove(redis.node("name")).await.is_ok()).await;
    group.sentinels().iter().for_each(RedisServer::thaw);
    confirmed(&redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_was_promoted_unannounced_ends_the_confirmation() {
    let (group, _place) = start().await;
    let redis = redis(&group);
    redis.connect().await.unwrap();
    confirmed(&redis).await;
    let promoted = Instant::now();
    // Sentinels leave a stray primary alone for four of their periods of ten seconds and more.
    group.node(1).cli(&["REPLICAOF", "NO", "ONE"]);
    eventually("it is not confirmed any more", async || {
        redis
            .prove(redis.node("name"))
            .await
            .is_ok_and(|proof| proof.lag > LATE && proof.lag <= promoted.elapsed() + LATE)
    })
    .await;
    let port = group.node(0).port();
    group.node(1).cli(&["REPLICAOF", "127.0.0.1", &port.to_string()]);
    let synced = Some(Role::Replica { of: port, synced: true });
    eventually("it follows again", async || group.node(1).role() == synced).await;
    confirmed(&redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failover_everything_is_that_of_the_new_primary() {
    let (group, _place) = start().await;
    let redis = redis(&group);
    redis.connect().await.unwrap();
    confirmed(&redis).await;
    insert(&redis, "name", b"bar").await.unwrap();
    let (former, before) = (redis.node("name"), proof(&redis).await);
    let told = Told::by(&redis);
    group.failover();
    eventually("another node serves", async || redis.node("name") != former).await;
    let now = redis.node("name");
    let after = proof(&redis).await;
    assert!(after.epoch > before.epoch && after.epoch == redis.epoch(now));
    assert!(after.history != 0 && after.history != before.history);
    let all = told.all();
    let place = |wanted| all.iter().rposition(|change| *change == wanted).expect("it is told");
    let first = |wanted| all.iter().position(|change| *change == wanted).expect("it is told");
    assert!(first(connected(now)) < first(unheard(former)), "{all:?}");
    assert!(place(connected(now)) < first(unheard(former)), "{all:?}");
    // The former one says for seconds that it is the primary, which nobody believes.
    confirmed(&redis).await;
    read(&redis, "name").await.unwrap();
    told.take();
    group.node(group.named().expect("they name one")).cli(&["SET", "name", "another"]);
    eventually("it is announced", async || told.count("name") == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_whose_first_runtime_stands_still_is_confirmed_on_that_of_its_callers() {
    let (group, _place) = start().await;
    let redis = redis(&group);
    let undriven = Undriven::that_connected(&redis).await;
    confirmed(&redis).await;
    tokio::time::sleep(LATE).await;
    confirmed(&redis).await;
    drop(undriven);
    confirmed(&redis).await;
}
