use athena_cache::athena_cache;

#[athena_cache(tll = "5m", jitter = "200%", skip(nam), tags = ["{idd}", "{"], tier = disk)]
fn product(id: u64) -> u64 {
    id
}

fn main() {}
