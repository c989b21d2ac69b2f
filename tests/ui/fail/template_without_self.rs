use athena_cache::athena_cache;

#[athena_cache(tags = ["tenant:{self.tenant}"])]
async fn product(id: u64) -> u64 {
    id
}

fn main() {}
