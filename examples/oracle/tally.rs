//! What all plays came to.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::oracle::report::Report;
use crate::oracle::staleness;

#[derive(Debug, Default)]
pub(crate) struct Tally {
    plays: usize,
    /// Those in which a promise was not kept.
    bad: Vec<String>,
    reads: usize,
    invalidations: usize,
    loads: usize,
    /// The ages of what was served as fresh, by topology and phase.
    ages: BTreeMap<String, Vec<Duration>>,
    /// The same as shares of the window, by each word of a configuration.
    shares: BTreeMap<&'static str, Shares>,
}

/// How old answers were on one configuration, in windows.
#[derive(Debug, Default)]
struct Shares {
    plays: usize,
    answers: usize,
    outdated: usize,
    /// The largest of all, and of those outside of failovers.
    max: [f64; 2],
}

impl Tally {
    pub(crate) fn add(&mut self, report: &Report) {
        let play = &report.play;
        self.plays += 1;
        if !report.is_good() {
            self.bad.push(play.to_string());
        }
        self.reads += report.history.reads.len();
        self.invalidations += report.history.invalidations.len();
        self.loads += report.loads;
        let is_failover = play.fault.is_failover(play.topology);
        let all: Vec<_> = staleness::ages(&report.history).flat_map(|(_, ages)| ages).collect();
        for word in play.configuration.words() {
            self.shares.entry(word).or_default().add(&all, play.setup.window, is_failover);
        }
        for (phase, mut ages) in staleness::ages(&report.history) {
            let name = format!("{}: {phase}", play.topology);
            self.ages.entry(name).or_default().append(&mut ages);
        }
    }

    pub(crate) fn is_good(&self) -> bool {
        self.bad.is_empty()
    }
}

impl Shares {
    fn add(&mut self, ages: &[Duration], window: Duration, is_failover: bool) {
        self.plays += 1;
        self.answers += ages.len();
        self.outdated += ages.iter().filter(|age| !age.is_zero()).count();
        let max = ages.iter().max().map_or(0.0, |age| age.div_duration_f64(window));
        self.max[0] = self.max[0].max(max);
        if !is_failover {
            self.max[1] = self.max[1].max(max);
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plays, reads, invalidations, loads, .. } = self;
        writeln!(
            f,
            "== {plays} plays: {reads} reads, {loads} loads, {invalidations} invalidations; how stale \
             was what was served as fresh:"
        )?;
        for (name, ages) in &self.ages {
            writeln!(f, "  {}", staleness::Staleness::of(name, ages.clone()))?;
        }
        writeln!(
            f,
            "\n| plays on | plays | fresh answers | outdated | the stalest, in windows | the same but for failovers |"
        )?;
        writeln!(f, "|---|--:|--:|--:|--:|--:|")?;
        for (word, Shares { plays, answers, outdated, max: [max, calm] }) in &self.shares {
            writeln!(f, "| `{word}` | {plays} | {answers} | {outdated} | {max:.2} | {calm:.2} |")?;
        }
        for play in &self.bad {
            writeln!(f, "  a promise was not kept in {play}")?;
        }
        Ok(())
    }
}
