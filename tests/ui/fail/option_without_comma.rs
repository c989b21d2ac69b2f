use athena_cache::athena_cache;

#[athena_cache(ttl = "5m" grace = "1h")]
async fn product(id: u64) -> u64 {
    id
}

fn main() {}
