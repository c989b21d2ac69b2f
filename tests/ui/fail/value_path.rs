#![deny(warnings)]

use athena_cache::athena_cache;

#[athena_cache(crate = "athena_cache", key = "a:{id}:{tenant}")]
async fn root(id: u64, tenant: &str) -> u64 {
    id
}

#[athena_cache(crate = "a b")]
async fn no_path(id: u64) -> u64 {
    id
}

#[athena_cache(fallback = Fallback::ServeStale)]
async fn fallback(id: u64) -> u64 {
    id
}

#[athena_cache(tier = "memory")]
async fn tier(id: u64) -> u64 {
    id
}

fn main() {
    let _ = (root(1, "a"), no_path(1), fallback(1), tier(1));
}
