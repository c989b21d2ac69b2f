//! Settings from a file: plain data, checked as a whole when the cache is built.
//!
//! Run it with `cargo run --example settings`.
#![expect(clippy::print_stdout, reason = "it talks to its reader")]

use std::error::Error;

use athena_cache::{Cache, Settings};

const GOOD: &str = r#"
    ttl = "10m"
    grace = "1h 30m"
    jitter = "10%"
    fallback = "ServeStale"

    [memory]
    max_entries = 50_000

    [resilience]
    attempt_timeout = "300ms"
    breaker = { failure_threshold = 10, recovery_time = "15s" }
"#;

const MISSPELT: &str = "tll = '10m'";

const NO_UNIT: &str = "ttl = '10'";

const CONTRADICTORY: &str = r#"
    degraded_loads = 0
    resilience = { attempt_timeout = "5s", deadline = "1s" }
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let settings: Settings = toml::from_str(GOOD)?;
    println!("{settings:#?}");
    Cache::builder("shop").settings(settings).build()?;

    for (what, text) in
        [("misspelt", MISSPELT), ("no unit", NO_UNIT), ("contradictory", CONTRADICTORY)]
    {
        if let Err(error) = build(text) {
            println!("\n{what}:\n{error}");
        }
    }
    Ok(())
}

/// The loader is yours: any format of `serde`, a file, the environment.
fn build(text: &str) -> Result<Cache, Box<dyn Error>> {
    Ok(Cache::builder("shop").settings(toml::from_str(text)?).build()?)
}
