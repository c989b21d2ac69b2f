use athena_cache::athena_cache;

struct Id(u64);

#[athena_cache(key = "product:{id}")]
async fn product(id: Id) -> u64 {
    id.0
}

fn main() {}
