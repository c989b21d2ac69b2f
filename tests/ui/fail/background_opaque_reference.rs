use athena_cache::athena_cache;

#[athena_cache(soft_timeout = "1s")]
async fn product(id: &impl ToString) -> String {
    id.to_string()
}

fn main() {}
