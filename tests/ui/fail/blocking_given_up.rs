use athena_cache::athena_cache;

#[athena_cache(ttl = "1m", hard_timeout = "1s")]
fn product(id: u64) -> Result<u64, athena_cache::Error> {
    Ok(id)
}

fn main() {}
