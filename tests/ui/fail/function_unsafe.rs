use athena_cache::athena_cache;

#[athena_cache()]
async unsafe fn product(id: u64) -> u64 {
    id
}

fn main() {}
