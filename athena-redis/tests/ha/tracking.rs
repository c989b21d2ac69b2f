//! Changes by others, as the server announces them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use athena_cache_core::backend::{
    Absent, Backend, Bump, Change, Fill, Filled, Generation, Item, LeaseRequest, Leased, Node,
    Proposal, Token,
};
use athena_cache_redis::Redis;

use crate::support::server::RedisServer;
use crate::told::{Told, unheard};
use crate::{GENERATION_LIFE, config, eventually, insert, proposal, put, read, redis};

const LIFE: Duration = Duration::from_secs(60);

/// Read through, and listened to from then on.
async fn ready(redis: &Arc<Redis>) -> Told {
    redis.prove(Node::ONLY).await.expect("the node is proven");
    Told::by(redis)
}

/// What had to be announced until now has been once this returns.
async fn nothing_is_told(redis: &Redis, told: &Told) {
    redis.prove(Node::ONLY).await.expect("the node is proven");
    assert_eq!(told.all(), []);
}

async fn lease(redis: &Redis, lease: &str, generations: &[Proposal<'_>]) -> Leased {
    let token = Token::new(7);
    redis
        .lease(LeaseRequest { lease, token, life: LIFE, generations })
        .await
        .expect("it is answered")
}

async fn fill(redis: &Redis, value: &str, lease: &str, epoch: u64) -> Filled {
    let item = Item { value, bytes: b"filled", life: LIFE };
    redis.fill(Fill { item, lease, token: Token::new(7), epoch }).await.expect("it is answered")
}

#[tokio::test]
async fn what_another_client_does_to_a_name_that_was_read_is_announced_once() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    let told = ready(&redis).await;
    for (before, after) in [
        (None, &["SET", "name", "new"][..]),
        (Some("old"), &["SET", "name", "new"]),
        (Some("old"), &["DEL", "name"]),
        (Some("old"), &["UNLINK", "name"]),
        (Some("old"), &["PEXPIRE", "name", "100000"]),
        (Some("old"), &["RENAME", "name", "other"]),
        (Some("old"), &["EVAL", "redis.call('SET', KEYS[1], 'new')", "1", "name"]),
    ] {
        match before {
            Some(value) => server.cli(&["SET", "name", value, "PX", "600000"]),
            None => server.cli(&["DEL", "name"]),
        };
        redis.read(&["name"], &[]).await.unwrap();
        nothing_is_told(&redis, &told).await;
        server.cli(after);
        told.names(&["name"]).await;
        server.cli(&["SET", "name", "newer"]);
        nothing_is_told(&redis, &told).await;
    }
}

#[tokio::test]
async fn every_name_of_a_read_is_announced_present_or_not() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    let told = ready(&redis).await;
    server.cli(&["SET", "ns:{k:a}:3", "bar", "PX", "600000"]);
    server.cli(&["SET", "ns:#a", "0000000000000007"]);
    let (values, generations) = (["ns:{k:a}:3", "ns:{k:b}:3"], ["ns:#a", "ns:#b"]);
    let found = redis.read(&values, &generations).await.unwrap();
    assert!(found.proof.unwrap().tracks);
    for name in values.into_iter().chain(generations) {
        server.cli(&["SET", name, "0000000000000009"]);
        told.names(&[name]).await;
    }
    nothing_is_told(&redis, &told).await;
    redis.read(&values, &generations).await.unwrap();
    let several: Vec<_> = ["UNLINK"].into_iter().chain(values).chain(generations).collect();
    server.cli(&several);
    told.names(&several[1..]).await;
}

#[tokio::test]
async fn what_the_server_evicts_is_announced() {
    let server = RedisServer::start_with(&["--maxmemory-policy", "allkeys-lru"]);
    let redis = redis(&server.url());
    let told = ready(&redis).await;
    server.cli(&["SET", "name", "bar", "PX", "600000"]);
    assert!(read(&redis, "name").await.unwrap().is_some());
    nothing_is_told(&redis, &told).await;
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    // Refused, and evicts first.
    let _refused = server.ask(&["SET", "other", "bar"]);
    told.names(&["name"]).await;
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(read(&redis, "name").await.unwrap(), None);
}

#[tokio::test]
async fn while_the_server_evicts_it_is_not_said_to_announce_everything() {
    let server = RedisServer::start_with(&["--maxmemory-policy", "allkeys-random"]);
    let redis = redis(&server.url());
    let told = ready(&redis).await;
    let info = |field| server.info::<u64>(field);
    for number in 0..100 {
        read(&redis, &format!("name:{number}")).await.unwrap();
    }
    for _ in 0..2 {
        assert!(redis.prove(Node::ONLY).await.unwrap().tracks);
        assert_eq!(told.take(), []);
        let limit = (info("used_memory") + 100_000).to_string();
        server.cli(&["CONFIG", "SET", "maxmemory", &limit]);
        let before = info("evicted_keys");
        // What has to make room for these is announced to nobody, since it is we who need it; what cannot
        // be made room for is refused.
        for number in 0..200 {
            let _ = insert(&redis, &format!("ours:{number}"), &[0; 2_000]).await;
        }
        server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
        assert!(info("evicted_keys") > before);
        assert!(!redis.prove(Node::ONLY).await.unwrap().tracks);
        assert!(told.take().contains(&unheard(Node::ONLY)));
        assert!(!redis.read(&["name"], &[]).await.unwrap().proof.unwrap().tracks);
    }
}

#[tokio::test]
async fn from_half_a_table_of_readers_on_a_server_is_not_said_to_announce_everything() {
    let server = RedisServer::start_with(&["--tracking-table-max-keys", "100"]);
    let redis = redis(&server.url());
    let told = ready(&redis).await;
    let read_names = async |names: std::ops::Range<usize>| {
        for number in names {
            read(&redis, &format!("name:{number}")).await.unwrap();
        }
    };
    let tracks = async || redis.prove(Node::ONLY).await.unwrap().tracks;
    read_names(0..40).await;
    assert!(tracks().await);
    assert_eq!(told.take(), []);
    read_names(40..60).await;
    assert!(!tracks().await);
    assert_eq!(told.take(), [unheard(Node::ONLY)]);
    assert!(!redis.read(&["name"], &[]).await.unwrap().proof.unwrap().tracks);
    // What is announced leaves the table.
    let forgotten: Vec<_> = (0..55).map(|number| format!("name:{number}")).collect();
    for name in &forgotten {
        server.cli(&["SET", name, "bar"]);
    }
    assert!(tracks().await);
    told.names(&forgotten.iter().map(String::as_str).collect::<Vec<_>>()).await;
    // A larger table than that which it connected to is not half full.
    read_names(0..80).await;
    server.cli(&["CONFIG", "SET", "tracking-table-max-keys", "1000"]);
    assert!(tracks().await);
}

#[tokio::test]
async fn emptying_the_server_is_announced_as_such() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    let told = ready(&redis).await;
    for command in ["FLUSHALL", "FLUSHDB"] {
        server.cli(&["SET", "name", "bar"]);
        read(&redis, "name").await.unwrap();
        server.cli(&[command]);
        eventually("it is told", async || told.all() == [Change::Flushed]).await;
        told.take();
    }
}

#[tokio::test]
async fn ones_own_writes_are_not_announced_and_a_later_change_by_another_client_is() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    let told = ready(&redis).await;
    let generations = [proposal("ns:#a")];
    for round in 0..4 {
        let (value, held) = (&format!("{{a}}{round}:3"), &format!("{{a}}{round}:l"));
        if round % 2 == 0 {
            let leased = lease(&redis, held, &generations).await;
            assert!(leased.granted && leased.proof.tracks);
            assert_eq!(fill(&redis, value, held, leased.proof.epoch).await, Filled::Stored);
        } else {
            let item = Item { value, bytes: b"bar", life: LIFE };
            put(&redis, item, held).await.unwrap();
        }
        nothing_is_told(&redis, &told).await;
        server.cli(&["SET", value, "another"]);
        told.names(&[value]).await;
        // What ends a lease that is held is heard of; whoever takes the next one after a fill need not be.
        assert!(lease(&redis, held, &generations).await.granted);
        server.cli(&["DEL", held]);
        told.names(&[held]).await;
        // The script is known to the server in the later rounds and its source is sent in the first.
        if round == 1 {
            server.cli(&["SCRIPT", "FLUSH"]);
        }
    }
    server.cli(&["SET", "ns:#a", "0000000000000009"]);
    told.names(&["ns:#a"]).await;
}

#[tokio::test]
async fn ones_own_shortening_is_not_announced_and_a_later_change_by_another_client_is() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    let told = ready(&redis).await;
    insert(&redis, "value", b"bar").await.unwrap();
    read(&redis, "value").await.unwrap();
    redis.shorten(&["value".into()], LIFE / 2).await.unwrap();
    nothing_is_told(&redis, &told).await;
    server.cli(&["SET", "value", "another"]);
    told.names(&["value"]).await;
}

#[tokio::test]
async fn generations_that_were_ensured_or_healed_are_announced_when_they_change() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    let told = ready(&redis).await;
    server.cli(&["RPUSH", "ns:#list", "item"]);
    let names = ["ns:#new", "ns:#list"];
    let proposals = names.map(proposal);
    let ensured = redis.ensure(&proposals).await.unwrap();
    assert!(ensured.proof.unwrap().tracks);
    nothing_is_told(&redis, &told).await;
    for name in names {
        server.cli(&["SET", name, "0000000000000009"]);
        told.names(&[name]).await;
    }
}

#[tokio::test]
async fn a_generation_is_let_live_on_once_half_its_life_is_over_and_not_at_every_fill() {
    let server = RedisServer::start();
    let (one, other) = (redis(&server.url()), redis(&server.url()));
    let told = ready(&one).await;
    let name = "ns:#a";
    let held = one.ensure(&[proposal(name)]).await.unwrap().generations;
    for _ in 0..200 {
        let ensured = other.ensure(&[proposal(name)]).await.unwrap().generations;
        assert_eq!(ensured[0].generation, held[0].generation);
    }
    nothing_is_told(&one, &told).await;
    let short = GENERATION_LIFE.saturating_sub(Duration::from_millis(1)).as_millis().to_string();
    server.cli(&["PEXPIRE", name, &short]);
    told.names(&[name]).await;
    one.ensure(&[proposal(name)]).await.unwrap();
    for _ in 0..200 {
        let ensured = other.ensure(&[proposal(name)]).await.unwrap().generations;
        assert!(ensured[0].remaining > Some(GENERATION_LIFE));
    }
    nothing_is_told(&one, &told).await;
    server.cli(&["SET", name, "0000000000000009"]);
    told.names(&[name]).await;
}

#[tokio::test]
async fn that_a_generation_lives_on_or_ends_is_announced_to_others() {
    let server = RedisServer::start();
    let (one, other) = (redis(&server.url()), redis(&server.url()));
    let told = ready(&one).await;
    let name = "ns:#a";
    let short = Proposal { life: Some(Duration::from_millis(50)), ..proposal(name) };
    one.ensure(&[short]).await.unwrap();
    other.ensure(&[proposal(name)]).await.unwrap();
    told.names(&[name]).await;
    one.read(&[], &[name]).await.unwrap();
    server.cli(&["PEXPIRE", name, "50"]);
    told.names(&[name]).await;
    one.read(&[], &[name]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(60)).await;
    let bump = Bump { name, generation: Generation::new(9), absent: Absent::Stays };
    other.bump(&[bump]).await.unwrap();
    told.names(&[name]).await;
    assert_eq!(server.cli(&["EXISTS", name]).number(), 0, "nothing is made of what has ended");
}

#[tokio::test]
async fn that_somebody_elses_lease_ends_is_announced() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    let told = ready(&redis).await;
    for end in [&["DEL", "lease"][..], &["SET", "lease", "0000000000000003"]] {
        server.cli(&["SET", "lease", "0000000000000009"]);
        assert!(!lease(&redis, "lease", &[]).await.granted);
        nothing_is_told(&redis, &told).await;
        server.cli(end);
        told.names(&["lease"]).await;
    }
    // And that one's own does, by somebody who invalidates.
    server.cli(&["DEL", "lease"]);
    assert!(lease(&redis, "lease", &[]).await.granted);
    nothing_is_told(&redis, &told).await;
    server.cli(&["DEL", "lease"]);
    told.names(&["lease"]).await;
}

/// Every read begins the tracking again, so that each change between two reads sends at least one
/// announcement of its own, ahead of the answer to the second of them. So whenever a read returns, there
/// have been at least as many announcements as changes of the value were seen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_returns_a_newer_value_before_its_announcement_was_heard() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    let told = ready(&redis).await;
    let mut client = server.client().unwrap();
    let ended = Arc::new(AtomicBool::new(false));
    let writer = std::thread::spawn({
        let ended = ended.clone();
        move || {
            let mut number = 0_u64;
            while !ended.load(Ordering::Relaxed) {
                number += 1;
                client.call(&["SET", "name", &number.to_string(), "PX", "600000"]).unwrap();
            }
        }
    });
    let (mut changes, mut before) = (0, None);
    for round in 0..20_000 {
        let found = read(&redis, "name").await.unwrap();
        if round > 0 && found != before {
            changes += 1;
        }
        before = found;
        let heard = told.count("name");
        assert!(heard >= changes, "{heard} announcements of {changes} changes");
        if round % 500 == 499 {
            // Counting looks at all of them.
            told.take();
            changes = 0;
            // What was announced and taken may belong to the next change.
            before = read(&redis, "name").await.unwrap();
        }
    }
    ended.store(true, Ordering::Relaxed);
    writer.join().unwrap();
}

#[tokio::test]
async fn a_server_that_refuses_to_track_is_used_without() {
    let server = RedisServer::start();
    let user = ["ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all"];
    for (denied, announces, knows) in [
        (&["-client|tracking", "-info"][..], false, false),
        (&["-client|tracking"], false, true),
        (&["-info"], true, false),
        (&["-client", "-info"], false, false),
    ] {
        server.cli(&[&user[..], denied].concat());
        let config = config(&server.url()).username("app").password("pw");
        let redis = Arc::new(Redis::new(config).unwrap());
        let proof = redis.prove(Node::ONLY).await.unwrap();
        let told = Told::by(&redis);
        insert(&redis, "value", b"bar").await.unwrap();
        let found = redis.read(&["value"], &[]).await.unwrap();
        assert!(found.values[0].is_some());
        for proof in [proof, found.proof.unwrap()] {
            // Without `INFO` nobody knows whether it evicts.
            assert_eq!((proof.tracks, proof.history != 0), (false, knows), "{denied:?}");
            assert_eq!((proof.epoch, proof.lag), (1, Duration::ZERO));
        }
        server.cli(&["SET", "value", "another"]);
        if announces {
            told.names(&["value"]).await;
        } else {
            nothing_is_told(&redis, &told).await;
        }
        redis.close().await;
        server.cli(&["ACL", "DELUSER", "app"]);
    }
}

#[tokio::test]
async fn without_tracking_the_server_is_not_asked_for_it() {
    let server = RedisServer::start();
    let redis = Arc::new(Redis::new(config(&server.url()).tracking(false)).unwrap());
    let told = ready(&redis).await;
    let found = redis.read(&["value"], &[]).await.unwrap();
    let proof = found.proof.unwrap();
    assert!(!proof.tracks && proof.history != 0);
    server.cli(&["SET", "value", "another"]);
    nothing_is_told(&redis, &told).await;
    assert_eq!(server.calls("client|tracking"), 0);
}

#[tokio::test]
async fn several_listeners_of_one_redis_hear_the_same() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    let (first, second) = (ready(&redis).await, Told::by(&redis));
    read(&redis, "name").await.unwrap();
    server.cli(&["SET", "name", "bar"]);
    first.names(&["name"]).await;
    second.names(&["name"]).await;
}
