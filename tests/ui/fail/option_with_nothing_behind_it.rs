use athena_cache::athena_cache;

#[athena_cache(ttl = , grace = "1h")]
async fn product(id: u64) -> u64 {
    id
}

fn main() {}
