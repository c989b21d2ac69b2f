//! Everything that is known of a cache, at one moment.

use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::Cache;
use crate::backend::operate::ReplicaLag;
use crate::checks::{LAG_BYTES, LAG_SECONDS, REPLICATION};
use crate::clock::unix_millis;
use crate::excerpt::Excerpt;
use crate::health::{Fact, Health, HealthReport};
use crate::recovery::StepCount;
use crate::remote::{NodeStatus, RegionStatus};
use crate::settings::MemoryRole;
use crate::telemetry::timeline::Occurrence;
use crate::telemetry::{Distribution, ExchangeReport, HotEntry, SiteReport, Stats, WaitReport};
use crate::telemetry::{Event, History};

/// What health checks found longer ago is no longer how things are.
const RECENT: Duration = Duration::from_secs(60);

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
    /// Nodes that announce changes, of which not all are heard now: memory, being the first tier, does not answer for
    /// their entries.
    pub untrusted: u64,
    /// How long callers waited, by what answered them. Of hits in memory it is a sample of one in 1024; entries of
    /// batches are not measured.
    pub waits: Vec<WaitReport>,
    /// What nodes of the backend were asked for, and how they answered.
    pub exchanges: Vec<ExchangeReport>,
    /// How many operations may be attempted again now, of all together; `None` without a backend.
    pub retry_budget_left: Option<u64>,
    /// What health checks found last, if somebody has asked within the last minute.
    #[serde(serialize_with = "shared")]
    pub checks: Option<Arc<HealthReport>>,
    /// What was done so that the cache gets well, and what came of it.
    pub recovery: Vec<StepCount>,
    /// How the regions of the namespace fare; none without regions.
    pub regions: Vec<RegionStatus>,
    /// Most entries that memory holds.
    pub max_entries: u64,
}

#[expect(clippy::ref_option, reason = "serde hands it over so")]
fn shared<S: Serializer>(
    report: &Option<Arc<HealthReport>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    report.as_deref().serialize(serializer)
}

impl Report {
    /// What nodes of the backend were asked for, all nodes together: `endpoint` is empty.
    pub fn operations(&self) -> Vec<ExchangeReport> {
        ExchangeReport::together(&self.exchanges)
    }

    /// How far the last replica was behind, when health checks were asked; what is not known is `None`.
    pub fn replica_lag(&self) -> ReplicaLag {
        let entries = self.checks.as_ref().map(|checks| &checks.entries);
        let said = |name| match entries?.get(REPLICATION)?.data.get(name) {
            Some(Fact::Count(count)) => Some(*count),
            _ => None,
        };
        ReplicaLag { bytes: said(LAG_BYTES), seconds: said(LAG_SECONDS) }
    }

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
        let nodes = self.nodes();
        Report {
            cache: self.0.namespace.as_str().to_owned(),
            at: unix_millis(),
            health: self.health(),
            stats: self.stats(),
            sites: self.0.telemetry.sites(),
            untrusted: untrusted(self.0.settings.memory.role, &nodes),
            nodes,
            waits: self.0.telemetry.waits(),
            exchanges: self.0.telemetry.exchanges(),
            retry_budget_left: self.0.remote().map(|remote| remote.retries_left()),
            checks: self.0.checks.latest(RECENT),
            recovery: self.0.recovery.counts(),
            regions: self.regions(),
            max_entries: self.0.settings.memory.max_entries,
        }
    }

    /// What the cache did of late, step by step; asks nobody.
    ///
    /// Steps are told apart by samples of the counters, which a cache without a backend takes whenever it is asked:
    /// they lie farther apart there.
    pub fn history(&self) -> History {
        self.0.telemetry.history(self.0.clock.now())
    }

    /// What happened rarely, the latest last: failovers, breakers, trust; 256 of them at most.
    pub fn timeline(&self) -> Vec<Occurrence> {
        self.0.telemetry.timeline()
    }

    /// About 128 entries that were hit most in memory, the hottest first, from a sample of one hit in 1024.
    ///
    /// Their topics hold keys, for programs: show nobody but those who may see them.
    pub fn hot(&self) -> Vec<HotEntry> {
        self.0.telemetry.hot()
    }

    /// Notes that somebody had something done by hand, for the log and the timeline; both are cut to what is shown
    /// of texts from outside.
    pub fn acted(&self, what: &str, actor: &str) {
        let [what, actor] = [what, actor].map(Excerpt::of);
        self.0.telemetry.tell(&Event::Acted { what: what.as_str(), actor: actor.as_str() });
    }
}

fn untrusted(memory: MemoryRole, nodes: &[NodeStatus]) -> u64 {
    let is_unheard = |node: &&NodeStatus| node.announces() && !node.trusted;
    match memory {
        MemoryRole::Tier => nodes.iter().filter(is_unheard).count() as u64,
        _ => 0,
    }
}
