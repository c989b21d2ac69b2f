//! What is counted for each function.

use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{Cache, SiteReport, athena_cache};

use crate::world::{Fault, Remote, World};

#[athena_cache(ttl = "10s", grace = "1h", name = "report::price", skip(result), cache = cache)]
async fn price(cache: &Cache, id: u8, result: Result<u8, Fault>) -> Result<u8, Fault> {
    let _ = id;
    result
}

#[athena_cache(ttl = "10s", name = "report::rate", when = !name.is_empty(), cache = cache)]
fn rate(cache: &Cache, name: &str) -> usize {
    name.len()
}

fn of(cache: &Cache, site: &str) -> SiteReport {
    let sites = cache.report().sites;
    sites.into_iter().find(|report| report.site == site).expect("it was called")
}

#[tokio::test]
async fn each_call_is_counted_once_and_for_its_function() {
    let world = World::in_memory();
    let cache = &world.cache;
    assert_eq!(cache.report().sites, [], "nothing was called");
    for _ in 0..3 {
        price(cache, 1, Ok(1)).await.unwrap();
    }
    let _ = price(cache, 2, Err(Fault::Down)).await;
    for name in ["a", "a", ""] {
        rate(cache, name);
    }
    cache.entry("by:hand").get_or_load(async || Ok::<_, Fault>(1)).await.unwrap();
    let price = of(cache, "report::price");
    assert_eq!((price.memory_hits, price.misses, price.load_failures), (2, 2, 1));
    assert_eq!((price.calls(), price.load_time.count), (4, 1));
    let rate = of(cache, "report::rate");
    assert_eq!((rate.memory_hits, rate.misses, rate.bypassed), (1, 1, 1));
    assert_eq!(of(cache, "by hand").misses, 1);
    let stats = cache.stats();
    assert_eq!((stats.memory_hits, stats.misses, stats.bypassed), (3, 4, 1), "in all");
    assert_eq!(cache.report().sites.last().map(|last| last.site), Some("by hand"));
}

#[athena_cache(ttl = "10s", name = "report::strict", fallback = FailFast, cache = cache)]
async fn strict(cache: &Cache, id: u8) -> Result<u8, Fault> {
    Ok(id)
}

#[tokio::test]
async fn calls_that_fail_because_of_the_cache_are_counted_by_themselves() {
    let remote = Remote::tiered();
    let cache = &remote.world.cache;
    remote.chaos.always(Chaotic::Error(Class::Unreachable));
    // One leads, and the others get what it got.
    let strict_calls = futures_util::future::join_all((0..3).map(|_| strict(cache, 1))).await;
    assert!(strict_calls.iter().all(Result::is_err));
    let failed = of(cache, "report::strict");
    assert_eq!((failed.failed, failed.bypassed, failed.joined, failed.misses), (3, 0, 0, 0));
    assert_eq!(failed.calls(), 3);
    // Who only looks gets an error as well, and who asks for many gets one.
    assert!(cache.entry("a").get::<u8>().await.is_err());
    let many = cache.batch(["a", "b"]).get_many::<u8>().await;
    assert!(many.is_err());
    assert_eq!(of(cache, "by hand").failed, 2);
    // The function answers: nobody is failed by the cache.
    price(cache, 1, Ok(1)).await.unwrap();
    let (price, stats) = (of(cache, "report::price"), cache.stats());
    assert_eq!((price.failed, price.misses), (0, 1));
    assert_eq!((stats.failed, stats.misses, stats.bypassed), (5, 1, 0));
    remote.world.advance(Duration::from_secs(1));
    let performance = cache.status().await.performance;
    assert_eq!(performance.requests, 6);
    assert!((performance.failed_rate - 5.0 / 6.0).abs() < 1e-9, "{performance:?}");
}

#[tokio::test]
async fn the_age_of_stale_answers_is_counted() {
    let world = World::in_memory();
    price(&world.cache, 1, Ok(1)).await.unwrap();
    world.advance(Duration::from_secs(40));
    assert_eq!(price(&world.cache, 1, Err(Fault::Down)).await, Ok(1));
    let price = of(&world.cache, "report::price");
    assert_eq!((price.stale_hits, price.stale_age.count), (1, 1));
    assert_eq!((price.stale_age.at_most(15.0), price.stale_age.at_most(60.0)), (0, 1));
    assert!((price.stale_age.sum - 40.0).abs() < 0.1, "{}", price.stale_age.sum);
}

#[test]
fn a_report_is_plain_data() {
    let cache = Cache::in_memory("plain");
    rate(&cache, "secret");
    let json = serde_json::to_value(cache.report()).unwrap();
    assert_eq!((&json["cache"], &json["health"]), (&"plain".into(), &"healthy".into()));
    assert_eq!(json["sites"][0]["site"], "report::rate");
    assert!(!json.to_string().contains("secret"));
}
