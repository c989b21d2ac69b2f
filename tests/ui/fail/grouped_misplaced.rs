//! An associated function has no room for the type beside it, and keys that are shared are nobody's.

use athena_cache::athena_cache;

struct Catalog;

impl Catalog {
    #[athena_cache(ttl = "5m", grouped)]
    async fn books(id: u64) -> u64 {
        id
    }
}

#[athena_cache(ttl = "5m", key = "order:{id}", shared, grouped)]
async fn order(id: u64) -> u64 {
    id
}

fn main() {}
