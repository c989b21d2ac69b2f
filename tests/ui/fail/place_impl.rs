#![deny(warnings)]

use athena_cache::{athena_cache, athena_invalidate};

struct Shop;

#[athena_cache(ttl = "5m")]
impl Shop {
    async fn product(&self, id: u64) -> u64 {
        id
    }
}

#[athena_invalidate(tags = ["products"])]
impl Shop {
    async fn rename(&self, id: u64) -> u64 {
        id
    }
}

fn main() {
    let _ = (Shop.product(1), Shop.rename(1));
}
