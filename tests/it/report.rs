//! What is counted for each function.

use std::time::Duration;

use athena_cache::{Cache, SiteReport, athena_cache};

use crate::world::{Fault, World};

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
