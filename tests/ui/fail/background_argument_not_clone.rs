#![deny(warnings)]

use athena_cache::athena_cache;

struct Db;

#[athena_cache(ttl = "5m", refresh = "80%", skip(db))]
async fn product(db: &Db, id: u64) -> u64 {
    let Db = db;
    id
}

fn main() {
    let _ = product(&Db, 1);
}
