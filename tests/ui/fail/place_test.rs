use athena_cache::athena_cache;

#[tokio::test]
#[athena_cache(ttl = "5m")]
async fn below() {}

#[athena_cache(ttl = "5m")]
#[tokio::test]
async fn above() {}

fn main() {}
