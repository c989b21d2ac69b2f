use athena_cache::athena_cache;

#[athena_cache(key = "product:{id}", skip(page))]
async fn product(id: u64, page: u64) -> u64 {
    id + page
}

fn main() {}
