#![deny(warnings)]

use athena_cache::athena_cache;

type Found = Result<Option<u64>, String>;
type Several = Result<Vec<u64>, String>;

#[athena_cache(negative_ttl = "10s")]
async fn list(id: u64) -> Vec<u64> {
    vec![id]
}

#[athena_cache(negative_ttl = "10s")]
async fn several(id: u64) -> Several {
    Ok(vec![id])
}

#[athena_cache(negative_ttl = "10s")]
async fn found(id: u64) -> Found {
    Ok(Some(id))
}

#[athena_cache(negative_ttl = "10s", negative = err)]
async fn with_errors(id: u64) -> Several {
    Ok(vec![id])
}

fn main() {
    let _ = (list(1), several(1), found(1), with_errors(1));
}
