#![deny(warnings)]

use athena_cache::{athena_cache, athena_invalidate};

#[athena_cache("users", key = "user:{id}:{tenant}")]
async fn user(id: u64, tenant: &str) -> u64 {
    id
}

#[athena_invalidate("users")]
async fn rename(id: u64, tenant: &str) -> u64 {
    id
}

fn main() {
    let _ = (user(1, "a"), rename(1, "a"));
}
