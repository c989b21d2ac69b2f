#![deny(warnings)]

use std::sync::Arc;

use athena_cache::athena_cache;

#[derive(serde::Serialize, serde::Deserialize)]
struct Product(u64);

type Shared = Option<Arc<Product>>;

#[athena_cache(ttl = "5m")]
async fn product(id: u64) -> Arc<Product> {
    Arc::new(Product(id))
}

#[athena_cache(ttl = "5m")]
async fn found(id: u64) -> Shared {
    Some(Arc::new(Product(id)))
}

#[athena_cache(ttl = "5m", tier = memory)]
async fn here(id: u64) -> Shared {
    Some(Arc::new(Product(id)))
}

fn main() {
    let _ = (product(1), found(1), here(1));
}
