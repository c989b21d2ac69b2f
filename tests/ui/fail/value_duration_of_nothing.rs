#![deny(warnings)]

use athena_cache::athena_cache;

#[athena_cache(hard_timeout = "0s", key = "product:{id}:{tenant}")]
async fn product(id: u64, tenant: &str) -> Result<u64, athena_cache::Error> {
    Ok(id)
}

fn main() {
    let _ = product(1, "a");
}
