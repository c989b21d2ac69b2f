use athena_cache::athena_cache;

#[athena_cache(tll = "5m")]
async fn product(id: u64) -> u64 {
    id
}

async fn caller() -> u64 {
    product(1).await
}

fn main() {}
