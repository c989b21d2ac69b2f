use athena_cache::athena_cache;

#[athena_cache(key = "{id}")]
async fn product(id: u64) -> u64 {
    id
}

fn main() {}
