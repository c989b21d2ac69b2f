use athena_cache::athena_cache;

#[athena_cache]
struct Product;

fn main() {}
