#![deny(warnings)]

use athena_cache::athena_cache;

#[athena_cache(ttl = "5m")]
async fn product(id: u64, load: impl Fn(u64) -> u64) -> u64 {
    load(id)
}

#[athena_cache(ttl = "5m")]
async fn pointer(id: u64, load: fn(u64) -> u64) -> u64 {
    load(id)
}

fn main() {
    let _ = (product(1, |id| id), pointer(1, |id| id));
}
