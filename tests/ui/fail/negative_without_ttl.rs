use athena_cache::athena_cache;

#[athena_cache(negative = err)]
async fn product(id: u64) -> Result<u64, String> {
    Ok(id)
}

fn main() {}
