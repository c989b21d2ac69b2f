use athena_cache::athena_cache;

#[athena_cache(ttl = "5us")]
async fn product(id: u64) -> u64 {
    id
}

fn main() {}
