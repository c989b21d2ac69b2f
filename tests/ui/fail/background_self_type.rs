use athena_cache::athena_cache;

struct Shop;

impl Shop {
    const OPEN: u64 = 1;

    #[athena_cache(refresh = "80%")]
    async fn product(id: u64) -> u64 {
        id + Self::OPEN
    }
}

fn main() {}
