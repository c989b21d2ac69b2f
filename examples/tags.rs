//! Tags: one write invalidates every entry that it makes outdated.
//!
//! Run it with `cargo run --example tags`.
#![expect(clippy::print_stdout, reason = "it talks to its reader")]

use athena_cache::{Cache, athena_cache, athena_invalidate, of};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Article {
    id: u32,
    author: String,
}

/// The author is known only once the article is there.
#[athena_cache(tags = ["article:{id}"], tags_from = |article| [format!("author:{}", article.author)])]
async fn article(id: u32) -> Article {
    let author = if id < 10 { "ada" } else { "grace" };
    Article {
        id,
        author: author.to_owned(),
    }
}

#[athena_cache(tags = ["articles", "author:{author}"])]
async fn titles_of(author: &str) -> Vec<String> {
    vec![format!("Notes by {author}")]
}

#[athena_invalidate(tags = ["author:{author}"])]
async fn rename_author(author: &str) {
    println!("\nrename_author({author:?}) invalidates the tag author:{author}");
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), athena_cache::Error> {
    let cache = Cache::in_memory("tags");
    cache.install();
    println!("nothing is cached yet");
    calls().await?;
    println!("\nagain");
    calls().await?;

    rename_author("ada").await;
    calls().await?;

    let _ = cache.invalidate_tag("articles").await;
    println!("\ncache.invalidate_tag(\"articles\")");
    calls().await?;

    let _ = cache.clear().await;
    println!("\ncache.clear()");
    calls().await
}

async fn calls() -> Result<(), athena_cache::Error> {
    let first = of(article(1)).observe().await?.outcome.label();
    let tenth = of(article(10)).observe().await?.outcome.label();
    let titles = of(titles_of("ada")).observe().await?.outcome.label();
    println!("  article(1) {first:<4}   article(10) {tenth:<4}   titles_of(\"ada\") {titles:<4}");
    Ok(())
}
