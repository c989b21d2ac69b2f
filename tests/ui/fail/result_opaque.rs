use athena_cache::athena_cache;

#[athena_cache()]
async fn product(id: u64) -> impl Clone {
    id
}

fn main() {}
