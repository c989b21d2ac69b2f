#![deny(warnings)]

use athena_cache::athena_cache;

#[athena_cache(ttl = "5m", tier = memory)]
async fn product(id: u64) -> std::rc::Rc<u64> {
    std::rc::Rc::new(id)
}

fn main() {
    let _ = product(1);
}
