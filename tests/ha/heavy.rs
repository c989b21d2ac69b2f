//! Values of megabytes over ways that are too slow for them, and on servers that do not take them.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use athena_cache::{Cache, Health, Redis, RedisConfig, Source, athena_cache, of};
use tokio::task::JoinSet;

use crate::log;
use crate::support::proxy::{Direction, Mode, Proxy};
use crate::support::server::RedisServer;
use crate::world::{Broken, Origin, Setup, eventually, names, observe, values, warm};

/// Twice what gets through while an operation may last, and four times as much again.
const BYTES: usize = 4_000_000;
/// Bytes in a second.
const RATE: u32 = 2_000_000;
/// Small ones that are read meanwhile.
const SMALL: u32 = 20;
/// More than a way opens and closes in by chance.
const MEANWHILE: Duration = Duration::from_secs(6);

/// A page that is as large as it is told to be.
#[athena_cache(key = "page:{id}", skip(origin, bytes), cache = cache)]
async fn page(cache: &Cache, origin: &Origin, id: u32, bytes: usize) -> Result<String, Broken> {
    origin.make(id);
    Ok("x".repeat(bytes))
}

/// Another one, with a warning of its own.
#[athena_cache(key = "album:{id}", skip(origin, bytes), cache = cache)]
async fn album(cache: &Cache, origin: &Origin, id: u32, bytes: usize) -> Result<String, Broken> {
    origin.make(id);
    Ok("x".repeat(bytes))
}

/// Reads small values until it is told to stop; answers how many calls there were.
async fn read_small(cache: Cache, origin: Origin, stop: Arc<AtomicBool>) -> u32 {
    let mut calls = 0;
    while !stop.load(Ordering::SeqCst) {
        observe(&cache, &origin, calls % SMALL).await;
        calls += 1;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    calls
}

/// Asks for one page all the time while others read small values; answers how many calls for small ones there
/// were, and how many of them redis has answered.
async fn play(cache: &Cache, origin: &Origin, pages: &Origin) -> (u32, u64) {
    let before = cache.stats();
    let (mut callers, stop) = (JoinSet::new(), Arc::<AtomicBool>::default());
    for _ in 0..4 {
        callers.spawn(read_small(cache.clone(), origin.clone(), Arc::clone(&stop)));
    }
    let begun = Instant::now();
    while begun.elapsed() < MEANWHILE {
        let page =
            page(cache, pages, 1, BYTES).await.expect("no error of the cache reaches a caller");
        assert_eq!(page.len(), BYTES);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.store(true, Ordering::SeqCst);
    let calls = callers.join_all().await.into_iter().sum();
    (calls, cache.stats().backend_hits - before.backend_hits)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_takes_too_long_to_arrive_costs_the_first_stalls_and_no_connection() {
    log::listen();
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let cache = Setup::brisk().cache("slow-down", &proxy.url());
    let [origin, pages] = [Origin::default(), Origin::default()];
    warm(&cache, &origin, 0..SMALL).await;
    page(&cache, &pages, 1, BYTES).await.expect("it is loaded");
    cache.settle().await;
    assert_eq!(cache.stats().fills, u64::from(SMALL) + 1);
    let connections = proxy.accepted();

    proxy.set(Direction::ToClient, Mode::Rate(RATE));
    let (calls, hits) = play(&cache, &origin, &pages).await;
    let stats = cache.stats();
    assert_eq!((proxy.accepted(), stats.reconnects), (connections, 0), "it is the same one");
    assert_eq!((stats.breaker_openings, cache.health()), (0, Health::Healthy), "{stats:?}");
    // Every stall costs each of the four callers four times an attempt.
    assert!(hits >= u64::from(calls) * 9 / 10, "{hits} of {calls}: {stats:?}");
    assert!(stats.held_off > 10, "{stats:?}");
    let told = log::about("cache=\"slow-down\" function");
    assert!(told.len() == 1 && told[0].contains("`tier = memory`"), "{told:?}");

    // With a wider way it is found again.
    proxy.set(Direction::ToClient, Mode::Pass);
    let source = async || {
        let seen = of(page(&cache, &pages, 1, BYTES)).observe().await.expect("it is annotated");
        seen.outcome.source
    };
    let is_back = async || {
        tokio::time::sleep(Duration::from_millis(200)).await;
        source().await == Source::Backend
    };
    eventually("it is read from redis again", is_back).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_takes_too_long_to_be_written_costs_the_first_stalls_and_no_connection() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let cache = Setup::brisk().cache("slow-up", &proxy.url());
    let [origin, pages] = [Origin::default(), Origin::default()];
    warm(&cache, &origin, 0..SMALL).await;
    let connections = proxy.accepted();

    proxy.set(Direction::ToServer, Mode::Rate(RATE));
    let (calls, hits) = play(&cache, &origin, &pages).await;
    let stats = cache.stats();
    assert!(proxy.accepted() <= connections + 2, "{} connections", proxy.accepted());
    assert_eq!((stats.breaker_openings, cache.health()), (0, Health::Healthy), "{stats:?}");
    assert!(hits >= u64::from(calls) * 9 / 10, "{hits} of {calls}: {stats:?}");
    assert!(stats.held_off > 10, "{stats:?}");
}

#[tokio::test]
async fn what_is_more_than_a_reply_may_be_is_overwritten_and_costs_one_connection() {
    log::listen();
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let mut setup = Setup::patient();
    // Whatever the fill of the first load came to while the connection was made anew.
    setup.settings.resilience.retry.enabled = true;
    let config = RedisConfig::new(proxy.url()).max_reply(1 << 20);
    let builder = Cache::builder("poisoned").settings(setup.settings);
    let cache = builder.backend(Redis::new(config).unwrap()).build().unwrap();
    let origin = Origin::default();
    warm(&cache, &origin, 0..SMALL).await;
    let [name] = values(&server, "product:0").try_into().expect("one value");
    server.cli(&["SETRANGE", &name, "40000000", "x"]);
    server.cli(&["PEXPIRE", &name, "3600000"]);

    let is_back = async || {
        let (value, outcome) = observe(&cache, &origin, 0).await;
        assert_eq!(value.id, 0);
        cache.settle().await;
        outcome.source == Source::Backend
    };
    eventually("it is a value again", is_back).await;
    assert!(server.cli(&["STRLEN", &name]).number() < 1_000);
    assert_eq!(proxy.accepted(), 2);
    assert!(cache.stats().unreadable > 0);
    for id in 1..SMALL {
        assert_eq!(observe(&cache, &origin, id).await.1.source, Source::Backend);
    }
    assert_eq!(cache.health(), Health::Healthy);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_many_thousand_names_is_stored_as_a_whole() {
    const NAMES: usize = 10_000;
    let server = RedisServer::start();
    let names: Vec<_> = (0..NAMES).map(|number| format!("name:{number}")).collect();
    let batch = async |cache: &Cache| {
        let load = async |names: Vec<String>| {
            Ok::<_, Infallible>(names.into_iter().map(|name| (name, 1_u8)).collect())
        };
        let found: HashMap<_, u8> =
            cache.batch(names.clone()).get_or_load_many(load).await.unwrap();
        assert_eq!(found.len(), NAMES);
        cache.settle().await;
    };
    let [first, second] = [(); 2].map(|()| Setup::brisk().cache("many", &server.url()));
    batch(&first).await;
    let stats = first.stats();
    assert_eq!((stats.fills, stats.breaker_openings), (NAMES as u64, 0), "{stats:?}");
    assert!(stats.backend_failures.is_empty(), "{stats:?}");
    batch(&second).await;
    assert_eq!((second.stats().backend_hits, second.stats().loads), (NAMES as u64, 0));
}

#[tokio::test]
async fn a_value_that_the_server_does_not_take_costs_no_connection() {
    const MOST: usize = 1 << 20;
    log::listen();
    let server = RedisServer::start();
    server.cli(&["CONFIG", "SET", "proto-max-bulk-len", &MOST.to_string()]);
    let proxy = Proxy::start(server.port());
    let cache = Setup::patient().cache("too-large", &proxy.url());
    let (origin, albums) = (Origin::default(), Origin::default());
    warm(&cache, &origin, 0..SMALL).await;
    for loads in 1..4 {
        let album = album(&cache, &albums, 1, 2 * MOST).await.expect("no error reaches a caller");
        assert_eq!((album.len(), albums.loads()), (2 * MOST, loads));
        cache.settle().await;
    }
    let stats = cache.stats();
    assert_eq!((stats.too_large, stats.fills), (1, u64::from(SMALL)), "{stats:?}");
    assert_eq!((proxy.accepted(), cache.health()), (1, Health::Healthy));
    assert!(!names(&server).iter().any(|name| name.ends_with(":l")), "the lease is given back");
    let told = log::about("cache=\"too-large\"");
    assert!(told.len() == 1 && told[0].contains("1048576 bytes"), "{told:?}");
    assert_eq!(observe(&cache, &origin, 1).await.1.source, Source::Backend);

    // Signs of life tell of a higher limit.
    server.cli(&["CONFIG", "SET", "proto-max-bulk-len", &(4 * MOST).to_string()]);
    let is_stored = async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        album(&cache, &albums, 1, 2 * MOST).await.expect("no error reaches a caller");
        cache.settle().await;
        cache.stats().fills > u64::from(SMALL)
    };
    eventually("it is stored", is_stored).await;
    assert_eq!(proxy.accepted(), 1);
}
