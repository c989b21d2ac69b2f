//! The nodes, asked every few milliseconds past the cache.

use std::time::{Duration, Instant};

use crate::scenario::{Fault, Scenario};
use crate::script::Marks;
use crate::stage::{Stage, VICTIM};
use crate::support::prober::{Change, Prober};
use crate::support::role::Role;
use crate::support::writes::Writes;

/// Each lease and each fill that the node takes is one `SET`.
const WRITES: &[&str] = &["set"];
/// How soon a node that was brought back is seen; what is seen later is a busy machine.
const SEEN: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Watchers {
    prober: Prober,
    /// Of the nodes of the broken shard, with their places.
    writes: Vec<(usize, Writes)>,
}

/// What the nodes of the broken shard said.
#[derive(Debug, Clone)]
pub(crate) struct Findings {
    pub(crate) broken: Instant,
    /// When the fault and what it brought about are over for callers.
    pub(crate) over: Instant,
    /// The node that took over or came back, and when it first could take writes.
    pub(crate) ready: Option<(usize, Instant)>,
    /// When our first write after that reached it.
    pub(crate) resumed: Option<Instant>,
    /// The longest time without a write: when it began, and how long it was.
    pub(crate) gap: (Instant, Duration),
    /// Writes that the old primary took after another one could; none if there is no other one.
    pub(crate) late: Option<u64>,
}

impl Watchers {
    /// Begins to ask; all that is counted comes after this.
    pub(crate) fn start(stage: &Stage) -> Self {
        let addresses = stage.addresses();
        let shard = stage.shard();
        let of_shard = addresses.iter().enumerate().filter(|(place, _)| shard.contains(place));
        let writes = of_shard.map(|(place, it)| (place, Writes::start(it.clone(), WRITES)));
        Self { writes: writes.collect(), prober: Prober::start(addresses) }
    }

    /// The changes of roles that were seen.
    pub(crate) fn changes(&self) -> Vec<Change> {
        self.prober.changes()
    }

    /// Reads out what was seen; `fills` are the writes of the shard that the cache knows of.
    pub(crate) fn findings(
        &self,
        scenario: Scenario,
        marks: &Marks,
        fills: &[Instant],
        end: Instant,
    ) -> Findings {
        let broken = marks.broken;
        let ready = match scenario.fault {
            // It never stopped to answer those who ask it past the proxy.
            Fault::Partition if scenario.is_return() => marks.repaired.map(|at| (VICTIM, at)),
            _ if scenario.is_return() => self.return_of(VICTIM, marks).map(|at| (VICTIM, at)),
            _ => self.successor(broken),
        };
        let (late, good) = match ready {
            // What a frozen node had been sent counts when it is thawed: the cache knows better.
            _ if scenario.is_return() => (None, fills.to_vec()),
            Some((node, at)) => {
                (Some(self.of(VICTIM).map_or(0, |it| it.after(at))), self.succession(node, at))
            }
            None => (None, self.moments(VICTIM)),
        };
        let resumed = ready.and_then(|(node, at)| match self.of(node) {
            Some(writes) if !scenario.is_return() => {
                writes.all().iter().map(|it| it.at).find(|it| *it >= broken)
            }
            _ => fills.iter().copied().find(|it| *it >= at),
        });
        let over = match scenario.fault {
            Fault::Rolling => resumed.map(|at| at.max(marks.done)),
            _ => resumed,
        };
        let gap = longest_gap(&good, broken, end);
        Findings { broken, over: over.unwrap_or(end), ready, resumed, gap, late }
    }

    /// When a node that was brought back first was a primary again, for the last time if repeatedly.
    fn return_of(&self, node: usize, marks: &Marks) -> Option<Instant> {
        let changes = self.prober.changes();
        let brought_back = marks.broken..marks.done + SEEN;
        let mut meant =
            changes.iter().filter(|it| it.node == node && brought_back.contains(&it.at));
        meant.rfind(|it| it.role == Some(Role::Primary)).map(|it| it.at)
    }

    /// The first node that took over from the broken one, and when it said so.
    fn successor(&self, after: Instant) -> Option<(usize, Instant)> {
        let others = self.writes.iter().map(|(node, _)| *node).filter(|node| *node != VICTIM);
        let promoted =
            others.filter_map(|node| Some((node, self.prober.first_primary(node, after)?)));
        promoted.min_by_key(|(_, at)| *at)
    }

    /// When writes reached whoever was the primary: the broken node, then the one that took over.
    fn succession(&self, node: usize, at: Instant) -> Vec<Instant> {
        let before = self.moments(VICTIM).into_iter().filter(|it| *it < at);
        before.chain(self.moments(node)).collect()
    }

    fn moments(&self, node: usize) -> Vec<Instant> {
        let all = self.of(node).map(Writes::all).unwrap_or_default();
        all.into_iter().map(|it| it.at).collect()
    }

    fn of(&self, node: usize) -> Option<&Writes> {
        self.writes.iter().find(|(place, _)| *place == node).map(|(_, writes)| writes)
    }
}

/// The longest time without a moment that ends after `from`; the end is a moment.
fn longest_gap(moments: &[Instant], from: Instant, end: Instant) -> (Instant, Duration) {
    let mut moments: Vec<_> = moments.iter().copied().chain([end]).collect();
    moments.sort();
    let gaps = moments.windows(2).filter(|pair| pair[1] >= from);
    let longest = gaps.max_by_key(|pair| pair[1] - pair[0]);
    longest.map_or((from, end.saturating_duration_since(from)), |pair| (pair[0], pair[1] - pair[0]))
}
