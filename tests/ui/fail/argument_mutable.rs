use athena_cache::athena_cache;

#[athena_cache()]
async fn product(ids: &mut Vec<u64>) -> usize {
    ids.len()
}

fn main() {}
