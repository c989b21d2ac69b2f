// `of` takes a call before it is awaited, which only an `async` function has.

use athena_cache::{athena_cache, of};

#[athena_cache(ttl = "5m")]
fn rate(currency: u64) -> u64 {
    currency
}

#[athena_cache(ttl = "5m")]
async fn price(id: u64) -> u64 {
    id
}

async fn calls() {
    let _ = of(rate(1)).invalidate().await;
    let _ = of(price(1).await).invalidate().await;
}

fn main() {}
