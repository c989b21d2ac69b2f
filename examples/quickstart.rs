//! What a cache does for a function: a miss, a hit, one load for a hundred callers, an answer while
//! the database is down, and two ways to invalidate.
//!
//! Run it with `cargo run --example quickstart`.
#![expect(clippy::print_stdout, reason = "it talks to its reader")]

use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use athena_cache::{Cache, Outcome, Source, athena_cache, athena_invalidate, of};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::sleep;

#[athena_cache(ttl = "5m", tags = ["category:{category}"])]
async fn products(category: &str) -> Result<Vec<String>, DatabaseDown> {
    DATABASE.products(category).await
}

#[athena_cache(ttl = "20ms", grace = "1h")]
async fn price(product: &str) -> Result<u32, DatabaseDown> {
    DATABASE.price(product).await
}

#[athena_invalidate(tags = ["category:{category}"])]
async fn add_product(category: &str, name: &str) -> Result<(), DatabaseDown> {
    DATABASE.add(category, name).await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let cache = Cache::builder("quickstart").build()?;
    cache.install();
    add_product("books", "Dune").await?;
    add_product("games", "Chess").await?;

    println!("A cold key is loaded once, then memory answers.");
    show!(products("books"));
    show!(products("books"));

    println!("\nA hundred callers of one cold key cause one query.");
    hundred_callers().await?;

    println!("\nA price is past its ttl of 20 ms, and the database is down.");
    show!(price("Dune"));
    sleep(Duration::from_millis(30)).await;
    DATABASE.down.store(true, Ordering::Relaxed);
    show!(price("Dune"));
    DATABASE.down.store(false, Ordering::Relaxed);

    println!("\nA call names its entry, so a call can invalidate it.");
    let invalidated = of(products("books")).invalidate().await?;
    println!("  of(products(\"books\")).invalidate() -> {invalidated:?}");
    show!(products("books"));

    println!("\nA write invalidates everything with its tag, and nothing else.");
    add_product("games", "Go").await?;
    println!("  add_product(\"games\", \"Go\") invalidates the tag category:games");
    show!(products("games"));
    show!(products("books"));

    let stats = cache.stats();
    println!("\nIn all, by cache.stats()");
    println!("  waited for another's load: {}", stats.joined);
    println!("  hits: {}, of them stale: {}", stats.hits(), stats.stale_hits);
    println!("  loads: {}, failed: {}", stats.loads, stats.load_failures);
    println!("  invalidations: {}", stats.invalidations);
    Ok(())
}

/// Makes a call, and says what came back and why.
macro_rules! show {
    ($call:expr) => {
        let before = DATABASE.queries();
        let seen = of($call).observe().await?;
        let queries = DATABASE.queries() - before;
        let (call, value) = (stringify!($call), format!("{:?}", seen.value?));
        let (label, why) = (seen.outcome.label(), why(&seen.outcome));
        println!("  {call:<17}  {label:<5}  {value:<15}  {why}; queries: {queries}");
    };
}
use show;

fn why(outcome: &Outcome) -> &'static str {
    match outcome.source {
        _ if outcome.stale => "the load failed, the last value is within its grace",
        Source::Memory => "fresh in memory",
        Source::Load => "nothing in memory, the function ran",
        _ => "the function ran without the cache",
    }
}

async fn hundred_callers() -> Result<(), athena_cache::Error> {
    let before = DATABASE.queries();
    let calls: JoinSet<_> = (0..100).map(|_| of(products("games")).observe()).collect();
    let seen: Vec<_> = calls.join_all().await.into_iter().collect::<Result<_, _>>()?;
    let waited = seen.iter().filter(|seen| seen.outcome.joined).count();
    let queries = DATABASE.queries() - before;
    let ran = seen.len() - waited;
    println!("  {ran} caller ran the function, {waited} got its result; queries: {queries}");
    Ok(())
}

/// What stands behind the cache: slow, counted, and down at times.
struct Database {
    products: Mutex<Vec<(String, String)>>,
    queries: AtomicU32,
    down: AtomicBool,
}

static DATABASE: Database = Database {
    products: Mutex::const_new(Vec::new()),
    queries: AtomicU32::new(0),
    down: AtomicBool::new(false),
};

impl Database {
    async fn products(&self, category: &str) -> Result<Vec<String>, DatabaseDown> {
        self.query().await?;
        let products = self.products.lock().await;
        let matching = products.iter().filter(|(place, _)| place == category);
        Ok(matching.map(|(_, name)| name.clone()).collect())
    }

    async fn price(&self, product: &str) -> Result<u32, DatabaseDown> {
        self.query().await?;
        Ok(if product == "Dune" { 12 } else { 20 })
    }

    async fn add(&self, category: &str, name: &str) -> Result<(), DatabaseDown> {
        self.products.lock().await.push((category.to_owned(), name.to_owned()));
        Ok(())
    }

    async fn query(&self) -> Result<(), DatabaseDown> {
        self.queries.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_millis(50)).await;
        if self.down.load(Ordering::Relaxed) { Err(DatabaseDown) } else { Ok(()) }
    }

    fn queries(&self) -> u32 {
        self.queries.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Clone)]
struct DatabaseDown;

impl fmt::Display for DatabaseDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the database is down")
    }
}

impl Error for DatabaseDown {}
