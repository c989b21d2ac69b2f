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

# In place of what the attribute of this function says.
[sites."shop::products"]
ttl = "1m"
"#;

const BAD: [&str; 4] = [
    "tll = '10m'",
    "ttl = '10'",
    "[sites.'shop::products']\nttl = '0s'\nrefresh = '80%'",
    "degraded_loads = 0\nresilience = { attempt_timeout = '5s', deadline = '1s' }",
];

fn main() -> Result<(), Box<dyn Error>> {
    let settings: Settings = toml::from_str(GOOD)?;
    Cache::builder("shop").settings(settings.clone()).build()?;
    println!("What was set, and the defaults of what was not:\n\n{}", toml::to_string(&settings)?);

    for text in BAD {
        if let Err(error) = build(text) {
            println!("Refused:\n\n{text}\n\n{error}\n");
        }
    }
    Ok(())
}

/// The loader is yours: any format of `serde`, from a file or the environment.
fn build(text: &str) -> Result<Cache, Box<dyn Error>> {
    Ok(Cache::builder("shop").settings(toml::from_str(text)?).build()?)
}
