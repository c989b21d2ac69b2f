//! Nobody waits for a value that is there: eager refresh within its ttl, a soft timeout after it.
//!
//! Run it with `cargo run --example refresh`.
#![expect(clippy::print_stdout, reason = "it talks to its reader")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use athena_cache::{Cache, athena_cache, of};
use tokio::time::sleep;

static EDITION: AtomicU32 = AtomicU32::new(0);

/// Loads in the background outlive their caller, so they get copies of the arguments.
#[athena_cache(ttl = "500ms", refresh = "50%", grace = "1m", soft_timeout = "10ms")]
async fn report(name: &str) -> String {
    sleep(Duration::from_millis(100)).await; // slow
    format!("{name}, edition {}", EDITION.fetch_add(1, Ordering::Relaxed) + 1)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), athena_cache::Error> {
    let cache = Cache::in_memory("refresh");
    cache.install();
    call("nothing is there: the caller waits").await?;

    sleep(Duration::from_millis(300)).await;
    call("past half of its ttl: answered, and reloaded behind").await?;
    cache.settle().await;
    call("once that load is over").await?;

    sleep(Duration::from_millis(600)).await;
    call("past its ttl: answered after 10 ms, and loaded behind").await?;
    cache.settle().await;
    call("once that load is over").await?;
    Ok(())
}

async fn call(when: &str) -> Result<(), athena_cache::Error> {
    let seen = of(report("sales")).observe().await?;
    println!("{when:<54} {:<5}  {}", seen.outcome.label(), seen.value);
    Ok(())
}
