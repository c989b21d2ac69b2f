//! What a cache leaves in Redis: names and lives.

use std::time::{Duration, Instant};

use athena_cache::{Cache, Invalidated, Source};

use crate::support::server::RedisServer;
use crate::world::{Broken, Origin, Setup, cache, eventually, names, observe, values, warm};

#[tokio::test]
async fn a13_i7_two_namespaces_on_one_server_do_not_see_each_other() {
    let server = RedisServer::start();
    let origin = Origin::default();
    let [users, others] =
        ["users", "usersAbc"].map(|name| Setup::patient().cache(name, &server.url()));
    warm(&users, &origin, 0..5).await;
    assert_eq!(observe(&others, &origin, 0).await.1.source, Source::Load);
    others.settle().await;
    warm(&others, &origin, 1..5).await;
    for name in names(&server) {
        assert!(name.starts_with("users:") || name.starts_with("usersAbc:"), "{name}");
    }

    assert_eq!(users.clear().await, Invalidated::Done);
    for id in 0..5 {
        assert_eq!(observe(&users, &origin, id).await.1.source, Source::Load);
        assert_eq!(observe(&others, &origin, id).await.1.source, Source::Backend);
    }
}

#[tokio::test]
async fn a14_an_entry_lives_in_redis_for_the_default_ttl() {
    let server = RedisServer::start();
    let cache = cache(&server);
    warm(&cache, &Origin::default(), [1]).await;
    assert_life(&server, Duration::from_secs(60 * 60));
}

#[tokio::test]
async fn a14_an_entry_with_grace_lives_for_both() {
    let server = RedisServer::start();
    let setup = Setup::patient();
    let builder = Cache::builder("shop").settings(setup.settings.clone());
    let builder = builder.ttl(Duration::from_secs(45 * 60)).grace(Duration::from_secs(15 * 60));
    let cache = builder.backend(setup.redis(&server.url())).build().unwrap();
    warm(&cache, &Origin::default(), [1]).await;
    assert_life(&server, Duration::from_secs(60 * 60));
}

/// What is left of the life of product 1, which was stored within this second.
fn assert_life(server: &RedisServer, expected: Duration) {
    let [name] = values(server, "product:1").try_into().expect("one value");
    let left = server.cli(&["PTTL", &name]).number();
    let left = Duration::from_millis(u64::try_from(left).expect("it has a life"));
    // A busy machine may take some of it before we look.
    let slack = Duration::from_secs(5);
    assert!(left <= expected && left + slack >= expected, "{left:?}");
}

/// The names in a server that have no end, and the longest life of the others.
fn lives(server: &RedisServer) -> (Vec<String>, Duration) {
    let (mut endless, mut longest) = (Vec::new(), 0);
    for name in names(server) {
        match server.cli(&["PTTL", &name]).number() {
            -1 => endless.push(name),
            left => longest = longest.max(left),
        }
    }
    endless.sort();
    (endless, Duration::from_millis(longest.unsigned_abs()))
}

/// An entry that lives for two seconds, with a tag of its own.
async fn short(cache: &Cache, number: u32) {
    let entry = cache.entry(format!("e{number}")).tags([format!("t{number}")]);
    let entry = entry.ttl(Duration::from_secs(2));
    entry.get_or_load(|| async { Ok::<_, Broken>(vec![7_u8; 2_000]) }).await.expect("it is loaded");
}

#[tokio::test]
async fn what_tags_leave_has_an_end_and_tags_that_label_nothing_leave_nothing() {
    let server = RedisServer::start();
    let cache = Setup::patient().cache("shop", &server.url());
    for number in 0..500 {
        short(&cache, number).await;
    }
    for number in 0..300 {
        let done = cache.invalidate_tag(format!("nothing {number}")).await;
        assert_eq!(done, Invalidated::Done);
    }
    cache.settle().await;
    assert!(!names(&server).iter().any(|name| name.contains("nothing")));
    let (endless, longest) = lives(&server);
    assert_eq!(endless, ["shop:#", "shop:*"], "all tags and the namespace");
    // Twice the life of an entry, of its lease, and a minute.
    assert!(longest <= 2 * Duration::from_secs(2 + 5 + 60), "{longest:?}");

    let is_entry = |name: &String| name.starts_with("shop:{k:e");
    eventually("all entries have ended", async || !names(&server).iter().any(is_entry)).await;
    let (left, _) = lives(&server);
    assert_eq!(left.len(), 2);
}

#[tokio::test]
async fn once_everything_has_ended_there_is_room_again_whatever_had_tags() {
    let server = RedisServer::start();
    let limit = (server.info::<u64>("used_memory") + 2_000_000).to_string();
    server.cli(&["CONFIG", "SET", "maxmemory-policy", "volatile-lru"]);
    server.cli(&["CONFIG", "SET", "maxmemory", &limit]);
    let cache = Setup::patient().cache("shop", &server.url());
    // Tags alone would take all the room.
    for round in 0..20 {
        let tags: Vec<_> = (0..1_000).map(|number| format!("{round} {number}")).collect();
        let entry = cache.entry(format!("full {round}")).tags(tags).ttl(Duration::from_secs(1));
        entry.get_or_load(|| async { Ok::<_, Broken>(7) }).await.expect("it is loaded");
        cache.settle().await;
    }
    assert!(server.info::<u64>("evicted_keys") > 1_000);
    let before = cache.stats().fills;
    for number in 0..50 {
        short(&cache, number).await;
    }
    cache.settle().await;
    assert_eq!(cache.stats().fills - before, 50, "{:?}", cache.stats());
}

#[tokio::test]
async fn a_load_asks_for_no_generation_that_the_look_before_it_has_read() {
    let server = RedisServer::start();
    let (cache, origin) = (cache(&server), Origin::default());
    warm(&cache, &origin, [1]).await;
    let monitor = server.monitor();
    warm(&cache, &origin, [2, 3]).await;
    let lines = monitor.lines();
    let written = |name: &str| {
        let begins = format!("\"SET\" \"{name}");
        lines.iter().filter(|line| line.contains(&begins) && line.contains("\"NX\"")).count()
    };
    assert_eq!((written("shop:{k:product:"), written("shop:*")), (2, 0), "{lines:#?}");
}

#[tokio::test]
async fn what_somebody_writes_in_place_of_a_lease_holds_up_no_load() {
    const TOKEN: &str = "0001000000000001";
    let server = RedisServer::start();
    let cache = cache(&server);
    let origin = Origin::default();
    let poisons: [&[&str]; 4] = [
        &["SET", "x"],
        &["RPUSH", "x"],
        // As of a process whose lease had no end, or one that is longer than any.
        &["SET", TOKEN],
        &["SET", TOKEN, "PX", "7200000"],
    ];
    for (id, poison) in (0..).zip(poisons) {
        let lease = format!("shop:{{k:product:{id}}}:l");
        let command: Vec<_> = [poison[0], &lease].into_iter().chain(poison[1..].to_vec()).collect();
        server.cli(&command);
        let began = Instant::now();
        assert_eq!(observe(&cache, &origin, id).await.1.source, Source::Load);
        assert!(began.elapsed() < Duration::from_secs(5), "{poison:?}: {:?}", began.elapsed());
        cache.settle().await;
        assert_eq!(observe(&cache, &origin, id).await.1.source, Source::Backend, "{poison:?}");
        assert!(!names(&server).contains(&lease), "{poison:?}");
    }
}
