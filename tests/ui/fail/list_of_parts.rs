// Arguments are named as a whole; what of them is not to be in the key is for `key` to say.

use athena_cache::athena_cache;

#[derive(Clone, serde::Serialize)]
pub struct User {
    pin: String,
}

#[athena_cache(secret(user.pin))]
async fn by_secret(user: User) -> u64 {
    user.pin.len() as u64
}

#[athena_cache(skip(user.pin, other))]
async fn without(user: User, other: u64) -> u64 {
    user.pin.len() as u64 + other
}

fn main() {}
