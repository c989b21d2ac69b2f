//! A service with a cache in memory and in Redis: with athena-cache, and written by hand.

use std::convert::Infallible;

use ::moka::future::Cache as Moka;
use athena_cache::{Cache, Memory, athena_cache};
use redis::aio::MultiplexedConnection;
use serde::{Deserialize, Serialize};

use super::{Peer, TTL, athena, load_text};

/// How many products either keeps in memory.
const ROOM: u64 = 10_000;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Product {
    name: String,
    description: String,
    cents: u64,
    tags: Vec<String>,
}

fn query(name: &str) -> Product {
    Product {
        name: name.to_owned(),
        description: load_text(name),
        cents: 1_999,
        tags: vec!["books".to_owned(), "new".to_owned()],
    }
}

/// What one writes who has no library for it.
pub(crate) struct ByHand {
    memory: Moka<String, Product>,
    redis: MultiplexedConnection,
}

impl ByHand {
    pub(crate) async fn connect(url: &str) -> Self {
        let client = redis::Client::open(url).expect("a valid URL");
        let redis = client.get_multiplexed_async_connection().await.expect("Redis answers");
        Self { memory: Moka::builder().max_capacity(ROOM).time_to_live(TTL).build(), redis }
    }

    /// What Redis has; a Redis that fails has nothing.
    async fn look(&self, key: &str) -> Option<Product> {
        let mut redis = self.redis.clone();
        let get = redis::cmd("GET").arg(key).to_owned();
        let bytes: Option<Vec<u8>> = get.query_async(&mut redis).await.ok()?;
        serde_json::from_slice(&bytes?).ok()
    }

    async fn keep(&self, key: &str, product: &Product) {
        let Ok(bytes) = serde_json::to_vec(product) else { return };
        let mut set = redis::cmd("SET");
        set.arg(key).arg(bytes).arg("EX").arg(TTL.as_secs());
        let _: Result<(), _> = set.query_async(&mut self.redis.clone()).await;
    }
}

impl Peer for ByHand {
    type Value = Product;

    fn label(&self) -> &'static str {
        "by hand: moka, redis, serde_json"
    }

    async fn call(&self, name: &str) -> Product {
        let key = format!("product:{name}");
        if let Some(product) = self.memory.get(&key).await {
            return product;
        }
        let product = if let Some(product) = self.look(&key).await {
            product
        } else {
            let product = query(name);
            self.keep(&key, &product).await;
            product
        };
        self.memory.insert(key, product.clone()).await;
        product
    }
}

#[athena_cache(ttl = "1h", cache = cache)]
async fn product(cache: &Cache, name: &str) -> Result<Product, Infallible> {
    Ok(query(name))
}

pub(crate) struct Athena(Cache);

impl Athena {
    /// Its runtime has to be entered.
    pub(crate) fn connect(url: &str) -> Self {
        Self(athena::in_redis("hello", url, Memory::bounded(ROOM)))
    }
}

impl Peer for Athena {
    type Value = Product;

    fn label(&self) -> &'static str {
        "athena, memory and Redis"
    }

    async fn call(&self, name: &str) -> Product {
        let Ok(product) = product(&self.0, name).await;
        product
    }

    async fn settle(&self) {
        self.0.settle().await;
    }
}
