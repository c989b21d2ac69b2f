#![deny(warnings)]

use athena_cache::athena_cache;

#[athena_cache(key = "product:{type}:{id}")]
async fn product(id: u64, r#type: u8) -> u64 {
    id
}

fn main() {
    let _ = product(1, 2);
}
