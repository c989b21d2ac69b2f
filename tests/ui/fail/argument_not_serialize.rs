use athena_cache::athena_cache;

struct Db;

#[athena_cache()]
async fn product(db: &Db, id: u64) -> u64 {
    let Db = db;
    id
}

fn main() {}
