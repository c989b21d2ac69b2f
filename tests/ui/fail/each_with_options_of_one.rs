#![deny(warnings)]

use std::collections::HashMap;

use athena_cache::athena_cache;

#[athena_cache(
    each = ids, ttl = "5m", refresh = "80%", hard_timeout = "1s", grace_unless = |_| true, fallback = FailFast,
)]
async fn products(ids: &[u64]) -> Result<HashMap<u64, u64>, athena_cache::Error> {
    Ok(ids.iter().map(|id| (*id, *id)).collect())
}

#[athena_cache(each = ids)]
fn waits(ids: &[u64]) -> HashMap<u64, u64> {
    ids.iter().map(|id| (*id, *id)).collect()
}

fn main() {
    let _ = (products(&[1]), waits(&[1]));
}
