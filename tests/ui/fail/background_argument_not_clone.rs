use athena_cache::athena_cache;

#[derive(serde::Serialize)]
struct Id(u64);

#[athena_cache(refresh = "80%")]
async fn product(id: Id) -> u64 {
    id.0
}

fn main() {}
