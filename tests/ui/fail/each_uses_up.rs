#![deny(warnings)]

use std::collections::HashMap;

use athena_cache::athena_cache;

struct Permit;

#[athena_cache(each = ids, skip(permit))]
async fn products(permit: Permit, ids: &[u64]) -> HashMap<u64, u64> {
    drop(permit);
    ids.iter().map(|id| (*id, *id)).collect()
}

struct Shop;

impl Shop {
    #[athena_cache(each = ids, skip(self))]
    async fn products(self, ids: &[u64]) -> HashMap<u64, u64> {
        ids.iter().map(|id| (*id, *id)).collect()
    }
}

fn main() {
    let _ = (products(Permit, &[1]), Shop.products(&[1]));
}
