//! hitbox: its attribute for functions, over moka or Redis.

use ::hitbox::backend::CacheBackend;
use ::hitbox::concurrency::NoopConcurrencyManager;
use ::hitbox::policy::PolicyConfig;
use hitbox_core::DisabledOffload;
use hitbox_fn::prelude::{Cache, CacheableResponse, cached};
use hitbox_moka::MokaBackend;
use hitbox_redis::{ConnectionMode, RedisBackend};
use serde::{Deserialize, Serialize};

use super::{Peer, Small, TTL, load, load_text};

#[derive(Debug, Clone, Serialize, Deserialize, CacheableResponse)]
struct Product {
    value: Small,
}

#[derive(Debug, Clone, Serialize, Deserialize, CacheableResponse)]
struct Text {
    value: String,
}

#[cached]
async fn product(name: String) -> Product {
    Product { value: load(&name) }
}

#[cached]
async fn text(name: String) -> Text {
    Text { value: load_text(&name) }
}

type Plain<B> = Cache<B, NoopConcurrencyManager, DisabledOffload>;

fn cache<B: CacheBackend>(backend: B) -> Plain<B> {
    Cache::builder().backend(backend).policy(PolicyConfig::builder().ttl(TTL).build()).build()
}

pub(crate) struct InMemory(Plain<MokaBackend>);

impl InMemory {
    pub(crate) fn new(entries: u64) -> Self {
        Self(cache(MokaBackend::builder().max_entries(entries).build()))
    }
}

impl Peer for InMemory {
    type Value = Small;

    fn label(&self) -> &'static str {
        "hitbox, #[cached] over moka"
    }

    async fn call(&self, name: &str) -> Small {
        product(name.to_owned()).cache(&self.0).await.value
    }
}

pub(crate) struct InRedis(Plain<RedisBackend>);

impl InRedis {
    pub(crate) fn connect(url: &str) -> Self {
        let backend = RedisBackend::builder().connection(ConnectionMode::single(url)).build();
        Self(cache(backend.expect("it can be built")))
    }
}

impl Peer for InRedis {
    type Value = String;

    fn label(&self) -> &'static str {
        "hitbox, #[cached] over Redis"
    }

    async fn call(&self, name: &str) -> String {
        text(name.to_owned()).cache(&self.0).await.value
    }
}
