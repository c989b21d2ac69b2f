//! The backend on real servers: what it does while they live, hang, die and return.

#![allow(clippy::expect_used, reason = "a test that cannot go on panics")]

#[path = "../../../tests/support/mod.rs"]
mod support;

mod backend;
mod backups;
mod changes;
mod closing;
mod cluster;
mod connecting;
mod credentials;
mod heavy;
mod history;
mod lasting;
mod operate;
mod outage;
mod rights;
mod sentinel;
#[cfg(feature = "tls")]
mod tls;
mod told;
mod tracking;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use athena_cache_core::backend::{
    Backend, Class, Failure, Fill, Filled, Generation, Item, LeaseRequest, Proposal, Token,
};
use athena_cache_redis::{Redis, RedisConfig};

/// How long [`hasty`] waits for an answer.
const HASTE: Duration = Duration::from_millis(250);

/// Longer than a shared machine stands still; connections are named by the test.
fn config(url: &str) -> RedisConfig {
    RedisConfig::new(url)
        .connect_timeout(Duration::from_secs(2))
        .response_timeout(Duration::from_secs(1))
        .client_name("under-test")
}

fn redis(url: &str) -> Arc<Redis> {
    Arc::new(Redis::new(config(url)).expect("the settings are good"))
}

/// Gives up early, so that tests of timeouts are quick.
fn hasty(url: &str) -> Arc<Redis> {
    let config = config(url).response_timeout(HASTE);
    Arc::new(Redis::new(config).expect("the settings are good"))
}

async fn read(redis: &Redis, name: &str) -> Result<Option<Vec<u8>>, Failure> {
    let found = redis.read(&[name], &[]).await?;
    Ok(found.values.into_iter().flatten().next().map(|stored| stored.bytes))
}

async fn insert(redis: &Redis, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    put(redis, Item { value: name, bytes, life: Duration::from_secs(60) }, "lease").await
}

/// Stores a value under a lease of its own, whatever is there; again if that was evicted or moves meanwhile.
async fn put(redis: &Redis, item: Item<'_>, lease: &str) -> Result<(), Failure> {
    let (token, life) = (Token::new(7), Duration::from_secs(60));
    loop {
        redis.remove(&[item.value.to_owned(), lease.to_owned()]).await?;
        let request = LeaseRequest { lease, token, life, generations: &[] };
        let epoch = match redis.lease(request).await {
            Ok(leased) => leased.proof.epoch,
            Err(failure) if failure.class() == Class::Scattered => continue,
            Err(failure) => return Err(failure),
        };
        if redis.fill(Fill { item, lease, token, epoch }).await? == Filled::Stored {
            return Ok(());
        }
    }
}

/// How long a generation that is proposed has to last.
const GENERATION_LIFE: Duration = Duration::from_secs(60);

/// A generation that ends by itself.
fn proposal(name: &str) -> Proposal<'_> {
    Proposal { name, generation: Generation::new(7), life: Some(GENERATION_LIFE) }
}

/// The class of a failure that must come, and how long it took to come.
async fn failure<T>(operation: impl Future<Output = Result<T, Failure>>) -> (Class, Duration) {
    let start = Instant::now();
    let outcome = operation.await;
    let took = start.elapsed();
    (outcome.err().expect("the operation must fail").class(), took)
}

/// Waits for a condition without holding up the runtime.
async fn eventually<F: Future<Output = bool>>(what: &str, mut look: impl FnMut() -> F) {
    let deadline = Instant::now() + support::PATIENCE;
    while !look().await {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A runtime that is alive and driven by nobody.
struct Undriven(Option<tokio::runtime::Runtime>);

impl Undriven {
    /// Connects a client on a runtime, which is not driven from then on.
    async fn that_connected(redis: &Arc<Redis>) -> Self {
        let redis = Arc::clone(redis);
        let connect = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime can be made");
            runtime.block_on(redis.connect()).expect("the server is there");
            Self(Some(runtime))
        };
        tokio::task::spawn_blocking(connect).await.expect("it does not panic")
    }
}

impl Drop for Undriven {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
