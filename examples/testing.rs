//! Testing a service: a cache of its own, a clock that the test moves, a backend that fails on demand.
//!
//! Run it with `cargo run --example testing`; in your own tests, enable the feature `testing`.
#![expect(clippy::print_stdout, reason = "it talks to its reader")]

use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::{ChaosBackend, Fault, ManualClock, MemoryBackend};
use athena_cache::{Cache, Resilience, athena_cache, of};

/// The service under test.
#[athena_cache(ttl = "5m")]
async fn greeting(name: &str) -> String {
    format!("hello {name}")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), athena_cache::Error> {
    let clock = ManualClock::new();
    let backend = ChaosBackend::with_clock(MemoryBackend::with_clock(&clock), 1, &clock);
    let chaos = backend.chaos();
    // The pauses between attempts would stand still with the clock.
    let mut resilience = Resilience::default();
    resilience.retry.enabled = false;
    let builder = Cache::builder("test").backend(backend).clock(&clock);
    let cache = builder.resilience(resilience).build()?;

    // Only calls inside this future use the cache, so that tests run side by side.
    let test = async {
        assert_eq!(call().await?, ("MISS", false));
        cache.settle().await; // the value reaches the backend off the caller's path
        assert_eq!(call().await?, ("HIT", false));
        println!("a second call is a hit");

        clock.advance(Duration::from_secs(301));
        assert_eq!(call().await?, ("MISS", false));
        println!("after five minutes, in no time, it is a miss");

        cache.settle().await;
        chaos.always(Fault::Error(Class::Unreachable));
        clock.advance(Duration::from_secs(2)); // the trust window: until then nothing is known to be wrong
        assert_eq!(call().await?, ("HIT", true));
        println!("with the backend away the memory copy answers, flagged `degraded`");

        assert_eq!(greeting("a stranger").await, "hello a stranger");
        println!("what was never cached comes from the function, not from an error");
        Ok(())
    };
    cache.scope(test).await
}

async fn call() -> Result<(&'static str, bool), athena_cache::Error> {
    let seen = of(greeting("ada")).observe().await?;
    Ok((seen.outcome.label(), seen.outcome.degraded))
}
