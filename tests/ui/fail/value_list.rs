use athena_cache::athena_cache;

#[athena_cache(tags = "products")]
async fn product(id: u64) -> u64 {
    id
}

fn main() {}
