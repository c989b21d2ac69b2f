//! Grace: the last value stands in when the function fails, unless the error speaks against it.
//!
//! Run it with `cargo run --example grace`.
#![expect(clippy::print_stdout, reason = "it talks to its reader")]

use std::time::Duration;

use athena_cache::{Cache, athena_cache, of};
use tokio::sync::Mutex;
use tokio::time::sleep;

/// What the bank says when it is asked.
static BANK: Mutex<Result<f64, RateError>> = Mutex::const_new(Ok(1.25));

#[derive(Debug, Clone, PartialEq)]
enum RateError {
    BankUnreachable,
    CurrencyAbolished,
}

/// Fresh for 20 ms, and good enough for an hour more if the bank cannot be reached.
///
/// A currency that is abolished is an answer, which no old rate may hide.
#[athena_cache(
    ttl = "20ms",
    grace = "1h",
    grace_unless = |error| *error == RateError::CurrencyAbolished,
)]
async fn exchange_rate() -> Result<f64, RateError> {
    BANK.lock().await.clone()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), athena_cache::Error> {
    Cache::in_memory("grace").install();
    for word in
        [Ok(1.25), Err(RateError::BankUnreachable), Ok(1.30), Err(RateError::CurrencyAbolished)]
    {
        BANK.lock().await.clone_from(&word);
        let seen = of(exchange_rate()).observe().await?;
        let (word, label) = (format!("{word:?}"), seen.outcome.label());
        println!("the bank: {word:<24} the caller: {label:<5} {:?}", seen.value);
        // Past the ttl, and past the pause that follows a failed load.
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
