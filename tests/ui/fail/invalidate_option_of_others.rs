#![deny(warnings)]

use athena_cache::athena_invalidate;

#[athena_invalidate(all_entries = true)]
async fn all(id: u64, tenant: &str) -> u64 {
    id
}

#[athena_invalidate(tags = ["user:{tenant}"], condition = id > 0)]
async fn some(id: u64, tenant: &str) -> u64 {
    id
}

fn main() {
    let _ = (all(1, "a"), some(1, "a"));
}
