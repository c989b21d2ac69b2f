//! Callers of items on all primaries, some of whom change them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use athena_cache::{Cache, Invalidated, Source, of};

use super::shards::{ATTEMPT, Running, SHARDS, item, shard_of_item};
use super::witness::Witness;
use crate::support::load::{Load, Record, Records, Verdict};
use crate::world::{Origin, eventually};

/// Callers until they are stopped.
pub(super) struct Traffic(Load);

/// What happens to items beside being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Changes {
    /// Nothing.
    None,
    /// One caller of eight changes and invalidates them; then nobody may see what was before.
    Some,
}

/// Where the answers came from, for each primary.
const LABELS: [[&str; 3]; SHARDS] = [
    ["0 backend", "0 memory", "0 function"],
    ["1 backend", "1 memory", "1 function"],
    ["2 backend", "2 memory", "2 function"],
];

/// How many call at the same time.
pub(super) const CALLERS: u64 = 8;

#[derive(Debug)]
struct Market {
    cache: Cache,
    origin: Origin,
    ids: Vec<u32>,
    /// What each item must at least be, by the last invalidation that is over.
    floors: HashMap<u32, AtomicU32>,
    changes: Changes,
}

impl Traffic {
    /// About 500 calls a second.
    pub(super) fn start(cache: &Cache, origin: &Origin, ids: &[u32], changes: Changes) -> Self {
        let floors = ids.iter().map(|id| (*id, AtomicU32::new(0))).collect();
        let (cache, origin, ids) = (cache.clone(), origin.clone(), ids.to_vec());
        let market = Arc::new(Market { cache, origin, ids, floors, changes });
        let call = move |caller, round| {
            let market = Arc::clone(&market);
            async move { market.call(caller, round).await }
        };
        Self(Load::start_paced(CALLERS, Duration::from_millis(16), call))
    }

    /// Waits until the callers have got so many answers more.
    pub(super) async fn goes_on(&self, calls: u64) {
        let aim = self.0.calls() + calls;
        eventually("the calls go on", async || self.0.calls() >= aim).await;
    }

    /// Ends the callers, and checks that each got a right value.
    pub(super) async fn stop(self) -> Records {
        let records = self.0.stop().await;
        assert_eq!((records.errors(), records.wrong()), (0, 0), "{:?}", first_bad(&records));
        records
    }
}

/// The calls for items that one primary held at the start.
pub(super) fn on(shard: usize, records: &Records) -> Records {
    records.filter(|record| LABELS[shard].contains(&record.label))
}

/// Those that the cluster did not answer.
pub(super) fn missed(records: &Records) -> Records {
    records.filter(|record| LABELS.iter().all(|labels| labels[0] != record.label))
}

/// Checks that nobody has noticed anything of some primaries, unless the machine gave them no time.
pub(super) fn are_unharmed(
    shards: &[usize],
    cluster: &Running,
    records: &Records,
    witness: &Witness,
) {
    let held_up = records.held_up();
    for &shard in shards {
        let missed = missed(&on(shard, records));
        let missed: Vec<&Record> = missed.iter().collect();
        let troubles = witness.troubles_of(&cluster.endpoint(shard));
        assert!(
            held_up >= ATTEMPT || (missed.is_empty() && troubles.is_empty()),
            "{shard}: {missed:?}, {troubles:?}; the machine stood still for {held_up:?}"
        );
    }
}

fn first_bad(records: &Records) -> Option<String> {
    let mut bad = records.iter().filter(|record| record.verdict != Verdict::Right);
    bad.next().map(|record| format!("{record:?}"))
}

impl Market {
    async fn call(&self, caller: u64, round: u64) -> (Verdict, &'static str) {
        let place = usize::try_from(caller * 5 + round * 7).expect("few") % self.ids.len();
        let id = self.ids[place];
        if self.changes == Changes::Some && caller == 0 {
            self.change(id).await;
        }
        let floor = self.floors[&id].load(Ordering::SeqCst);
        let Ok(seen) = of(item(&self.cache, &self.origin, id)).observe().await else {
            return (Verdict::Error, "not annotated");
        };
        let label = match seen.outcome.source {
            Source::Backend => 0,
            Source::Memory => 1,
            _ => 2,
        };
        let verdict = match seen.value {
            Ok(value) if value.id == id && value.version >= floor => Verdict::Right,
            Ok(_) => Verdict::Wrong,
            Err(_) => Verdict::Error,
        };
        (verdict, LABELS[shard_of_item(id)][label])
    }

    async fn change(&self, id: u32) {
        let version = self.origin.change();
        let done = self.cache.invalidate(format!("item:{id}")).await;
        assert!(matches!(done, Invalidated::Done | Invalidated::Pending));
        self.floors[&id].fetch_max(version, Ordering::SeqCst);
    }
}
