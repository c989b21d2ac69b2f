// `ttl_from` tells a `Duration`, from the value alone.

use std::time::Duration;

use athena_cache::athena_cache;

#[athena_cache(ttl_from = |id| *id)]
async fn of_number(id: u64) -> u64 {
    id
}

#[athena_cache(ttl_from = |value| Duration::from_secs(*value + id))]
async fn of_argument(id: u64) -> u64 {
    id
}

#[athena_cache(ttl_from = "5m")]
async fn of_text(id: u64) -> u64 {
    id
}

#[athena_cache(tags_from = ["all"])]
async fn of_list(id: u64) -> u64 {
    id
}

fn main() {}
