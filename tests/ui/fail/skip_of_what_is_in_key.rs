use athena_cache::athena_cache;

struct Shop {
    tenant: u64,
}

impl Shop {
    #[athena_cache(key = "product:{self.tenant}:{id}", skip(self, id))]
    async fn product(&self, id: u64) -> u64 {
        self.tenant + id
    }
}

fn main() {}
