//! moka: its future cache with a ttl.

use std::hash::BuildHasher;

use ::moka::future::Cache;

use super::{Peer, Small, TTL, load};

pub(crate) struct Moka<S> {
    label: &'static str,
    cache: Cache<String, Small, S>,
}

impl<S: BuildHasher + Clone + Send + Sync + 'static> Moka<S> {
    pub(crate) fn new(label: &'static str, entries: u64, hasher: S) -> Self {
        let builder = Cache::builder().max_capacity(entries).time_to_live(TTL);
        Self { label, cache: builder.build_with_hasher(hasher) }
    }
}

impl<S: BuildHasher + Clone + Send + Sync + 'static> Peer for Moka<S> {
    type Value = Small;

    fn label(&self) -> &'static str {
        self.label
    }

    async fn call(&self, name: &str) -> Small {
        if let Some(value) = self.cache.get(name).await {
            return value;
        }
        let value = load(name);
        self.cache.insert(name.to_owned(), value).await;
        value
    }

    async fn settle(&self) {
        self.cache.run_pending_tasks().await;
    }
}
