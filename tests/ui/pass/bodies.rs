//! Bodies of every form: a single expression, statements alone, none, blocks in blocks.
#![deny(warnings, clippy::all)]

use athena_cache::{athena_cache, athena_invalidate};

#[athena_cache(ttl = "1m")]
async fn tail(id: u32) -> u32 { id }

#[athena_cache(ttl = "1m")]
async fn literal() -> u32 { 1 }

#[athena_cache(ttl = "1m")]
async fn fallible(id: u32) -> Result<u32, String> { Ok(id) }

#[athena_cache(ttl = "1m")]
async fn block(id: u32) -> u32 {
    #[allow(unused_braces)]
    { id }
}

#[athena_cache(ttl = "1m")]
async fn choice(id: u32) -> u32 {
    if id > 1 { return 1; }
    match id { 0 => 2, _ => unsafe_free(id) }
}

#[athena_cache(ttl = "1m")]
async fn item_last(id: u32) -> u32 {
    return inner(id);
    fn inner(id: u32) -> u32 { id }
}

struct Pair(u32, u32);

#[athena_cache(ttl = "1m", skip(a))]
async fn shadowing(Pair(a, _): Pair) -> u32 {
    struct Pair;
    const NEVER: u32 = 1;
    let Pair = Pair;
    a + NEVER
}

#[athena_cache(ttl = "1m")]
async fn diverges(id: u32) -> u32 { unimplemented!("{id}") }

fn unsafe_free(id: u32) -> u32 { id }

#[athena_invalidate(keys = ["names:{id}"])]
async fn written(id: u32) -> Result<u32, String> { Ok(id) }

#[athena_invalidate(tags = ["all"])]
async fn nothing() {}

#[athena_invalidate(tags = ["all"])]
async fn statement() { drop(unsafe_free(1).to_string()); }

fn main() {
    drop((tail(1), literal(), fallible(1), block(1), choice(1), item_last(1), diverges(1)));
    drop(shadowing(Pair(1, 2)));
    drop((written(1), nothing(), statement()));
}
