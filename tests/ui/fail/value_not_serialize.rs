use athena_cache::athena_cache;

#[derive(Clone)]
struct Product;

#[athena_cache()]
async fn product(id: u64) -> Result<Product, String> {
    let _ = id;
    Ok(Product)
}

fn main() {}
