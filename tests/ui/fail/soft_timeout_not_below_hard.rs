use athena_cache::athena_cache;

#[athena_cache(soft_timeout = "2s", hard_timeout = "1s")]
async fn product(id: u64) -> u64 {
    id
}

fn main() {}
