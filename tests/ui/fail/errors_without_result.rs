#![deny(warnings)]

use athena_cache::athena_cache;

type Fallible = Result<u64, String>;

#[athena_cache(grace = "1h", grace_unless = |_| true)]
async fn grace(id: u64) -> Option<u64> {
    Some(id)
}

#[athena_cache(negative_ttl = "1s", negative = err)]
async fn negative(id: u64) -> Option<u64> {
    Some(id)
}

#[athena_cache(hard_timeout = "1s")]
async fn timeout(id: u64) -> u64 {
    id
}

#[athena_cache(fallback = FailFast)]
async fn fail_fast(id: u64) -> u64 {
    id
}

#[athena_cache(grace = "1h", grace_unless = |error| error.is_empty())]
async fn by_alias(id: u64) -> Fallible {
    Ok(id)
}

fn main() {
    let _ = (grace(1), negative(1), timeout(1), fail_fast(1), by_alias(1));
}
