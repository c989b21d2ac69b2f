#![deny(warnings)]

use athena_cache::{athena_cache, athena_invalidate};

#[athena_cache(tags = [format!("user:{}", tenant), "users"])]
async fn user(id: u64, tenant: &str) -> u64 {
    id
}

#[athena_cache(key = format!("user:{}", tenant.len()))]
async fn by_length(id: u64, tenant: &str) -> u64 {
    id
}

#[athena_invalidate(keys = [format!("user:{tenant}")])]
async fn rename(id: u64, tenant: &str) -> u64 {
    id
}

fn main() {
    let _ = (user(1, "a"), by_length(1, "a"), rename(1, "a"));
}
