use athena_cache::athena_cache;

#[derive(Debug)]
struct Failure;

#[athena_cache(fallback = FailFast)]
async fn product(id: u64) -> Result<u64, Failure> {
    if id == 0 { Err(Failure) } else { Ok(id) }
}

fn main() {}
