//! Without macros: one entry, or several at once, named by hand.
//!
//! Run it with `cargo run --example entry`.
#![expect(clippy::print_stdout, reason = "it talks to its reader")]

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use athena_cache::{Cache, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let cache = Cache::in_memory("entry");

    for _ in 0..2 {
        let entry = cache
            .entry("user:1")
            .ttl(Duration::from_secs(300))
            .tags(["users"]);
        let seen = entry.observe(|| async { find(1).await }).await;
        println!("user:1 -> {:?} {}", seen.value, seen.outcome.label());
    }

    // Whether there is a value at all may be worth remembering, too.
    for _ in 0..2 {
        let entry = cache
            .entry("user:404")
            .negative_ttl(Duration::from_secs(10));
        let nobody: Result<Option<String>, Infallible> = entry
            .find_or_load(|| async {
                println!("looking for user 404");
                Ok(None)
            })
            .await;
        println!("user:404 -> {nobody:?}");
    }

    cache.entry("user:2").insert("Grace".to_owned()).await?;
    println!(
        "inserted user:2 -> {:?}",
        cache.entry("user:2").get::<String>().await?
    );

    // One load answers all that are missing.
    let users = cache
        .batch(["user:1", "user:2", "user:3", "user:4"])
        .tags(["users"]);
    let users = users.get_or_load_many(find_many).await;
    println!(
        "of four users {} are there",
        users.map_or(0, |users| users.len())
    );

    let _ = cache.invalidate_tag("users").await;
    for name in ["user:1", "user:2", "user:3"] {
        println!(
            "users invalidated, {name} -> {:?}",
            cache.entry(name).get::<String>().await?
        );
    }
    Ok(())
}

async fn find(id: u32) -> Result<String, Infallible> {
    println!("loading user:{id}");
    Ok(format!("user {id}"))
}

async fn find_many(names: Vec<String>) -> Result<HashMap<String, String>, Infallible> {
    println!("loading {} users at once", names.len());
    Ok(names
        .into_iter()
        .map(|name| (name.clone(), name.replace(':', " ")))
        .collect())
}
