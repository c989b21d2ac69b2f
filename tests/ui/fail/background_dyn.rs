#![deny(warnings)]

use athena_cache::athena_cache;

trait Db: Send + Sync {
    fn product(&self, id: u64) -> u64;
}

#[athena_cache(ttl = "5m", refresh = "80%", skip(db))]
async fn product(db: &dyn Db, id: u64) -> u64 {
    db.product(id)
}

struct Shelf;

impl Db for Shelf {
    fn product(&self, id: u64) -> u64 {
        id
    }
}

fn main() {
    let _ = product(&Shelf, 1);
}
