use athena_cache::athena_cache;

#[athena_cache()]
async fn product(id: &str) -> Option<&str> {
    Some(id)
}

fn main() {}
