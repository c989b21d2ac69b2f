use athena_cache::athena_cache;

#[athena_cache(version = -1)]
async fn product(id: u64) -> u64 {
    id
}

fn main() {}
