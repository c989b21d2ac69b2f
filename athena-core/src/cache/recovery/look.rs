//! What is seen of a cache at one look.
//!
//! Invariant: what was not found out is unknown. Nobody is asked while the backend is isolated.

use super::super::Cache;
use crate::checks::judge_memory;
use crate::health::Health;
use crate::recovery::{Seen, SpeedCounts, SpeedRecord};
use crate::remote::NodeCheck;
use crate::telemetry::{Distribution, ExchangeReport, Stats};

/// What is compared with what was seen before.
#[derive(Default)]
pub(super) struct Lookout {
    speed: SpeedRecord,
    counted: Option<CountedReads>,
}

/// What had been counted until the last look.
#[derive(Clone, Copy)]
struct CountedReads {
    reads: u64,
    damaged: u64,
}

impl Cache {
    /// Looks; `None` if nobody is to be asked.
    pub(super) async fn look(&self, lookout: &mut Lookout) -> Option<Seen> {
        let runtime = self.runtime();
        let remote = runtime.remote()?;
        if remote.is_left_alone() {
            return None;
        }
        let limit = runtime.settings.health.limit;
        let any_answered = any_answered(&remote.check_reach(limit).await);
        // Afterwards: a link that has found out meanwhile is at it.
        let links_ready = remote.nodes().iter().any(|node| node.ready);
        let short_of_memory = match remote.operator() {
            Some(operator) => {
                let found = judge_memory(&*operator.survey(limit).await);
                found.status().map(|status| (status != Health::Healthy, found.words().to_owned()))
            }
            None => None,
        };
        let (reads, damaged) = lookout.since(CountedReads {
            reads: reads(&runtime.telemetry.stats()),
            damaged: remote.damaged(),
        });
        Some(Seen {
            any_answered,
            links_ready,
            reads,
            damaged,
            exchanges: lookout.speed.tick(counts(&runtime.telemetry.exchanges())),
            is_short_of_memory: short_of_memory.as_ref().map(|(is_short, _)| *is_short),
            memory: short_of_memory.map(|(_, found)| found),
            may_act: runtime.settings.recovery.act,
        })
    }
}

impl Lookout {
    /// What was counted since the last look; nothing at the first one.
    fn since(&mut self, now: CountedReads) -> (u64, u64) {
        let before = self.counted.replace(now).unwrap_or(now);
        (now.reads.saturating_sub(before.reads), now.damaged.saturating_sub(before.damaged))
    }
}

/// Whether any node answered; `None` if none was asked.
fn any_answered(checks: &[NodeCheck]) -> Option<bool> {
    let mut answers = checks.iter().filter_map(|check| check.done.as_ref()).peekable();
    answers.peek().is_some().then(|| answers.any(Result::is_ok))
}

/// Calls that looked in the backend.
fn reads(stats: &Stats) -> u64 {
    [stats.backend_hits, stats.stale_hits, stats.misses].iter().sum()
}

/// All exchanges with all nodes.
fn counts(exchanges: &[ExchangeReport]) -> SpeedCounts {
    let mut all: Option<Distribution> = None;
    for exchange in exchanges {
        match &mut all {
            Some(all) => all.add(&exchange.took),
            None => all = Some(exchange.took.clone()),
        }
    }
    all.map_or_else(SpeedCounts::default, |all| SpeedCounts {
        buckets: all.buckets,
        above: all.above,
    })
}
