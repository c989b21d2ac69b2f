use athena_cache::athena_cache;

#[athena_cache()]
async fn product(#[cfg(all())] id: u64) -> u64 {
    id
}

fn main() {}
