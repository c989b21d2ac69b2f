//! What others put under our names.

use athena_cache::Source;

use crate::support::server::RedisServer;
use crate::world::{Origin, cache, hear, names, observe, values, warm};

/// Puts something else under a name.
type Damage = fn(&RedisServer, &str);

#[tokio::test]
async fn t4_whatever_stands_under_the_name_of_a_value_is_a_miss_and_overwritten() {
    let damages: [(&str, Damage); 5] = [
        ("foreign", |server, name| set(server, name, b"hello")),
        ("empty", |server, name| set(server, name, b"")),
        ("truncated", |server, name| {
            let bytes = server.cli(&["GET", name]).bytes();
            set(server, name, &bytes[..bytes.len() / 2]);
        }),
        ("flipped", |server, name| {
            let mut bytes = server.cli(&["GET", name]).bytes();
            *bytes.last_mut().expect("it is not empty") ^= 1;
            set(server, name, &bytes);
        }),
        ("of another type", |server, name| {
            server.cli(&["DEL", name]);
            server.cli(&["LPUSH", name, "hello"]);
        }),
    ];
    let server = RedisServer::start();
    let (cache, origin) = (cache(&server), Origin::default());
    warm(&cache, &origin, [1]).await;
    let [name] = values(&server, "product:1").try_into().expect("one value");
    for (what, damage) in damages {
        damage(&server, &name);
        hear(&cache).await;
        let version = origin.change();
        let (value, outcome) = observe(&cache, &origin, 1).await;
        assert_eq!((value.version, outcome.source), (version, Source::Load), "{what}");
        assert!(!outcome.degraded, "{what}");
        cache.settle().await;
        origin.change();
        let (value, outcome) = observe(&cache, &origin, 1).await;
        assert_eq!((value.version, outcome.source), (version, Source::Backend), "{what}");
    }
    assert_eq!(cache.stats().unreadable, 4, "a list reads as nothing");
    assert!(cache.stats().backend_failures.is_empty());
}

#[tokio::test]
async fn t4_whatever_stands_under_the_names_around_a_value_is_a_miss_and_mended() {
    let server = RedisServer::start();
    let (cache, origin) = (cache(&server), Origin::default());
    warm(&cache, &origin, [1]).await;
    let around: Vec<_> = names(&server).into_iter().filter(|name| !name.contains('{')).collect();
    assert_eq!(around.len(), 2, "the generations of namespace and tag: {around:?}");
    for name in around {
        for foreign in [["SET", &name, "hello"], ["LPUSH", &name, "hello"]] {
            server.cli(&["DEL", &name]);
            server.cli(&foreign);
            hear(&cache).await;
            let version = origin.change();
            observe(&cache, &origin, 1).await;
            cache.settle().await;
            // The generation of all tags together is looked at only where a tag came late.
            let (value, outcome) = observe(&cache, &origin, 1).await;
            assert!(value.version == version || name.ends_with(":#"), "{name}");
            assert_eq!(outcome.source, Source::Backend, "{name}");
        }
    }
}

#[tokio::test]
async fn a_lease_of_another_type_keeps_nothing_and_fails_nobody() {
    let server = RedisServer::start();
    let (cache, origin) = (cache(&server), Origin::default());
    warm(&cache, &origin, [1]).await;
    let [name] = values(&server, "product:1").try_into().expect("one value");
    let lease = format!("{}:l", &name[..name.rfind(':').expect("it has a lane")]);
    server.cli(&["DEL", &name]);
    server.cli(&["LPUSH", &lease, "hello"]);
    hear(&cache).await;
    assert_eq!(observe(&cache, &origin, 1).await.1.source, Source::Load);
    cache.settle().await;
    let _ = cache.invalidate("product:1").await;
    assert_eq!(observe(&cache, &origin, 1).await.1.source, Source::Load);
    cache.settle().await;
    assert_eq!(observe(&cache, &origin, 1).await.1.source, Source::Backend);
}

fn set(server: &RedisServer, name: &str, bytes: &[u8]) {
    server.cli(&[b"SET", name.as_bytes(), bytes, b"PX", b"60000"]);
}
