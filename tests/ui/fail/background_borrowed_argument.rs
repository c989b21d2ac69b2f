use athena_cache::athena_cache;

#[athena_cache(refresh = "80%")]
async fn product(id: Option<&str>) -> usize {
    id.map_or(0, str::len)
}

fn main() {}
