// Times that are constants are held against the limits of those that are texts.

use std::time::Duration;

use athena_cache::athena_cache;

const FINE: Duration = Duration::from_micros(1_500);
const LONG: Duration = Duration::from_secs(u64::MAX);
const SECONDS: u64 = 60;
const TEXT: &str = "5m";
const TWO: Duration = Duration::from_secs(2);
const ONE: Duration = Duration::from_secs(1);

#[athena_cache(ttl = FINE)]
async fn fine(id: u64) -> u64 {
    id
}

#[athena_cache(grace = LONG)]
async fn long(id: u64) -> u64 {
    id
}

#[athena_cache(ttl = SECONDS)]
async fn without_unit(id: u64) -> u64 {
    id
}

#[athena_cache(grace = TEXT)]
async fn text(id: u64) -> u64 {
    id
}

#[athena_cache(hard_timeout = Duration::ZERO)]
async fn nothing(id: u64) -> Result<u64, athena_cache::Error> {
    Ok(id)
}

#[athena_cache(soft_timeout = TWO, hard_timeout = "2s")]
async fn late(id: u64) -> Result<u64, athena_cache::Error> {
    Ok(id)
}

#[athena_cache(soft_timeout = "2s", hard_timeout = ONE)]
async fn later(id: u64) -> Result<u64, athena_cache::Error> {
    Ok(id)
}

#[athena_cache(refresh = "80%", ttl = Duration::ZERO)]
async fn never(id: u64) -> u64 {
    id
}

fn main() {}
