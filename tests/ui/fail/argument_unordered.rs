#![deny(warnings)]

use std::collections::HashSet;

use athena_cache::athena_cache;

#[athena_cache(ttl = "5m")]
async fn count(ids: &HashSet<u64>, tenant: &str) -> usize {
    ids.len()
}

fn main() {
    let _ = count(&HashSet::new(), "a");
}
