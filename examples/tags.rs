//! Tags: one write invalidates every entry that it makes outdated.
//!
//! Run it with `cargo run --example tags`.
#![expect(clippy::print_stdout, reason = "it talks to its reader")]

use athena_cache::{Cache, athena_cache, athena_invalidate, escape, of};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Article {
    author: String,
}

/// Who wrote it is known only once it is there; `escape` does what a template does to its holes.
#[athena_cache(tags_from = |article| [format!("author:{}", escape(&article.author))])]
async fn article(id: u32) -> Article {
    let author = if id < 10 { "Ada Lovelace" } else { "Grace Hopper" };
    Article { author: author.to_owned() }
}

#[athena_cache(tags = ["lists", "author:{author}"])]
async fn titles(author: &str) -> Vec<String> {
    vec![format!("Notes by {author}")]
}

#[athena_invalidate(tags = ["author:{author}"])]
async fn rename(author: &str, to: &str) {
    println!("\n{author} is {to} now, which invalidates the author's tag");
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), athena_cache::Error> {
    let cache = Cache::in_memory("tags");
    cache.install();
    read_all().await?;
    read_all().await?;
    rename("Ada Lovelace", "Ada King").await;
    read_all().await?;

    println!("\ninvalidating the tag of all lists: {:?}", cache.invalidate_tag("lists").await);
    read_all().await
}

async fn read_all() -> Result<(), athena_cache::Error> {
    let ada = of(article(1)).observe().await?.outcome.label();
    let grace = of(article(10)).observe().await?.outcome.label();
    let titles = of(titles("Ada Lovelace")).observe().await?.outcome.label();
    println!("article by Ada: {ada:<4}  article by Grace: {grace:<4}  list of Ada: {titles}");
    Ok(())
}
