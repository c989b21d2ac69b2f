use athena_cache::athena_cache;

struct Shop(u64);

impl Shop {
    #[athena_cache(refresh = "80%", skip(self))]
    async fn product(&self, id: u64) -> u64 {
        self.0 + id
    }
}

fn main() {}
