//! Logging in.

use std::time::{Duration, Instant};

use athena_cache_core::backend::{Backend, Class, Node};

use crate::support::server::RedisServer;
use crate::{config, failure, redis};
use athena_cache_redis::Redis;

#[tokio::test]
async fn a_password_from_the_url_or_the_configuration_logs_in() {
    let server = RedisServer::start_with_password("s3cr@t/1");
    let url = server.url();
    redis(&url.replace("://", "://:s3cr%40t%2F1@")).prove(Node::ONLY).await.unwrap();
    Redis::new(config(&url).password("s3cr@t/1")).unwrap().prove(Node::ONLY).await.unwrap();
}

#[tokio::test]
async fn a_user_with_few_permissions_is_denied_what_it_may_not() {
    let server = RedisServer::start();
    server.cli(&["ACL", "SETUSER", "app", "on", ">pw", "~ns:*", "+@all", "-client"]);
    let redis = Redis::new(config(&server.url()).username("app").password("pw")).unwrap();
    redis.prove(Node::ONLY).await.unwrap();
    redis.remove(&["ns:value".into()]).await.unwrap();
    let (class, _) = failure(redis.remove(&["other".into()])).await;
    assert_eq!(class, Class::Denied);
}

#[tokio::test]
async fn wrong_credentials_are_denied_at_once_and_tried_again_rarely() {
    let server = RedisServer::start_with_password("right");
    let cases = [
        (config(&server.url()).password("s3cret"), "WRONGPASS"),
        (config(&server.url()), "NOAUTH"),
    ];
    for (config, code) in cases {
        let before = server.calls("hello");
        let redis = Redis::new(config).unwrap();
        let start = Instant::now();
        let mut failures = 0;
        while start.elapsed() < Duration::from_secs(2) {
            let failure = redis.prove(Node::ONLY).await.unwrap_err();
            assert_eq!(failure.class(), Class::Denied);
            let shown = format!("{failure} {failure:?} {redis:?}");
            assert!(shown.contains(code) && !shown.contains("s3cret"), "{shown}");
            failures += 1;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(failures > 100, "every one of {failures} was refused at once");
        let attempts = server.calls("hello") - before;
        assert!((1..=4).contains(&attempts), "{attempts} logins in two seconds");
    }
}
