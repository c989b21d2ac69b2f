use athena_cache::athena_cache;

#[athena_cache(shared)]
async fn product(id: u64) -> u64 {
    id
}

#[athena_cache(key = "product:{id}", shared = true)]
async fn product_again(id: u64) -> u64 {
    id
}

fn main() {}
