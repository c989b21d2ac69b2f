use athena_cache::athena_cache;

#[athena_cache(refresh = "80%", skip(seen))]
async fn product(seen: &mut u64) -> u64 {
    *seen
}

fn main() {}
