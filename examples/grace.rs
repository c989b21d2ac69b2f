//! Grace: the last value stands in when the function fails, unless the error speaks against it.
//!
//! Run it with `cargo run --example grace`.
#![expect(clippy::print_stdout, reason = "it talks to its reader")]

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use athena_cache::{Cache, athena_cache, of};
use tokio::time::sleep;

#[derive(Debug, Clone, PartialEq)]
enum RateError {
    Unreachable,
    CurrencyAbolished,
}

/// What the bank says: 0 a rate, 1 nothing, 2 that the currency is gone.
static BANK: AtomicU8 = AtomicU8::new(0);

/// Fresh for 20 ms, and good enough for an hour more if the bank cannot be reached.
///
/// A currency that is gone is an answer, which no old rate may hide.
#[athena_cache(
    ttl = "20ms",
    grace = "1h",
    grace_unless = |error| *error == RateError::CurrencyAbolished,
)]
async fn rate(currency: &str) -> Result<f64, RateError> {
    match BANK.load(Ordering::Relaxed) {
        0 if currency == "EUR" => Ok(1.0),
        0 => Ok(1.25),
        1 => Err(RateError::Unreachable),
        _ => Err(RateError::CurrencyAbolished),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), athena_cache::Error> {
    Cache::in_memory("grace").install();
    for (bank, says) in ["answers", "cannot be reached", "says the currency is gone"]
        .into_iter()
        .enumerate()
    {
        BANK.store(u8::try_from(bank).unwrap_or(u8::MAX), Ordering::Relaxed);
        let seen = of(rate("USD")).observe().await?;
        println!("the bank {says:<26} {:<5}  {:?}", seen.outcome.label(), seen.value);
        // Past the ttl, and past the pause that follows a failed load.
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
