#![deny(warnings)]

use athena_cache::athena_cache;

#[athena_cache(ttl = "5m", key = "name:{id}:{tenant}")]
async fn name(id: u64, tenant: &str) -> &'static str {
    if id == 0 { "none" } else { "some" }
}

#[athena_cache(ttl = "5m")]
async fn names(id: u64) -> Result<Vec<&'static str>, String> {
    Ok(vec![if id == 0 { "none" } else { "some" }])
}

fn main() {
    let _ = (name(1, "a"), names(1));
}
