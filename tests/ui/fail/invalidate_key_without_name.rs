use athena_cache::athena_invalidate;

#[athena_invalidate(keys = ["{id}"])]
async fn rename(id: u64, name: &str) {
    let _ = (id, name);
}

fn main() {}
