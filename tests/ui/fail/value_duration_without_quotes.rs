use athena_cache::athena_cache;

#[athena_cache(ttl = 5)]
async fn product(id: u64) -> u64 {
    id
}

fn main() {}
