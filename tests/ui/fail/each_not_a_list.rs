#![deny(warnings)]

use std::collections::HashMap;

use athena_cache::athena_cache;

#[athena_cache(each = id)]
async fn products(id: u64) -> HashMap<u64, u64> {
    HashMap::from([(id, id)])
}

fn main() {
    let _ = products(1);
}
