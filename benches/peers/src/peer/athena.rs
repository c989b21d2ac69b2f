//! athena-cache: the attribute with and without a key, `entry`, and Redis in each role of memory.

use std::convert::Infallible;

use athena_cache::{Cache, Memory, Redis, athena_cache};

use super::{Peer, Small, TTL, load, load_text};

#[athena_cache(ttl = "1h", cache = cache)]
async fn product(cache: &Cache, name: &str) -> Result<Small, Infallible> {
    Ok(load(name))
}

#[athena_cache(ttl = "1h", key = "p:{name}", cache = cache)]
async fn keyed_product(cache: &Cache, name: &str) -> Result<Small, Infallible> {
    Ok(load(name))
}

#[athena_cache(ttl = "1h", tags = ["products", "product:{name}"], cache = cache)]
async fn tagged_product(cache: &Cache, name: &str) -> Result<Small, Infallible> {
    Ok(load(name))
}

#[athena_cache(ttl = "1h", cache = cache)]
async fn text(cache: &Cache, name: &str) -> Result<String, Infallible> {
    Ok(load_text(name))
}

#[athena_cache(ttl = "1h", tags = ["products", "product:{name}"], cache = cache)]
async fn tagged_text(cache: &Cache, name: &str) -> Result<String, Infallible> {
    Ok(load_text(name))
}

/// A cache without a backend.
pub(crate) fn in_memory(namespace: &str, entries: u64) -> Cache {
    let builder = Cache::builder(namespace).memory(Memory::bounded(entries));
    builder.build().expect("it can be built")
}

/// A cache in front of Redis; its runtime has to be entered.
pub(crate) fn in_redis(namespace: &str, url: &str, memory: Memory) -> Cache {
    let redis = Redis::from_url(url).expect("a valid URL");
    Cache::builder(namespace).backend(redis).memory(memory).build().expect("it can be built")
}

macro_rules! peer {
    ($name:ident -> $value:ty, |$cache:ident, $argument:ident| $call:expr) => {
        pub(crate) struct $name {
            pub(crate) label: &'static str,
            pub(crate) cache: Cache,
        }

        impl Peer for $name {
            type Value = $value;

            fn label(&self) -> &'static str {
                self.label
            }

            async fn call(&self, $argument: &str) -> $value {
                let $cache = &self.cache;
                let Ok(value) = $call;
                value
            }

            async fn settle(&self) {
                self.cache.settle().await;
            }
        }
    };
}

peer!(Derived -> Small, |cache, name| product(cache, name).await);
peer!(Keyed -> Small, |cache, name| keyed_product(cache, name).await);
peer!(Tagged -> Small, |cache, name| tagged_product(cache, name).await);
peer!(Entry -> Small, |cache, name| {
    cache.entry(name).ttl(TTL).get_or_load(async || Ok::<_, Infallible>(load(name))).await
});
peer!(Shared -> String, |cache, name| text(cache, name).await);
peer!(SharedTagged -> String, |cache, name| tagged_text(cache, name).await);
