//! The promises of the backend, and what Redis holds when they are kept.

use std::time::Duration;

use athena_cache_core::backend::{Backend, Class, Fill, Filled, Item, LeaseRequest, Node, Token};
use athena_cache_core::testing::conformance;

use crate::support::server::RedisServer;
use crate::{GENERATION_LIFE, config, eventually, insert, proposal, put, read, redis};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_conforms_to_the_backend_contract() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    conformance::check(redis.clone()).await;
    conformance::check_closing(redis).await;
}

#[tokio::test]
async fn redis_conforms_on_one_thread_and_in_another_database() {
    let server = RedisServer::start();
    let redis = redis(&format!("{}/3", server.url()));
    conformance::check(redis).await;
    assert_eq!(server.cli(&["DBSIZE"]).number(), 0, "database 0 was left alone");
}

#[tokio::test]
async fn a_read_is_one_round_trip_of_two_commands() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    insert(&redis, "ns:{k:foo}:3", b"bar").await.unwrap();

    let monitor = server.monitor();
    redis.read(&["ns:{k:foo}:3"], &["ns:#a", "ns:*"]).await.unwrap();

    let commands: Vec<_> = monitor.lines().iter().map(|line| words(line)).collect();
    let expected = [r#""MGET" "ns:{k:foo}:3" "ns:#a" "ns:*""#, r#""TIME""#];
    assert_eq!(commands, expected);
}

/// Sends what it does to a name by a script of somebody else.
fn rewrite(server: &RedisServer, name: &str, source: &str) {
    let source = format!("local v = redis.call('GET', KEYS[1]) {source}");
    server.cli(&["EVAL", &source, "1", name]);
}

/// How long a value is left, as a read says.
async fn left(redis: &athena_cache_redis::Redis, name: &str) -> Option<Duration> {
    let found = redis.read(&[name], &[]).await.expect("it answers");
    let stored = found.values.into_iter().next().flatten()?;
    assert_eq!(stored.bytes, b"bar", "whatever stands behind it");
    Some(stored.remaining)
}

#[tokio::test]
async fn what_a_stamp_does_not_tell_is_asked_about_by_itself() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    for (what, source) in [
        ("another clock", "v = v:sub(1, -12) .. 'whose is' .. 'AtE'"),
        ("no stamp", "v = 'bar'"),
        ("a time that has passed", "v = 'bar0000000000000001' .. v:sub(-11)"),
        ("no time", "v = 'bar000000000000000x' .. v:sub(-11)"),
    ] {
        insert(&redis, "value", b"bar").await.unwrap();
        insert(&redis, "other", b"bar").await.unwrap();
        rewrite(&server, "value", &format!("{source} redis.call('SET', KEYS[1], v, 'PX', 9000)"));
        let monitor = server.monitor();
        let found = redis.read(&["value", "other"], &["ns:*"]).await.unwrap();
        let lines: Vec<_> = monitor.lines().iter().map(|line| words(line)).collect();
        let expected = [
            r#""MGET" "value" "other" "ns:*""#,
            r#""TIME""#,
            r#""PTTL" "value""#,
            r#""MGET" "value""#,
        ];
        assert_eq!(lines, expected, "{what}");
        let remaining: Vec<_> = found.values.iter().flatten().map(|it| it.remaining).collect();
        let [value, other] = remaining[..] else { panic!("{what}: {found:?}") };
        let is_about = |left: Duration, life| left <= life && left + Duration::from_secs(5) > life;
        assert!(is_about(value, Duration::from_secs(9)), "{what}: {value:?}");
        assert!(is_about(other, Duration::from_secs(60)), "{what}: {other:?}");
        assert!(found.proof.is_some(), "{what}");
    }
}

#[tokio::test]
async fn what_was_shortened_stays_so_whatever_becomes_of_the_clock_of_the_node() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    let short = Duration::from_secs(5);
    insert(&redis, "value", b"bar").await.unwrap();
    redis.shorten(&["value".into()], short).await.unwrap();
    assert!(left(&redis, "value").await <= Some(short));
    // As if the clock had been set back by a minute.
    server.cli(&["PEXPIRE", "value", "65000"]);
    assert_eq!(left(&redis, "value").await, Some(short));
    insert(&redis, "value", b"bar").await.unwrap();
    assert!(left(&redis, "value").await > Some(short), "another value");
}

#[tokio::test]
async fn a_full_server_drops_what_it_cannot_shorten() {
    let server = RedisServer::start_with(&["--maxmemory-policy", "noeviction"]);
    let redis = redis(&server.url());
    insert(&redis, "value", b"bar").await.unwrap();
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    redis.shorten(&["value".into()], Duration::from_secs(5)).await.unwrap();
    assert_eq!(left(&redis, "value").await, None);
}

#[tokio::test]
async fn a_server_that_does_not_tell_the_time_is_asked_for_each_life() {
    let server = RedisServer::start();
    let told = redis(&server.url());
    insert(&told, "stamped", b"bar").await.unwrap();
    server.cli(&["ACL", "SETUSER", "app", "on", ">secret", "~*", "&*", "+@all", "-time"]);
    let config = config(&server.url()).username("app").password("secret");
    let untold = std::sync::Arc::new(athena_cache_redis::Redis::new(config).unwrap());
    let monitor = server.monitor();
    insert(&untold, "value", b"bar").await.unwrap();
    assert!(left(&untold, "stamped").await.is_some());
    assert!(left(&untold, "value").await.is_some() && left(&told, "value").await.is_some());
    let asked = monitor.lines();
    let times = |line: &&String| line.contains(r#""TIME""#);
    assert_eq!(asked.iter().filter(times).count(), 1, "by the other one: {asked:#?}");
    assert_eq!(server.cli(&["GET", "value"]).text(), "bar", "nothing stands behind it");
    untold.shorten(&["stamped".into()], Duration::from_secs(5)).await.unwrap();
    assert!(left(&told, "stamped").await <= Some(Duration::from_secs(5)));
}

#[tokio::test]
async fn a_value_without_an_end_or_of_a_foreign_type_reads_as_absent() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    server.cli(&["SET", "endless", "bytes"]);
    server.cli(&["RPUSH", "list", "item"]);
    server.cli(&["PEXPIRE", "list", "100000"]);
    server.cli(&["HSET", "hash", "field", "item"]);
    for name in ["endless", "list", "hash"] {
        assert_eq!(read(&redis, name).await.unwrap(), None, "{name}");
    }
}

#[tokio::test]
async fn a_value_of_a_foreign_type_is_overwritten() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    server.cli(&["RPUSH", "list", "item"]);
    insert(&redis, "list", b"bar").await.unwrap();
    assert_eq!(read(&redis, "list").await.unwrap().as_deref(), Some(&b"bar"[..]));

    server.cli(&["DEL", "list"]);
    server.cli(&["RPUSH", "list", "item"]);
    let token = Token::new(7);
    server.cli(&["SET", "lease", &token.to_string()]);
    let item = Item { value: "list", bytes: b"baz", life: Duration::from_secs(60) };
    let filled = redis
        .fill(Fill { item, lease: "lease", token, epoch: redis.epoch(Node::ONLY) })
        .await
        .unwrap();
    assert_eq!(filled, Filled::Stored);
    assert_eq!(read(&redis, "list").await.unwrap().as_deref(), Some(&b"baz"[..]));
}

#[tokio::test]
async fn a_generation_of_a_foreign_type_is_missing_and_then_overwritten() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    server.cli(&["RPUSH", "ns:#list", "item"]);
    server.cli(&["SET", "ns:#garbage", "garbage", "PX", "100000"]);
    let names = ["ns:#list".to_owned(), "ns:#garbage".to_owned()];
    let asked = [names[0].as_str(), names[1].as_str()];
    assert_eq!(redis.read(&[], &asked).await.unwrap().generations, [None, None]);

    let generations = asked.map(proposal);
    let request = LeaseRequest {
        lease: "lease",
        token: Token::new(1),
        life: Duration::from_secs(10),
        generations: &generations,
    };
    let leased = redis.lease(request).await.unwrap();
    assert!(leased.granted);
    for (name, now) in asked.iter().zip(&leased.generations) {
        assert_eq!(server.cli(&["GET", name]).text(), now.generation.to_string());
        let left = Duration::from_millis(server.cli(&["PTTL", name]).number().unsigned_abs());
        assert!(left > GENERATION_LIFE && left <= 2 * GENERATION_LIFE, "{name} has {left:?}");
    }
}

#[tokio::test]
async fn a_lease_that_nobody_can_hold_is_ousted_and_one_that_was_granted_is_not() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let server = RedisServer::start();
    let redis = redis(&server.url());
    let token = Token::new(7).to_string();
    let poisons: [&[&str]; 6] = [
        &["RPUSH", "lease", "item"],
        &["SET", "lease", "x", "PX", "10000"],
        &["SET", "lease", "", "PX", "10000"],
        &["SET", "lease", "000000000000000g", "PX", "10000"],
        &["SET", "lease", &token],
        &["SET", "lease", &token, "PX", "3600100"],
    ];
    let request = |token, life| LeaseRequest { lease: "lease", token, life, generations: &[] };
    for poison in poisons {
        server.cli(poison);
        assert!(redis.oust("lease", HOUR).await.unwrap(), "{poison:?}");
        assert_eq!(server.cli(&["EXISTS", "lease"]).number(), 0, "{poison:?}");
    }
    assert!(!redis.oust("lease", HOUR).await.unwrap(), "there is none");
    for life in [Duration::from_secs(5), HOUR] {
        let (first, second) = (Token::new(7), Token::new(8));
        assert!(redis.lease(request(first, life)).await.unwrap().granted);
        assert!(!redis.oust("lease", HOUR).await.unwrap(), "{life:?}");
        let leased = redis.lease(request(second, life)).await.unwrap();
        assert_eq!((leased.granted, leased.holder), (false, Some(first)));
        redis.release("lease", first).await.unwrap();
    }
}

#[tokio::test]
async fn a_lease_of_a_foreign_type_is_never_granted_until_it_is_removed() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    server.cli(&["RPUSH", "lease", "item"]);
    let request = LeaseRequest {
        lease: "lease",
        token: Token::new(1),
        life: Duration::from_secs(10),
        generations: &[],
    };
    assert!(!redis.lease(request).await.unwrap().granted);
    let item = Item { value: "value", bytes: b"bar", life: Duration::from_secs(60) };
    let fill = Fill { item, lease: "lease", token: Token::new(1), epoch: redis.epoch(Node::ONLY) };
    assert_eq!(redis.fill(fill).await.unwrap(), Filled::Refused);
    insert(&redis, "value", b"bar").await.unwrap();
    assert!(redis.lease(request).await.unwrap().granted);
}

#[tokio::test]
async fn lives_are_kept_in_milliseconds() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    for (life, at_most) in [
        (Duration::from_nanos(1), 1),
        (Duration::from_micros(1_234_567), 1_234),
        (Duration::from_secs(3600), 3_600_000),
        (Duration::MAX, 1_u64 << 42),
    ] {
        let item = Item { value: "value", bytes: b"bar", life };
        let monitor = server.monitor();
        put(&redis, item, "lease").await.unwrap();
        let is_set = |line: &String| line.contains(r#""SET" "value""#);
        let set = words(&monitor.lines().into_iter().find(is_set).unwrap());
        assert!(set.starts_with(r#""SET" "value" "bar"#), "{set}");
        assert!(set.ends_with(&format!(r#"AtE" "PX" "{at_most}""#)), "{set}");
    }
}

#[tokio::test]
async fn scripts_survive_a_server_that_forgets_them() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    for _ in 0..2 {
        insert(&redis, "value", b"bar").await.unwrap();
        let names: Vec<_> = (0..10).map(|number| format!("name{number}")).collect();
        redis.shorten(&names, Duration::from_secs(1)).await.unwrap();
        server.cli(&["SCRIPT", "FLUSH"]);
    }
    insert(&redis, "value", b"bar").await.unwrap();
    let monitor = server.monitor();
    insert(&redis, "value", b"bar").await.unwrap();
    let sent = monitor.lines().iter().filter(|line| line.contains(r#""EVAL""#)).count();
    assert_eq!(sent, 0, "the source is sent only to servers that do not know it");
}

#[tokio::test]
async fn a_full_server_refuses_writes_and_still_reads() {
    let server = RedisServer::start_with(&["--maxmemory-policy", "noeviction"]);
    let redis = redis(&server.url());
    insert(&redis, "value", b"bar").await.unwrap();
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    let token = Token::new(1);
    let life = Duration::from_secs(10);
    let request = LeaseRequest { lease: "lease", token, life, generations: &[] };
    let refused = redis.lease(request).await.unwrap_err();
    assert_eq!(refused.class(), Class::WriteRefused, "{refused}");
    assert_eq!(read(&redis, "value").await.unwrap().as_deref(), Some(&b"bar"[..]));
    redis.remove(&["value".into()]).await.unwrap();
}

#[tokio::test]
async fn b17_more_than_the_allowed_number_in_flight_is_refused_before_its_time_is_up() {
    let server = RedisServer::start();
    let config = config(&server.url()).max_in_flight(4);
    let redis = athena_cache_redis::Redis::new(config).unwrap();
    redis.connect().await.unwrap();
    server.freeze();
    let attempts = (0..10).map(|_| Box::pin(redis.prove(Node::ONLY))).collect::<Vec<_>>();
    let most = async {
        eventually("four are on the wire", async || redis.in_flight(Node::ONLY) == 4).await;
    };
    let attempts = futures_util::future::join_all(attempts);
    let (outcomes, ()) = futures_util::future::join(attempts, most).await;
    assert_eq!(redis.in_flight(Node::ONLY), 0);
    server.thaw();
    let count = |class| {
        outcomes.iter().filter(|it| it.as_ref().is_err_and(|it| it.class() == class)).count()
    };
    assert_eq!((count(Class::Timeout), count(Class::Overloaded)), (4, 6), "{outcomes:?}");
}

/// The command of a line of `MONITOR`, without time and client.
fn words(line: &str) -> String {
    line.split_once("] ").map_or(line, |(_, words)| words).to_owned()
}
