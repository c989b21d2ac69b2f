//! What the cache promises, checked against what happened.
//!
//! P1: a value is of the item asked for, and of a version that the source has had.
//! P2: what is served as fresh is not older than an invalidation, by whomever, that was done longer ago
//! than the bound. P3: in the process that invalidated the bound is zero, done or pending, and flags
//! excuse nothing. P4: once all is well and quiet, everybody reads what the source has. P5, that nothing
//! invalidated comes back, is P2 and P3 over the whole play. P6, that the cache does its work, is in
//! [`duty`](super::duty). P7: what is served as fresh was loaded no longer ago than it is kept as that.

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::duty::Duty;
use super::record::{Ending, Flags, History, Invalidation, Read};

/// What a play was promised.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    /// How long after an invalidation was done the others may serve what it reached.
    pub(crate) bound: Duration,
    /// When acknowledgements may have been lost with the node that gave them.
    pub(crate) unrest: Vec<Unrest>,
    /// Whether nothing was broken, so that what a function does not tell went well.
    pub(crate) is_calm: bool,
    /// Whether every node answers, so that flags excuse nothing in other processes either.
    pub(crate) all_answer: bool,
    /// How many processes there are.
    pub(crate) processes: usize,
    /// How long after the beginning of its load each item may be fresh, where that is short; none of them if nobody
    /// asks.
    pub(crate) lives: Vec<Option<Duration>>,
    /// What has to work, and when.
    pub(crate) duties: Vec<Duty>,
}

/// A stretch in which one node takes over from another.
///
/// What the former one acknowledged in it may be lost. Only the process that asked for it knows, and
/// tells the new node once it has met it: from then on the bound counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unrest {
    pub(crate) from: Duration,
    /// When every process had met the new node.
    pub(crate) until: Duration,
    /// Whose acknowledgements may be lost; everybody's if none are named.
    pub(crate) of: Vec<usize>,
}

/// A promise of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Promise {
    P1,
    P2,
    P3,
    P4,
    P7,
}

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) promise: Promise,
    pub(crate) read: Read,
    /// The version that it should have had at least; of P1 and P4 the one of the source.
    pub(crate) least: u32,
    /// What demands that.
    pub(crate) since: Option<Invalidation>,
}

/// An item that was loaded too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Surplus {
    pub(crate) item: usize,
    pub(crate) loads: u64,
    pub(crate) allowed: u64,
}

/// Every promise that was not kept, in the order of the reads.
pub(crate) fn check(history: &History, rules: &Rules) -> Vec<Violation> {
    let demands: Vec<_> =
        (0..history.written.len()).map(|item| Demands::of(history, rules, item)).collect();
    let mut found: Vec<_> =
        history.reads.iter().filter_map(|read| judge(history, rules, &demands, read)).collect();
    let last = |read: &&Read| read.version != newest(history, read.item);
    let judged = |read| judge(history, rules, &demands, read);
    found.extend(history.last_reads.iter().filter_map(judged));
    found.extend(history.last_reads.iter().filter(last).map(|read| Violation {
        promise: Promise::P4,
        read: read.clone(),
        least: newest(history, read.item),
        since: None,
    }));
    found.sort_by_key(|violation| (violation.read.begun, violation.promise));
    found
}

/// What makes an item be loaded beside the invalidations of its own names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Nothing.
    Usual,
    /// It is loaded again without an invalidation, so its loads are not judged.
    Renewed,
    /// Every change of a tag: its own tags are not known before it is loaded.
    Labelled,
    /// Batches, which do not wait for the lease of another process; so many loads did not.
    Batched(u64),
}

/// The items that were loaded more often than once, once more by every process after each invalidation that
/// reached them, and `in_time` times without a reason.
pub(crate) fn surplus(
    history: &History,
    processes: usize,
    in_time: u64,
    habit: impl Fn(usize) -> Habit,
) -> Vec<Surplus> {
    let is_wide = |it: &Invalidation| it.covers.len() > 1;
    let reaching = |item: usize| {
        let late = habit(item) == Habit::Labelled;
        let all = history.invalidations.iter();
        all.filter(|it| it.version_of(item).is_some() || late && is_wide(it)).count()
    };
    let mut found = Vec::new();
    for (item, loads) in history.loaded.iter().enumerate() {
        let loads = loads.len() as u64;
        let more = match habit(item) {
            Habit::Usual | Habit::Labelled => 0,
            Habit::Batched(beside) => beside,
            Habit::Renewed => continue,
        };
        let allowed = 1 + reaching(item) as u64 * processes as u64 + in_time + more;
        if loads > allowed {
            found.push(Surplus { item, loads, allowed });
        }
    }
    found
}

/// When an invalidation counts for all processes; `None` if it never has to.
pub(crate) fn due(invalidation: &Invalidation, rules: &Rules) -> Option<Duration> {
    let is_done = match invalidation.ending {
        Ending::Done => true,
        Ending::Pending => false,
        Ending::Unsaid => rules.is_calm,
    };
    let Invalidation { process, ended, .. } = invalidation;
    let lost = rules.unrest.iter().filter(|it| {
        (it.from..=it.until).contains(ended) && (it.of.is_empty() || it.of.contains(process))
    });
    let known = lost.map(|unrest| unrest.until).max().unwrap_or(*ended);
    is_done.then_some(known + rules.bound)
}

/// What is demanded of reads of one item: who, from when on, at least which version.
struct Demands<'a> {
    /// Of all processes.
    everybody: Vec<Demand<'a>>,
    /// Of each process by its own invalidations.
    own: Vec<Vec<Demand<'a>>>,
}

#[derive(Clone, Copy)]
struct Demand<'a> {
    from: Duration,
    least: u32,
    since: &'a Invalidation,
}

impl<'a> Demands<'a> {
    fn of(history: &'a History, rules: &Rules, item: usize) -> Self {
        let mut everybody = Vec::new();
        let mut own = vec![Vec::new(); rules.processes];
        for since in &history.invalidations {
            let Some(least) = since.version_of(item) else { continue };
            if let Some(from) = due(since, rules) {
                everybody.push(Demand { from, least, since });
            }
            if let Some(own) = own.get_mut(since.process) {
                own.push(Demand { from: since.ended, least, since });
            }
        }
        for own in &mut own {
            rise(own);
        }
        rise(&mut everybody);
        Self { everybody, own }
    }
}

/// Puts demands in the order of time, each with the highest version demanded by then.
fn rise(demands: &mut [Demand<'_>]) {
    demands.sort_by_key(|demand| demand.from);
    for place in 1..demands.len() {
        let before = demands[place - 1];
        if before.least > demands[place].least {
            demands[place] = Demand { from: demands[place].from, ..before };
        }
    }
}

/// What was demanded of whoever began then.
fn demanded<'a>(demands: &[Demand<'a>], begun: Duration) -> Option<Demand<'a>> {
    let count = demands.partition_point(|demand| demand.from < begun);
    count.checked_sub(1).map(|place| demands[place])
}

/// The first promise that a read breaks.
fn judge(
    history: &History,
    rules: &Rules,
    demands: &[Demands<'_>],
    read: &Read,
) -> Option<Violation> {
    let version = usize::try_from(read.version).unwrap_or(usize::MAX);
    let existed = history.written[read.item].get(version).is_some_and(|at| *at <= read.ended);
    if read.of != read.item || !existed {
        let least = newest(history, read.item);
        return Some(Violation { promise: Promise::P1, read: read.clone(), least, since: None });
    }
    let of_item = &demands[read.item];
    let broken = |promise: Promise, demands: &[Demand<'_>]| {
        let demand = demanded(demands, read.begun).filter(|it| read.version < it.least)?;
        let (least, since) = (demand.least, Some(demand.since.clone()));
        Some(Violation { promise, read: read.clone(), least, since })
    };
    let own = of_item.own.get(read.process).and_then(|own| broken(Promise::P3, own));
    let is_excused = match read.flags {
        Flags::Fresh { .. } => false,
        Flags::Flagged => !rules.all_answer,
        Flags::Unsaid => true,
    };
    own.or_else(|| broken(Promise::P2, &of_item.everybody).filter(|_| !is_excused))
        .or_else(|| outlived(history, rules, read))
}

/// Whether a read was fresh for longer than since any load of its item.
fn outlived(history: &History, rules: &Rules, read: &Read) -> Option<Violation> {
    let life = rules.lives.get(read.item).copied().flatten()?;
    let earliest = read.begun.saturating_sub(life);
    let loaded = history.loaded.get(read.item)?;
    let is_young = loaded.iter().any(|began| (earliest..=read.ended).contains(began));
    let (promise, least, since) = (Promise::P7, read.version, None);
    let violation = || Violation { promise, read: read.clone(), least, since };
    (read.flags.is_fresh() && !is_young).then(violation)
}

fn newest(history: &History, item: usize) -> u32 {
    u32::try_from(history.written[item].len() - 1).unwrap_or(u32::MAX)
}
