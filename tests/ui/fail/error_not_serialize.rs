use athena_cache::athena_cache;

#[derive(Clone, Debug)]
struct Failure;

#[athena_cache(negative_ttl = "1s", negative = err)]
async fn product(id: u64) -> Result<u64, Failure> {
    if id == 0 { Err(Failure) } else { Ok(id) }
}

fn main() {}
