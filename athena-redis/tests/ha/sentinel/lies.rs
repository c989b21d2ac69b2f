//! Sentinels that lie, beside some that do not; the nodes are real.

use std::time::{Duration, Instant};

use athena_cache_core::backend::Backend;
use athena_cache_redis::Redis;

use super::{confirmed, redis_at, start};
use crate::support::liar::node::FakeNode;
use crate::support::liar::sentinel::{FakeSentinel, here, places};
use crate::support::role::Role;
use crate::support::sentinel::SERVICE;
use crate::support::server::RedisServer;
use crate::{eventually, insert, read};

/// Longer than any word takes to be heard.
const HEARD: Duration = Duration::from_secs(3);
/// An epoch that no sentinel will ever reach.
const HUGE: u64 = u64::MAX;

/// A primary, one that has nothing to do with it, and three sentinels that name the first.
struct Scene {
    primary: RedisServer,
    stranger: RedisServer,
    sentinels: Vec<FakeSentinel>,
}

impl Scene {
    fn start() -> Self {
        let (primary, stranger) = (RedisServer::start(), RedisServer::start());
        let sentinels = FakeSentinel::group(3, primary.port(), &[]);
        Self { primary, stranger, sentinels }
    }

    fn url(&self) -> String {
        FakeSentinel::url(&self.sentinels)
    }

    /// Has a sentinel turn to the stranger.
    fn turn(&self, sentinel: usize, epoch: u64) {
        let (stranger, primary) = (self.stranger.port(), self.primary.port());
        self.sentinels[sentinel].say(|says| {
            says.primary = Some(stranger);
            says.epoch = epoch.to_string();
        });
        let switched = format!("{SERVICE} 127.0.0.1 {primary} 127.0.0.1 {stranger}");
        self.sentinels[sentinel].publish("+switch-master", &switched);
    }
}

/// Whether a node serves now.
fn serves(redis: &Redis, node: &RedisServer) -> bool {
    redis.endpoint(redis.node("name")) == format!("127.0.0.1:{}", node.port())
}

/// Checks that a node serves for as long as it takes to hear of anything.
async fn goes_on_serving(redis: &Redis, node: &RedisServer) {
    let start = Instant::now();
    while start.elapsed() < HEARD {
        assert!(serves(redis, node), "after {:?}", start.elapsed());
        read(redis, "name").await.expect("it answers");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sentinel_that_turns_to_another_node_does_not_take_the_traffic_from_a_sound_primary() {
    let scene = Scene::start();
    let redis = redis_at(&scene.url());
    redis.connect().await.unwrap();
    confirmed(&redis).await;
    scene.turn(2, HUGE);
    goes_on_serving(&redis, &scene.primary).await;
    confirmed(&redis).await;
    // Nor was it connected to: it has been told nothing.
    assert!(scene.stranger.clients("under-test").is_empty());
    // A majority is followed.
    scene.turn(1, 2);
    eventually("most name it", async || serves(&redis, &scene.stranger)).await;
    confirmed(&redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_one_sentinel_says_takes_the_traffic_from_a_sound_primary() {
    let scene = Scene::start();
    let redis = redis_at(&scene.url());
    redis.connect().await.unwrap();
    confirmed(&redis).await;
    let (primary, stranger) = (scene.primary.port(), scene.stranger.port());
    let liar = &scene.sentinels[0];
    liar.say(|says| {
        says.replicas = vec![here(stranger)];
        says.flags = ",failover_in_progress".into();
        says.others = "1000000".into();
    });
    let (master, slave) = (
        format!("master {SERVICE} 127.0.0.1 {primary}"),
        format!("slave s 127.0.0.1 {stranger} @ {SERVICE} 127.0.0.1 {primary}"),
    );
    for (channel, payload) in [
        ("+sdown", &master),
        ("+odown", &master),
        ("+try-failover", &master),
        ("+selected-slave", &slave),
        ("+failover-state-wait-promotion", &slave),
        ("+promoted-slave", &slave),
    ] {
        liar.publish(channel, payload);
    }
    goes_on_serving(&redis, &scene.primary).await;
    for (primary, epoch) in
        [(None, "x"), (Some(1), "-1"), (Some(stranger), "99999999999999999999999")]
    {
        liar.say(|says| (says.primary, says.epoch) = (primary, epoch.into()));
        liar.publish("+switch-master", &format!("{SERVICE} 127.0.0.1 1 127.0.0.1 2"));
        goes_on_serving(&redis, &scene.primary).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn most_sentinels_win_back_what_one_took_while_the_primary_was_silent() {
    let scene = Scene::start();
    let redis = redis_at(&scene.url());
    redis.connect().await.unwrap();
    confirmed(&redis).await;
    scene.primary.freeze();
    scene.turn(2, HUGE);
    eventually("it is all there is", async || serves(&redis, &scene.stranger)).await;
    scene.primary.thaw();
    // They have named it for fifteen seconds by then.
    eventually("most have insisted", async || serves(&redis, &scene.primary)).await;
    confirmed(&redis).await;
    goes_on_serving(&redis, &scene.primary).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_starts_while_one_sentinel_lies_finds_the_primary_of_the_others() {
    let scene = Scene::start();
    scene.turn(0, HUGE);
    for _ in 0..10 {
        let redis = redis_at(&scene.url());
        redis.connect().await.unwrap();
        assert!(serves(&redis, &scene.primary));
        redis.close().await;
    }
    assert!(scene.stranger.clients("under-test").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_failover_is_followed_although_one_of_the_sentinels_lies() {
    let (mut group, _place) = start().await;
    let stranger = RedisServer::start();
    let id = group.sentinel(2).cli(&["SENTINEL", "MYID"]).text();
    group.kill_sentinel(2);
    let liar = FakeSentinel::start(&id);
    liar.say(|says| {
        says.primary = Some(stranger.port());
        (says.epoch, says.others) = (HUGE.to_string(), "2".into());
    });
    let url = group.url().replace(&group.sentinel(2).port().to_string(), &liar.port().to_string());
    let redis = redis_at(&url);
    redis.connect().await.unwrap();
    confirmed(&redis).await;
    insert(&redis, "name", b"bar").await.unwrap();
    let former = group.primary();
    assert!(serves(&redis, group.node(former)));
    group.sentinel(0).cli(&["SENTINEL", "FAILOVER", SERVICE]);
    let heir = group.wait_for_primary_other_than(former);
    eventually("it is followed", async || serves(&redis, group.node(heir))).await;
    confirmed(&redis).await;
    eventually("the former one follows", async || {
        matches!(group.node(former).role(), Some(Role::Replica { .. }))
    })
    .await;
    assert!(serves(&redis, group.node(heir)));
    assert!(stranger.clients("under-test").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_replicas_of_one_sentinel_are_told_no_password() {
    let primary = RedisServer::start_with_password("secret");
    let crowd = FakeNode::start();
    let sentinels = FakeSentinel::group(3, primary.port(), &[]);
    sentinels[0].say(|says| {
        says.replicas = places(2_000, crowd.port());
        says.sentinels.extend(places(2_000, crowd.port()).into_iter().map(|it| (it, "id".into())));
    });
    let url = FakeSentinel::url(&sentinels).replace("://", "://:secret@");
    let redis = redis_at(&url);
    redis.connect().await.unwrap();
    confirmed(&redis).await;
    // The others list no replicas, which is a word as well.
    tokio::time::sleep(HEARD).await;
    assert_eq!(crowd.liar().accepted(), 0);
    confirmed(&redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_only_sentinel_lists_is_dialed_few_at_a_time_and_after_the_primary() {
    let primary = RedisServer::start();
    let crowd = FakeNode::start_slow(Duration::from_millis(300));
    let sentinels = FakeSentinel::group(1, primary.port(), &[]);
    sentinels[0].say(|says| says.replicas = places(2_000, crowd.port()));
    let redis = redis_at(&FakeSentinel::url(&sentinels));
    let start = Instant::now();
    redis.connect().await.unwrap();
    confirmed(&redis).await;
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    eventually("all that are taken are connected to", async || crowd.liar().open() == 64).await;
    // Eight at a time, each of which takes 300 ms.
    assert!(start.elapsed() > Duration::from_secs(2), "{:?}", start.elapsed());
    tokio::time::sleep(HEARD).await;
    assert_eq!(crowd.liar().accepted(), 64);
    redis.close().await;
    eventually("nothing is left", async || crowd.liar().open() == 0).await;
}
