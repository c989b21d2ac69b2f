#![deny(warnings)]

use athena_cache::athena_cache;

#[athena_cache(ttl = "5M", key = "product:{id}:{tenant}")]
async fn product(id: u64, tenant: &str) -> u64 {
    id
}

fn main() {
    let _ = product(1, "a");
}
