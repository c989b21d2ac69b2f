use athena_cache::athena_cache;

#[athena_cache(skip(idd))]
async fn product(id: u64) -> u64 {
    id
}

#[athena_cache(skip(self))]
async fn stock(id: u64) -> u64 {
    id
}

struct Shop;

impl Shop {
    #[athena_cache(skip(self, State))]
    async fn price(&self, State(db): State, id: u64) -> u64 {
        db + id
    }
}

struct State(u64);

fn main() {}
