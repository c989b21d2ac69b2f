use athena_cache::athena_cache;

#[athena_cache(tags = ["product:{id}"])]
async fn product((id, _): (u64, u8)) -> u64 {
    id
}

fn main() {}
