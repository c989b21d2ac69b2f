use athena_cache::athena_invalidate;

#[athena_invalidate(on = always)]
async fn rename(id: u64, name: &str) {
    let _ = (id, name);
}

fn main() {}
