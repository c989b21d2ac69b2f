use athena_cache::athena_cache;

#[athena_cache(tier = memory, codec = Json)]
async fn product(id: u64) -> u64 {
    id
}

fn main() {}
