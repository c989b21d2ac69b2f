//! What a user may not do, as the backend sees it.

use std::sync::Arc;
use std::time::Duration;

use athena_cache_core::backend::{Ability, Backend, Class, LeaseRequest, Node, Token};
use athena_cache_redis::Redis;

use crate::support::server::RedisServer;
use crate::{config, eventually, failure, insert, read};

/// A backend of a user with these rights, which uses the names of a namespace.
fn redis(server: &RedisServer, rules: &[&str]) -> Arc<Redis> {
    server.cli(&[&["ACL", "SETUSER", "app", "on", ">pw"], rules].concat());
    let redis = Redis::new(config(&server.url()).username("app").password("pw"));
    Arc::new(redis.expect("the settings are good"))
}

fn request() -> LeaseRequest<'static> {
    let (token, life) = (Token::new(7), Duration::from_secs(60));
    LeaseRequest { lease: "ns:{k:a}:l", token, life, generations: &[] }
}

#[tokio::test]
async fn a_lease_that_could_not_be_given_back_is_not_asked_for() {
    for denied in ["-eval", "-evalsha", "-del", "-get", "-exists", "-pexpire"] {
        let server = RedisServer::start();
        let redis = redis(&server, &["~*", "&*", "+@all", denied]);
        redis.expect_names("ns:");
        // The very first operation, before anything is known.
        let (class, _) = failure(redis.lease(request())).await;
        assert_eq!(class, Class::Denied, "{denied}");
        assert_eq!(server.cli(&["EXISTS", "ns:{k:a}:l"]).number(), 0, "{denied}");
        assert!(redis.lacks(Node::ONLY, Ability::Lease), "{denied}");
        assert!(!redis.lacks(Node::ONLY, Ability::Read), "{denied}");
    }
}

#[tokio::test]
async fn names_that_are_known_only_after_the_login_are_asked_about_before_a_lease_is_taken() {
    let server = RedisServer::start();
    let redis = redis(&server, &["~*", "&*", "+@all", "-evalsha"]);
    redis.connect().await.unwrap();
    redis.expect_names("ns:");
    let (class, _) = failure(redis.lease(request())).await;
    assert_eq!(class, Class::Denied);
    assert_eq!(server.cli(&["EXISTS", "ns:{k:a}:l"]).number(), 0);
}

#[tokio::test]
async fn finding_out_changes_nothing_and_takes_no_round_trip_of_its_own() {
    let server = RedisServer::start();
    server.cli(&["SET", "ns:?", "foreign"]);
    server.cli(&["CONFIG", "RESETSTAT"]);
    let redis = redis(&server, &["~ns:*", "&*", "+@all"]);
    redis.expect_names("ns:");
    let monitor = server.monitor();
    redis.connect().await.unwrap();
    let lines = monitor.lines();
    let login = lines.iter().filter(|line| line.contains("\"ns:?\"")).count();
    assert!(login >= 9, "{lines:#?}");
    for ability in Ability::ALL {
        assert!(!redis.lacks(Node::ONLY, ability), "{ability}");
    }
}

#[tokio::test]
async fn each_right_that_is_lacking_costs_what_belongs_to_it() {
    for (denied, lacks) in [
        ("-mget", &[Ability::Read, Ability::Lease][..]),
        ("-pttl", &[Ability::Read]),
        ("-set", &[Ability::Lease, Ability::Invalidate]),
        ("-del", &[Ability::Lease, Ability::Invalidate]),
        ("-info", &[Ability::Announce, Ability::Confirm]),
        ("-client", &[Ability::Announce]),
        ("-ping", &[]),
        ("-time", &[]),
    ] {
        let server = RedisServer::start();
        let redis = redis(&server, &["~*", "&*", "+@all", denied]);
        redis.expect_names("ns:");
        redis.connect().await.unwrap();
        redis.prove(Node::ONLY).await.unwrap();
        let found: Vec<_> =
            Ability::ALL.into_iter().filter(|it| redis.lacks(Node::ONLY, *it)).collect();
        assert_eq!(found, lacks, "{denied}");
    }
}

#[tokio::test]
async fn a_command_that_was_renamed_is_lacking_as_well() {
    let server = RedisServer::start_with(&["--rename-command", "EVALSHA", ""]);
    let redis = redis(&server, &["~*", "&*", "+@all"]);
    redis.expect_names("ns:");
    let (class, _) = failure(redis.lease(request())).await;
    assert_eq!(class, Class::Denied);
    assert_eq!(server.cli(&["EXISTS", "ns:{k:a}:l"]).number(), 0);
}

#[tokio::test]
async fn rights_that_are_given_later_are_found_by_a_sign_of_life() {
    let server = RedisServer::start();
    let redis = redis(&server, &["~*", "&*", "+@all", "-eval", "-client|tracking"]);
    redis.expect_names("ns:");
    redis.connect().await.unwrap();
    assert!(redis.lacks(Node::ONLY, Ability::Lease) && redis.lacks(Node::ONLY, Ability::Announce));
    server.cli(&["ACL", "SETUSER", "app", "+@all"]);
    eventually("they are found, and changes are announced", async || {
        redis.prove(Node::ONLY).await.is_ok_and(|proof| proof.tracks)
            && !Ability::ALL.into_iter().any(|it| redis.lacks(Node::ONLY, it))
    })
    .await;
    assert!(redis.lease(request()).await.unwrap().granted);
    insert(&redis, "ns:value", b"bar").await.unwrap();
    assert_eq!(read(&redis, "ns:value").await.unwrap().as_deref(), Some(&b"bar"[..]));
}
