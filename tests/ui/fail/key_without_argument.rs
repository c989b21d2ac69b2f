use athena_cache::athena_cache;

#[athena_cache(key = "product:{id}", tags = ["page:{page}"], when = page > 0)]
async fn product(id: u64, page: u64, (a, b): (u8, u8), [..]: [u8; 2]) -> u64 {
    id + page + u64::from(a + b)
}

fn main() {}
