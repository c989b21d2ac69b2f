//! What the tests share: caches on a server, an origin that counts, and functions that are cached.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use athena_cache::{
    Cache, Health, MemoryRole, Outcome, Redis, RedisConfig, Resilience, Settings, athena_cache, of,
};
use serde::{Deserialize, Serialize};

use crate::support::PATIENCE;
use crate::support::resp::Reply;
use crate::support::server::RedisServer;

/// How the server lists the connections of the caches under test.
pub(crate) const CLIENT: &str = "under-test";

/// What an attempt may take where a test is about timeouts.
pub(crate) const ATTEMPT: Duration = Duration::from_millis(500);

/// Settings under which every call in health gets as far as Redis, so that a test can tell.
pub(crate) fn through_redis() -> Settings {
    let mut settings = Settings::default();
    settings.memory.role = MemoryRole::Fallback;
    settings
}

/// How a cache is set up for a test.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) settings: Settings,
    pub(crate) response_timeout: Duration,
}

impl Setup {
    /// Limits that a healthy server on a busy machine never reaches.
    pub(crate) fn patient() -> Self {
        let mut settings = through_redis();
        settings.resilience.attempt_timeout = Duration::from_secs(5);
        settings.resilience.deadline = Duration::from_secs(10);
        settings.resilience.write_deadline = Duration::from_secs(10);
        Self { settings, response_timeout: Duration::from_secs(5) }
    }

    /// The defaults, but with a breaker that soon tries again.
    pub(crate) fn brisk() -> Self {
        let mut settings = through_redis();
        assert_eq!(settings.resilience.attempt_timeout, ATTEMPT);
        settings.resilience.breaker.recovery_time = Duration::from_millis(500);
        settings.resilience.breaker.max_recovery_time = Duration::from_millis(500);
        Self { settings, response_timeout: ATTEMPT }
    }

    /// The same, and memory answers first.
    pub(crate) fn tiered(mut self) -> Self {
        self.settings.memory.role = MemoryRole::Tier;
        self
    }

    /// The same with a change.
    pub(crate) fn but(mut self, change: impl FnOnce(&mut Resilience)) -> Self {
        change(&mut self.settings.resilience);
        self
    }

    /// A cache on the Redis at a URL.
    pub(crate) fn cache(self, namespace: &str, url: &str) -> Cache {
        let redis = self.redis(url);
        let builder = Cache::builder(namespace).settings(self.settings);
        builder.backend(redis).build().expect("the settings are good")
    }

    /// The backend alone.
    pub(crate) fn redis(&self, url: &str) -> Redis {
        let config =
            RedisConfig::new(url).response_timeout(self.response_timeout).client_name(CLIENT);
        Redis::new(config).expect("the settings are good")
    }
}

/// A cache for tests in which nothing hangs.
pub(crate) fn cache(server: &RedisServer) -> Cache {
    Setup::patient().cache("shop", &server.url())
}

/// A value that tells for which key and by which version of the source it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Product {
    pub(crate) id: u32,
    pub(crate) version: u32,
}

/// No origin of these tests fails, so whoever sees this saw a failure of the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken;

/// Makes products and counts them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origin(Arc<Source>);

#[derive(Debug, Default)]
struct Source {
    version: AtomicU32,
    loads: AtomicU32,
}

impl Origin {
    pub(crate) fn loads(&self) -> u32 {
        self.0.loads.load(Ordering::SeqCst)
    }

    /// Changes what it makes from now on; returns the version.
    pub(crate) fn change(&self) -> u32 {
        self.0.version.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn make(&self, id: u32) -> Product {
        let version = self.0.version.load(Ordering::SeqCst);
        self.0.loads.fetch_add(1, Ordering::SeqCst);
        Product { id, version }
    }
}

/// Lives long.
#[athena_cache(key = "product:{id}", skip(origin), tags = ["products"], cache = cache)]
pub(crate) async fn product(cache: &Cache, origin: &Origin, id: u32) -> Result<Product, Broken> {
    Ok(origin.make(id))
}

/// Lives for moments, so that traffic loads, fills and hits all the time.
#[athena_cache(ttl = "100ms", key = "price:{id}", skip(origin), cache = cache)]
pub(crate) async fn price(cache: &Cache, origin: &Origin, id: u32) -> Result<Product, Broken> {
    Ok(origin.make(id))
}

/// Takes as long as it is told.
#[athena_cache(key = "slow:{id}", shared, skip(origin, until), cache = cache)]
pub(crate) async fn slow(
    cache: &Cache,
    origin: &Origin,
    id: u32,
    until: impl Future<Output = ()>,
) -> Result<Product, Broken> {
    let made = origin.make(id);
    until.await;
    Ok(made)
}

/// One call, and where its value came from.
pub(crate) async fn observe(cache: &Cache, origin: &Origin, id: u32) -> (Product, Outcome) {
    let seen = of(product(cache, origin, id)).observe().await.expect("it is annotated");
    let value = seen.value.expect("no error of the cache reaches a caller");
    assert_eq!(value.id, id);
    (value, seen.outcome)
}

/// Calls until every product is in Redis.
pub(crate) async fn warm(cache: &Cache, origin: &Origin, ids: impl IntoIterator<Item = u32>) {
    let mut count = 0;
    let before = cache.stats().fills;
    for id in ids {
        product(cache, origin, id).await.expect("no error of the cache reaches a caller");
        count += 1;
    }
    cache.settle().await;
    assert_eq!(cache.stats().fills - before, count, "{:?}", cache.stats());
}

/// The names of the values, not of leases and generations, that hold what a key names.
pub(crate) fn values(server: &RedisServer, key: &str) -> Vec<String> {
    let is_value = |name: &String| name.ends_with(|last: char| last.is_ascii_digit());
    names(server)
        .into_iter()
        .filter(|name| name.contains(&format!("{{k:{key}}}:")))
        .filter(is_value)
        .collect()
}

/// Every name in a server.
pub(crate) fn names(server: &RedisServer) -> Vec<String> {
    server.cli(&["KEYS", "*"]).list().iter().map(Reply::text).collect()
}

/// Returns when what the server had to announce has been heard: it comes before any later answer.
pub(crate) async fn hear(cache: &Cache) {
    let nothing = cache.entry("nothing").get::<u32>().await;
    assert!(matches!(nothing, Ok(None)), "{nothing:?}");
}

/// Waits until the cache says that its backend answers.
pub(crate) async fn healthy(cache: &Cache) {
    eventually("the cache is healthy", async || cache.health() == Health::Healthy).await;
}

/// Waits until the cache says that its backend does not answer.
pub(crate) async fn degraded(cache: &Cache) {
    eventually("the cache is degraded", async || cache.health() == Health::Degraded).await;
}

/// Waits for a condition without holding up the runtime.
pub(crate) async fn eventually(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !look().await {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
