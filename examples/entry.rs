//! Without macros: one entry, or several at once, named by hand.
//!
//! Run it with `cargo run --example entry`.
#![expect(clippy::print_stdout, reason = "it talks to its reader")]

use std::num::ParseIntError;
use std::time::Duration;

use athena_cache::{Cache, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let cache = Cache::in_memory("entry");

    for _ in 0..2 {
        let entry = cache.entry("user:1").ttl(Duration::from_secs(300)).tags(["users"]);
        let seen = entry.observe(|| async { find("user:1") }).await;
        println!("user:1 is {:?}, a {}", seen.value, seen.outcome.label());
    }

    cache.entry("user:2").insert("Grace".to_owned()).await?;
    let inserted = cache.entry("user:2").get::<String>().await?;
    println!("user:2 was inserted: {inserted:?}");

    // One load answers all that are missing.
    let users = cache.batch(["user:1", "user:2", "user:3", "user:4"]).tags(["users"]);
    let load = |missing: Vec<String>| async move {
        println!("loading {} of them at once", missing.len());
        missing.into_iter().map(|name| find(&name).map(|user| (name, user))).collect()
    };
    let users = users.get_or_load_many(load).await;
    println!("found {} users", users.map_or(0, |users| users.len()));

    let _ = cache.invalidate_tag("users").await;
    for name in ["user:1", "user:2"] {
        let user = cache.entry(name).get::<String>().await?;
        println!("after the tag was invalidated, {name} is {user:?}");
    }
    Ok(())
}

/// The origin.
fn find(name: &str) -> Result<String, ParseIntError> {
    let number: u32 = name.trim_start_matches("user:").parse()?;
    Ok(format!("number {number}"))
}
