//! Whether there is anything to remove; asks, and changes nothing.
//!
//! Invariant: what the servers do not say is unknown, and never taken for nothing.

use athena_cache_core::backend::Backend;
use athena_cache_core::backend::operate::Operator;
use athena_cache_core::inspect::{self, EntryNameSet};
use athena_cache_redis::Redis;

/// Looks for what is stored in a namespace.
pub(super) struct Presence<'a> {
    pub(super) redis: &'a Redis,
    pub(super) operator: &'a dyn Operator,
    pub(super) namespace: &'a str,
}

impl Presence<'_> {
    /// Whether a cache has ever stored anything in the namespace: its generations never end.
    pub(super) async fn of_namespace(&self) -> Option<bool> {
        let partitions = self.redis.partitions();
        let whole = |partition: Option<&str>| {
            inspect::namespace_name(self.namespace, partition).unwrap_or_default()
        };
        let mut names: Vec<_> = partitions.iter().map(|it| whole(Some(it.as_str()))).collect();
        if names.is_empty() {
            names.push(whole(None));
        }
        names.push(format!("{}:#", self.namespace));
        self.any(&names).await
    }

    /// Whether a value or the lease of an entry is stored.
    pub(super) async fn of_entry(&self, names: &EntryNameSet) -> Option<bool> {
        let all: Vec<_> = names.values.iter().chain([&names.lease]).cloned().collect();
        self.any(&all).await
    }

    /// Whether anything can carry a tag: there is a generation of each tag that anything carries.
    pub(super) async fn of_tag(&self, tag: &str) -> Option<bool> {
        self.any(&[inspect::tag_name(self.namespace, tag).ok()?]).await
    }

    async fn any(&self, names: &[String]) -> Option<bool> {
        let stored = self.operator.stored(names, 1).await.ok()?;
        Some(stored.iter().any(Option::is_some))
    }
}
