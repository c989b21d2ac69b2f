use athena_cache::athena_cache;

async fn load(id: u64) -> u64 {
    id
}

#[athena_cache(ttl = "1m")]
fn product(id: u64) -> u64 {
    load(id).await
}

fn main() {}
