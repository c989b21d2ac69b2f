//! The names of the prelude may mean something else where the function stands.
#![deny(warnings)]
#![allow(dead_code, non_camel_case_types)]

use athena_cache::{athena_cache, athena_invalidate};

struct String;
struct Option;
struct Vec;
struct Box;
struct Result;
struct Some;
struct Ok;
struct None;
struct Duration;
struct Cache;
struct Probe;
trait Future {}
trait ToOwned {}
trait Borrow {}
trait Clone {}
trait OfValue {}
mod core {}
mod std {}

#[athena_cache(ttl = "5m", jitter = "10%", fallback = ServeStale, tags = ["a:{id}"])]
async fn cached(id: u8) -> u8 {
    id
}

#[athena_cache(ttl = "5m", refresh = "80%", grace = "1h")]
async fn refreshed(id: u8, name: &str) -> u8 {
    let _ = name;
    id
}

#[athena_invalidate(tags = ["a:{id}"], on = always)]
async fn changed(id: u8) -> u8 {
    id
}

fn main() {
    let runtime = ::tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        assert_eq!(cached(1).await, 1);
        assert_eq!(refreshed(2, "a").await, 2);
        assert_eq!(changed(3).await, 3);
    });
}
