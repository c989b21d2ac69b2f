// A secret is in the key by its digest, and in nothing that can be read.

use athena_cache::athena_cache;

#[athena_cache(secret(token), tags = ["all", "of:{token}"])]
async fn in_a_tag(token: String) -> u64 {
    token.len() as u64
}

#[athena_cache(secret(token), skip(token))]
async fn left_out(token: String) -> u64 {
    token.len() as u64
}

#[athena_cache(secret(tokn))]
async fn misspelt(token: String) -> u64 {
    token.len() as u64
}

struct Shop;

impl Shop {
    #[athena_cache(secret(self))]
    async fn as_a_whole(&self) -> u64 {
        1
    }
}

fn main() {}
