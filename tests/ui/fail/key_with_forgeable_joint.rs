use athena_cache::athena_cache;

#[athena_cache(key = "product:{id}x{page}")]
async fn product(id: u64, page: u64) -> u64 {
    id + page
}

fn main() {}
