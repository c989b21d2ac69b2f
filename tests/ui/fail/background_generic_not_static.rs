use athena_cache::athena_cache;

#[athena_cache(refresh = "80%")]
async fn product<T: Clone + Send + Sync + serde::Serialize>(id: T) -> u64 {
    let _ = id;
    1
}

fn main() {}
