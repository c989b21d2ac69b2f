use std::ops::Deref;

use athena_cache::{Cache, athena_cache};

struct State {
    cache: Cache,
    tenant: u64,
}

impl Deref for State {
    type Target = Cache;

    fn deref(&self) -> &Cache {
        &self.cache
    }
}

#[athena_cache(cache = state)]
async fn product(state: &State, id: u64) -> u64 {
    state.tenant + id
}

fn main() {}
