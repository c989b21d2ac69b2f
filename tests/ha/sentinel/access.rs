//! Whom a cache finds, who lets it in, and what it leaves behind.

use std::time::{Duration, Instant};

use athena_cache::backend::Class;
use athena_cache::{Cache, Health, Invalidated, Redis, RedisConfig, Source};

use super::stage::{LATE, Member, Stage, defaults};
use crate::support::resp::Reply;
use crate::support::sentinel::{Options, SERVICE, SentinelGroup};
use crate::support::server::RedisServer;
use crate::world::{CLIENT, Origin, Setup, eventually, healthy, observe, warm};

fn cache(namespace: &str, redis: Redis) -> Cache {
    let builder = Cache::builder(namespace).settings(defaults().settings);
    builder.backend(redis).build().expect("the settings are good")
}

/// How often somebody was refused for a wrong or missing password.
fn refusals(server: &RedisServer) -> i64 {
    let log = server.cli(&["ACL", "LOG"]);
    let field = |entry: &Reply, name: &str| {
        let fields = entry.list().chunks_exact(2);
        fields.map(<[_]>::to_vec).find(|pair| pair[0].text() == name).expect("a field")[1].clone()
    };
    let about_passwords = log.list().iter().filter(|entry| field(entry, "reason").text() == "auth");
    about_passwords.map(|entry| field(entry, "count").number()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a04_nodes_and_sentinels_have_passwords_of_their_own() {
    let options = Options {
        data_password: Some("of-the-data".into()),
        sentinel_password: Some("of-the-sentinels".into()),
        down_after: LATE,
        ..Options::default()
    };
    let stage = Stage::start_with(options).await;
    let group = &stage.group;
    let redis = |data: &str, sentinel: &str| {
        let config = RedisConfig::new(group.url()).password(data).sentinel_password(sentinel);
        Redis::new(config).expect("the settings are good")
    };
    let (right, origin) = (redis("of-the-data", "of-the-sentinels"), Origin::default());
    right.connect().await.unwrap();
    let right = cache("a04", right);
    warm(&right, &origin, 0..5).await;

    for (servers, wrong) in [
        (group.nodes(), redis("wrong", "of-the-sentinels")),
        (group.sentinels(), redis("of-the-data", "wrong")),
    ] {
        assert_eq!(wrong.connect().await.unwrap_err().class(), Some(Class::Denied));
        let wrong = cache("a04", wrong);
        let start = Instant::now();
        let before: Vec<_> = servers.iter().map(refusals).collect();
        while start.elapsed() < Duration::from_secs(2) {
            observe(&wrong, &origin, 1).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for (server, before) in servers.iter().zip(before) {
            let attempts = refusals(server) - before;
            assert!(attempts <= 3, "{attempts} attempts in two seconds");
        }
        wrong.close().await;
    }

    group.failover();
    eventually("it follows", async || right.stats().failovers == 1).await;
    warm(&right, &origin, 5..10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a07_an_unknown_service_and_unreachable_sentinels_are_told_apart() {
    let mut stage = Stage::start(LATE).await;
    let (member, origin) = (Member::join("a07", &stage.group), Origin::default());
    warm(&member.cache, &origin, [1]).await;
    let url = stage.group.url();
    let strange = url.replace(SERVICE, "yourmaster");

    let redis = Redis::from_url(strange).unwrap();
    let error = redis.connect().await.unwrap_err();
    assert!(error.is_unknown_service() && !error.is_sentinel_unreachable(), "{error}");
    assert!(error.to_string().contains("`yourmaster`"), "{error}");
    assert_eq!(observe(&cache("a07", redis), &origin, 2).await.1.source, Source::Load);

    for sentinel in 0..3 {
        stage.group.kill_sentinel(sentinel);
    }
    let redis = Redis::from_url(url).unwrap();
    let error = redis.connect().await.unwrap_err();
    assert!(error.is_sentinel_unreachable() && !error.is_unknown_service(), "{error}");
    for sentinel in stage.group.sentinels() {
        assert!(error.to_string().contains(&format!("127.0.0.1:{}", sentinel.port())), "{error}");
    }
    assert_eq!(observe(&cache("a07", redis), &origin, 2).await.1.source, Source::Load);

    // Who found the primary before needs no sentinel to go on.
    for _ in 0..50 {
        assert_eq!(observe(&member.cache, &origin, 1).await.1.source, Source::Backend);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a10_a_cache_is_built_before_anything_runs_and_finds_all_of_it_later() {
    let mut stage = Stage::start(LATE).await;
    let group = &mut stage.group;
    for place in 0..3 {
        group.kill_sentinel(place);
    }
    for place in 0..3 {
        group.node_mut(place).kill();
    }
    let (member, origin) = (Member::join("a10", group), Origin::default());
    assert_eq!(member.cache.health(), Health::Degraded);
    for id in 0..10 {
        assert_eq!(observe(&member.cache, &origin, id).await.1.source, Source::Load);
    }
    assert_eq!(member.cache.health(), Health::Degraded);

    for place in 0..3 {
        group.node_mut(place).restart();
    }
    for place in 0..3 {
        group.restart_sentinel(place);
    }
    let start = Instant::now();
    healthy(&member.cache).await;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    eventually("redis keeps what is loaded", async || {
        observe(&member.cache, &origin, 20).await.1.source == Source::Backend
    })
    .await;
    assert!(member.told.all().is_empty(), "the first primary took over from nobody");
}

/// The connections of caches to everybody in a group that runs.
fn connections(group: &SentinelGroup) -> usize {
    let all = group.nodes().iter().chain(group.sentinels());
    all.filter(|it| it.is_running()).map(|it| it.clients(CLIENT).len()).sum()
}

#[tokio::test]
async fn c3_closing_or_dropping_leaves_no_connection_to_anybody() {
    let stage = Stage::start(LATE).await;
    let group = &stage.group;
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    for closes in [true, false] {
        let cache = Setup::patient().cache("c3", &group.url());
        let origin = Origin::default();
        warm(&cache, &origin, [1]).await;
        // Pending until a majority of the sentinels has confirmed who the primary is.
        eventually("it is cleared", async || cache.clear().await == Invalidated::Done).await;
        // To each of the sentinels, and to the data nodes that could take over.
        eventually("it is in touch with all", async || connections(group) == 6).await;
        if closes {
            assert_eq!(cache.close().await.pending_invalidations, 0);
            assert_eq!(tasks(), before);
            assert_eq!(observe(&cache, &origin, 1).await.1.source, Source::Bypass);
        } else {
            drop(cache);
        }
        eventually("the sockets are closed", async || connections(group) == 0).await;
        eventually("the tasks have ended", async || tasks() == before).await;
    }
}

#[tokio::test]
async fn c3_closing_in_the_middle_of_a_failover_leaves_nothing_either() {
    let mut stage = Stage::start(LATE).await;
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let cache = Setup::brisk().cache("c3", &stage.group.url());
    let origin = Origin::default();
    warm(&cache, &origin, [1]).await;
    stage.group.node_mut(0).kill();
    crate::world::degraded(&cache).await;
    let start = Instant::now();
    cache.close().await;
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    eventually("the tasks have ended", async || tasks() == before).await;
    eventually("the sockets are closed", async || connections(&stage.group) == 0).await;
}
