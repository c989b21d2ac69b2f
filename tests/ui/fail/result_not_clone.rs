#![deny(warnings)]

use athena_cache::athena_cache;

#[derive(serde::Serialize, serde::Deserialize)]
struct Product {
    id: u64,
}

#[athena_cache(
    ttl = "5m",
    grace = "1h",
    tags = ["products"],
    tags_from = |product| [product.id.to_string()],
    unless = |product| product.id == 0
)]
async fn product(id: u64) -> Result<Product, String> {
    Ok(Product { id })
}

fn main() {
    let _ = product(1);
}
