use athena_cache::athena_cache;

#[derive(Clone)]
struct Shop(u64);

trait Products {
    async fn product(&self, id: u64) -> u64;
}

impl Products for Shop {
    #[athena_cache(refresh = "80%", skip(self))]
    async fn product(&self, id: u64) -> u64 {
        self.0 + id
    }
}

fn main() {}
