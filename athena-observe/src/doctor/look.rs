//! Looking at some of the names of a cache.
//!
//! Invariant: it ends with its limit, with what it has seen by then.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use athena_cache_core::backend::operate::{Operator, Scan};
use athena_cache_core::inspect::{self, NameKind};

use super::facts::NameFacts;

/// How many names are looked at, how many at a time, and how often a node is asked for some: where others have
/// stored much beside the cache, few of those that it looks at are the cache's.
const NAMES: usize = 2_000;
const AT_A_TIME: usize = 500;
const PAGES: usize = 200;
/// How many functions are named.
const NAMED: usize = 5;

impl NameFacts {
    /// Looks at some; `None` if nobody lists any.
    pub(super) async fn look(
        operator: &dyn Operator,
        namespace: &str,
        limit: Duration,
    ) -> Option<Self> {
        let (prefix, begun) = (format!("{namespace}:"), Instant::now());
        let mut scan = Scan::new(operator, &prefix, AT_A_TIME);
        let (mut facts, mut is_told) = (Self::default(), false);
        let mut digested = BTreeSet::new();
        for _ in 0..PAGES {
            let Some(page) = scan.next().await else { break };
            if let Ok(names) = page {
                is_told = true;
                let values = facts.note(namespace, names, &mut digested);
                let stored = operator.stored(&values, inspect::Summary::LENGTH).await;
                let stored = stored.unwrap_or_default();
                let endless = stored.iter().flatten().filter(|value| value.remaining.is_none());
                facts.without_life += endless.count();
            }
            if facts.looked_at >= NAMES || begun.elapsed() >= limit {
                break;
            }
        }
        facts.digested = digested.into_iter().take(NAMED).collect();
        is_told.then_some(facts)
    }

    /// Counts them, and gives back those of values.
    fn note(
        &mut self,
        namespace: &str,
        names: Vec<String>,
        digested: &mut BTreeSet<String>,
    ) -> Vec<String> {
        self.looked_at += names.len();
        let mut values = Vec::new();
        for name in names {
            let Some(seen) = inspect::see(namespace, &name) else { continue };
            match seen.kind {
                NameKind::Value => {
                    self.digests += usize::from(seen.is_digest);
                    digested.extend(seen.site.filter(|_| seen.is_digest));
                    values.push(name);
                }
                NameKind::Foreign => self.foreign += 1,
                _ => {}
            }
        }
        values
    }
}
