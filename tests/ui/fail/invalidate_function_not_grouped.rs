//! What is not annotated, or not grouped, has nothing that could be invalidated as a whole.

use athena_cache::{athena_cache, athena_invalidate};

mod shop {
    use athena_cache::athena_cache;

    #[athena_cache(ttl = "5m")]
    pub async fn orders(id: u64) -> u64 {
        id
    }
}

async fn plain(id: u64) -> u64 {
    id
}

#[athena_cache(ttl = "5m", grouped)]
async fn products(id: u64) -> u64 {
    id
}

#[athena_invalidate(functions = [products, plain])]
async fn of_a_plain_function() {}

#[athena_invalidate(functions = [shop::orders])]
async fn of_one_that_is_not_grouped() {}

#[athena_invalidate(functions = [product])]
async fn of_none() {}

fn main() {}
