//! amalgam-cache: `get_or_set`, in memory or in Redis alone. Its functions own what they need.

use std::convert::Infallible;
use std::sync::Arc;

use ::amalgam::provider::{JsonSerializer, RedisDistributedCache};
use ::amalgam::{Cache, EntryOptions};

use super::{Peer, Small, TTL, load, load_text};

pub(crate) struct InMemory(Cache<Small>);

impl InMemory {
    pub(crate) fn new(entries: u64) -> Self {
        let builder = Cache::builder().max_capacity(entries);
        let cache = builder.default_options(EntryOptions::new(TTL)).try_build();
        Self(cache.expect("it can be built"))
    }
}

impl Peer for InMemory {
    type Value = Small;

    fn label(&self) -> &'static str {
        "amalgam, get_or_set"
    }

    async fn call(&self, name: &str) -> Small {
        let owned = name.to_owned();
        let load = |_| async move { Ok::<_, Infallible>(load(&owned)) };
        self.0.get_or_set(name, load).await.expect("nothing fails")
    }
}

pub(crate) struct InRedis(Cache<String>);

impl InRedis {
    pub(crate) async fn connect(url: &str) -> Self {
        let redis = RedisDistributedCache::connect(url).await.expect("Redis answers");
        let builder = Cache::builder()
            .distributed(Arc::new(redis))
            .serializer(Arc::new(JsonSerializer))
            .default_options(EntryOptions::new(TTL).with_skip_memory(true, true));
        Self(builder.try_build().expect("it can be built"))
    }
}

impl Peer for InRedis {
    type Value = String;

    fn label(&self) -> &'static str {
        "amalgam, get_or_set, without memory"
    }

    async fn call(&self, name: &str) -> String {
        let owned = name.to_owned();
        let load = |_| async move { Ok::<_, Infallible>(load_text(&owned)) };
        self.0.get_or_set(name, load).await.expect("nothing fails")
    }
}
