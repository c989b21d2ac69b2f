//! Everything that is known of a cache, at one moment.

use serde::Serialize;

use super::Cache;
use crate::clock::unix_millis;
use crate::health::Health;
use crate::remote::NodeStatus;
use crate::telemetry::{Distribution, SiteReport, Stats};

/// Everything that is known of a cache, at one moment: from [`Cache::report`].
///
/// It holds no key, argument, tag or value.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The namespace.
    pub cache: String,
    /// When it was made, by the machine's clock: milliseconds since 1970.
    pub at: u64,
    /// Whether every tier does its work.
    pub health: Health,
    /// What the cache has done.
    pub stats: Stats,
    /// The same for each function that was called, as far as it is about calls; the rest last.
    pub sites: Vec<SiteReport>,
    /// How the nodes of the backend fare.
    pub nodes: Vec<NodeStatus>,
}

impl Report {
    /// How old stale answers were, whatever the function; `None` if no function was called.
    pub fn stale_age(&self) -> Option<Distribution> {
        let mut ages = self.sites.iter().map(|site| &site.stale_age);
        let mut all = ages.next()?.clone();
        ages.for_each(|more| all.add(more));
        Some(all)
    }
}

impl Cache {
    /// Everything that is known now, from one pass over the counters; asks nobody.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use athena_cache_core::Cache;
    /// let cache = Cache::in_memory("shop");
    /// cache.entry("a").get_or_load(async || Ok::<_, std::io::Error>(1_u8)).await?;
    /// let report = cache.report();
    /// assert_eq!((&*report.cache, report.stats.misses, report.sites[0].site), ("shop", 1, "by hand"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn report(&self) -> Report {
        Report {
            cache: self.0.namespace.as_str().to_owned(),
            at: unix_millis(),
            health: self.health(),
            stats: self.stats(),
            sites: self.0.telemetry.sites(),
            nodes: self.nodes(),
        }
    }
}
