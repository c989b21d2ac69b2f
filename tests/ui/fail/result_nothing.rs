use athena_cache::athena_cache;

#[athena_cache()]
async fn product(id: u64) {
    let _ = id;
}

fn main() {}
