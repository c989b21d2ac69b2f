use athena_cache::athena_cache;

trait Shop {
    #[athena_cache]
    async fn product(&self, id: u64) -> u64;
}

fn main() {}
