use athena_cache::athena_cache;

#[athena_cache(ttl = "5m")]
async fn product(id: u64) -> Result<u64, String> {
    id
}

fn main() {}
