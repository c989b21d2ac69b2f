use athena_cache::athena_cache;

#[athena_cache(skip(width))]
async fn area((width, height): (u64, u64)) -> u64 {
    width * height
}

fn main() {}
