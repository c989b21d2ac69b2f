#![deny(warnings)]

use athena_cache::athena_cache;

trait Db: Sync {
    fn product(&self, id: u64) -> u64;
}

#[athena_cache(ttl = "5m")]
async fn product(db: &dyn Db, id: u64) -> u64 {
    db.product(id)
}

struct State<T>(T);

#[athena_cache(ttl = "5m")]
async fn handler(State(db): State<u8>, id: u64) -> u64 {
    id + u64::from(db)
}

struct Shelf;

impl Db for Shelf {
    fn product(&self, id: u64) -> u64 {
        id
    }
}

fn main() {
    let _ = (product(&Shelf, 1), handler(State(1), 1));
}
