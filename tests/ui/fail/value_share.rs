use athena_cache::athena_cache;

#[athena_cache(refresh = "100%")]
async fn product(id: u64) -> u64 {
    id
}

fn main() {}
