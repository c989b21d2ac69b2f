//! What a cache leaves in Redis: names and lives.

use std::time::Duration;

use athena_cache::{Cache, Invalidated, Source};

use crate::support::server::RedisServer;
use crate::world::{Origin, Setup, cache, names, observe, values, warm};

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
