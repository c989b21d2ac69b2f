//! What all plays came to.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::oracle::report::Report;
use crate::oracle::staleness;

#[derive(Debug, Default)]
pub(crate) struct Tally {
    plays: usize,
    /// Seeds of those in which a promise was not kept.
    bad: Vec<(String, u64)>,
    reads: usize,
    invalidations: usize,
    loads: u64,
    /// The ages of what was served as fresh, by topology and phase.
    ages: BTreeMap<String, Vec<Duration>>,
}

impl Tally {
    pub(crate) fn add(&mut self, report: &Report) {
        let play = &report.play;
        self.plays += 1;
        if !report.is_good() {
            self.bad.push((format!("{} {}", play.topology, play.fault), play.seed));
        }
        self.reads += report.history.reads.len();
        self.invalidations += report.history.invalidations.len();
        self.loads += u64::from(report.loads);
        for (phase, mut ages) in staleness::ages(&report.history) {
            let name = format!("{}: {phase}", play.topology);
            self.ages.entry(name).or_default().append(&mut ages);
        }
    }

    pub(crate) fn is_good(&self) -> bool {
        self.bad.is_empty()
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
        for (play, seed) in &self.bad {
            writeln!(f, "  a promise was not kept in {play}, seed {seed}")?;
        }
        Ok(())
    }
}
