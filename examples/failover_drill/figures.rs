//! The figures of one run, and the medians of several.

use std::time::{Duration, Instant};

use athena_cache::Stats;

use crate::ledger::{Kind, Ledger};
use crate::scenario::{Fault, Scenario};
use crate::support::load::Records;
use crate::support::topology::Topology;
use crate::traffic::{INVALIDATION, SHARDS};
use crate::watch::{Findings, Timeline};

/// Rows and facts of the same scenario are the same in number and order.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    pub(crate) rows: Vec<Row>,
    pub(crate) facts: Vec<(&'static str, Fact)>,
    pub(crate) errors: usize,
    pub(crate) wrong: usize,
}

/// Times of calls of one kind in one phase; no times if there were none.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) calls: u64,
    /// Of every two, hundred, thousand calls all but one took no longer; then the worst.
    pub(crate) times: Option<[Duration; 4]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fact {
    Count(u64),
    Time(Duration),
    /// It did not come to pass; orders after every time.
    Never,
}

/// A call that took longer has waited for a node.
const SLOW: Duration = Duration::from_millis(100);

/// A part of a run.
#[derive(Debug, Clone, Copy)]
struct Phase {
    name: &'static str,
    from: Duration,
    to: Duration,
}

impl Figures {
    pub(crate) fn of(
        scenario: Scenario,
        records: &Records,
        timeline: &Timeline,
        findings: &Findings,
        stats: &Stats,
        ledger: &Ledger,
    ) -> Self {
        let phases = phases(records, timeline, findings);
        let rows = kinds(scenario).into_iter().flat_map(|(kind, labels)| {
            let of_kind = records.filter(|it| labels.contains(&it.label));
            phases.map(|phase| Row::of(format!("{kind}{}", phase.name), &phase.pick(&of_kind)))
        });
        let slow = phases[2].pick(&records.filter(|it| it.took > SLOW)).count() as u64;
        let mut facts = facts(scenario, timeline, findings, stats);
        facts.push(("calls of over 100 ms while a breaker was open", Fact::Count(slow)));
        facts.extend(outdated(ledger, findings.broken));
        Self { rows: rows.collect(), facts, errors: records.errors(), wrong: records.wrong() }
    }

    pub(crate) fn are_harmless(&self) -> bool {
        self.errors == 0 && self.wrong == 0
    }

    /// Of each figure the median; of errors and wrong values the sum.
    pub(crate) fn medians(runs: &[Self]) -> Self {
        let Some(first) = runs.first() else {
            return Self { rows: Vec::new(), facts: Vec::new(), errors: 0, wrong: 0 };
        };
        let rows = first.rows.iter().enumerate().map(|(place, row)| {
            let of_runs = || runs.iter().filter_map(|run| run.rows.get(place));
            let times =
                |column: usize| median(of_runs().filter_map(|row| Some(row.times?[column])));
            let times = [times(0), times(1), times(2), times(3)];
            let [Some(a), Some(b), Some(c), Some(d)] = times else {
                return Row { name: row.name.clone(), calls: 0, times: None };
            };
            let calls = median(of_runs().map(|row| row.calls)).unwrap_or_default();
            Row { name: row.name.clone(), calls, times: Some([a, b, c, d]) }
        });
        let facts = first.facts.iter().enumerate().map(|(place, (name, _))| {
            let of_runs = runs.iter().filter_map(|run| Some(run.facts.get(place)?.1));
            (*name, median(of_runs).unwrap_or(Fact::Never))
        });
        Self {
            rows: rows.collect(),
            facts: facts.collect(),
            errors: runs.iter().map(|run| run.errors).sum(),
            wrong: runs.iter().map(|run| run.wrong).sum(),
        }
    }
}

impl Row {
    fn of(name: String, records: &Records) -> Self {
        let times = (records.count() > 0).then(|| {
            let share = |share: f64| records.percentile(share);
            [share(0.5), share(0.99), share(0.999), records.worst()]
        });
        Self { name, calls: records.count() as u64, times }
    }
}

impl Phase {
    /// The calls that ended in it; a call that the fault holds up belongs to the fault.
    fn pick(self, records: &Records) -> Records {
        records.filter(|it| (self.from..self.to).contains(&it.end()))
    }
}

/// Before the fault, two parts of it, and after it.
fn phases(records: &Records, timeline: &Timeline, findings: &Findings) -> [Phase; 4] {
    let broken = records.time_of(findings.broken);
    let over = records.time_of(findings.over).max(broken);
    let opening = timeline.first_opening(findings.broken).map(|at| records.time_of(at));
    let open = opening.map_or(over, |at| at.clamp(broken, over));
    // A call that began before the breaker opened waits for the node; it ends an attempt later.
    let late = records
        .filter(|it| it.at < open && it.end() >= open && it.end() < over)
        .iter()
        .map(crate::support::load::Record::end)
        .max();
    let settled = late.map_or(open, |end| end + Duration::from_nanos(1)).min(over);
    let phase = |name, from, to| Phase { name, from, to };
    [
        phase("before", Duration::ZERO, broken),
        phase("during, until a breaker is open", broken, settled),
        phase("during, since then", settled, over),
        phase("after", over, Duration::MAX),
    ]
}

/// Which calls are told apart, and what stands in front of the name of their rows.
fn kinds(scenario: Scenario) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut kinds = match scenario.topology {
        Topology::Cluster => {
            vec![("broken shard, ", vec![SHARDS[0]]), ("other shards, ", SHARDS[1..].to_vec())]
        }
        Topology::Standalone | Topology::Sentinel => vec![("reads, ", SHARDS.to_vec())],
    };
    kinds.push(("invalidations, ", vec![INVALIDATION]));
    kinds
}

fn facts(
    scenario: Scenario,
    timeline: &Timeline,
    findings: &Findings,
    stats: &Stats,
) -> Vec<(&'static str, Fact)> {
    let since = |from, to: Option<_>| to.map_or(Fact::Never, |to| time_between(from, to));
    let broken = findings.broken;
    let ready = findings.ready.map(|(_, at)| at);
    let names = if scenario.is_return() {
        ["node 0 could be reached again, after the fault", "our first write there, after that"]
    } else {
        [
            "another node first said role:master, after the fault",
            "our first write there, after that",
        ]
    };
    let mut facts = vec![
        ("longest time without a write", Fact::Time(findings.gap.1)),
        (names[0], since(broken, ready)),
        (names[1], ready.map_or(Fact::Never, |ready| since(ready, findings.resumed))),
        ("a breaker first opened, after the fault", since(broken, timeline.first_opening(broken))),
    ];
    if let Some(late) = findings.late {
        let name = match scenario.fault {
            Fault::Freeze | Fault::Partition => "writes the old primary executed after that moment",
            _ => "writes the old primary acknowledged after that moment",
        };
        facts.push((name, Fact::Count(late)));
    }
    let counts = [
        ("breaker openings", stats.breaker_openings),
        ("failovers heard of", stats.failovers),
        ("silent connections replaced", stats.reconnects),
        ("hits in Redis", stats.backend_hits),
        ("hits in memory while Redis could not answer", stats.degraded_hits),
        ("loads", stats.loads),
        ("operations that failed", stats.backend_failures.values().sum()),
    ];
    facts.extend(counts.map(|(name, count)| (name, Fact::Count(count))));
    facts
}

/// How outdated answers were that another process had changed meanwhile.
fn outdated(ledger: &Ledger, broken: Instant) -> [(&'static str, Fact); 8] {
    let calm = ledger.tally(Kind::Silent, |begun| begun < broken);
    let since = ledger.tally(Kind::Silent, |begun| begun >= broken);
    let [flagged, untold] = [Kind::Flagged, Kind::Untold].map(|kind| ledger.tally(kind, |_| true));
    [
        ("outdated answers that nothing said of, before the fault", Fact::Count(calm.count)),
        ("  by at most", Fact::Time(calm.worst)),
        ("the same, since then", Fact::Count(since.count)),
        ("  by at most", Fact::Time(since.worst)),
        ("outdated answers that said so: degraded or stale", Fact::Count(flagged.count)),
        ("  by at most", Fact::Time(flagged.worst)),
        ("outdated answers while the invalidation was pending", Fact::Count(untold.count)),
        ("  by at most", Fact::Time(untold.worst)),
    ]
}

fn time_between(from: Instant, to: Instant) -> Fact {
    Fact::Time(to.saturating_duration_since(from))
}

/// The middle one; of an even number the later of the two.
fn median<T: Ord>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<_> = values.collect();
    values.sort();
    let middle = values.len() / 2;
    values.into_iter().nth(middle)
}
