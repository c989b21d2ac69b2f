//! What came of a play.

use std::fmt;

use athena_cache::{Source, Stats};

use super::check::{Promise, Rules, Surplus, Violation};
use super::duty::Lapse;
use super::left::Leftover;
use super::play::Play;
use super::record::{Ending, Flags, History};
use super::staleness::Staleness;
use super::{sites, story};

/// How many violations are told in full.
const TOLD: usize = 3;

#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) play: Play,
    pub(crate) rules: Rules,
    pub(crate) history: History,
    pub(crate) violations: Vec<Violation>,
    /// Of a play without a fault.
    pub(crate) surplus: Vec<Surplus>,
    /// Loads without a lease in a play without a fault.
    pub(crate) unleased: u64,
    /// Connections that were made anew in a play without a fault, but for one of each process: a machine with much to
    /// do can let it stand still for as long as a dead one is waited for.
    pub(crate) renewed: u64,
    /// What did not work where it has to.
    pub(crate) lapses: Vec<Lapse>,
    /// Names on the servers that are there for too long.
    pub(crate) leftovers: Vec<Leftover>,
    pub(crate) staleness: Vec<Staleness>,
    pub(crate) stats: Vec<Stats>,
    pub(crate) loads: usize,
    /// Whether the nodes announced what changed.
    pub(crate) is_tracked: bool,
}

impl Report {
    /// Whether every promise was kept.
    pub(crate) fn is_good(&self) -> bool {
        let is_thrifty = self.surplus.is_empty() && self.unleased == 0 && self.renewed == 0;
        let is_tidy = self.leftovers.is_empty();
        self.violations.is_empty() && self.lapses.is_empty() && is_thrifty && is_tidy
    }

    /// Panics with the story unless every promise was kept, by enough calls to tell.
    pub(crate) fn assert_good(&self) {
        eprintln!("{}\n{self}", self.play);
        assert!(self.is_good(), "a promise was not kept");
        let [reads, invalidations] = [self.history.reads.len(), self.history.invalidations.len()];
        assert!(reads >= 100 && invalidations >= 3, "too little happened");
        let last = self.history.phases.last().map(|phase| phase.from);
        let is_judged = self.rules.duties.iter().any(|duty| Some(duty.from) > last);
        assert!(is_judged, "nobody asked whether it works afterwards");
    }

    /// The same where changes are announced; elsewhere nobody learns that a node which acknowledged
    /// invalidations was replaced, and P1 alone is judged.
    pub(crate) fn assert_good_where_announced(&mut self) {
        if !self.is_tracked {
            eprintln!("changes are not announced here: P1 alone is judged");
            self.violations.retain(|violation| violation.promise == Promise::P1);
        }
        self.assert_good();
    }

    /// Whether a promise was broken at least once.
    pub(crate) fn breaks(&self, promise: Promise) -> bool {
        self.violations.iter().any(|violation| violation.promise == promise)
    }

    fn counts(&self) -> String {
        let History { reads, invalidations, last_reads, .. } = &self.history;
        let of = |flags: fn(Flags) -> bool| reads.iter().filter(|it| flags(it.flags)).count();
        let with = |ending| invalidations.iter().filter(|it| it.ending == ending).count();
        format!(
            "{} reads ({} fresh, {} joined, {} flagged), {} loads, {} invalidations ({} done, {} \
             pending), {} last reads, {} by memory, {} by redis, {} fills, {} reconnects",
            reads.len(),
            of(Flags::is_fresh),
            of(|flags| matches!(flags, Flags::Fresh { joined: true, .. })),
            of(|flags| flags == Flags::Flagged),
            self.loads,
            invalidations.len(),
            with(Ending::Done),
            with(Ending::Pending),
            last_reads.len(),
            of(|flags| matches!(flags, Flags::Fresh { source: Source::Memory, .. })),
            of(|flags| matches!(flags, Flags::Fresh { source: Source::Backend, .. })),
            self.stats.iter().map(|stats| stats.fills).sum::<u64>(),
            self.stats.iter().map(|stats| stats.reconnects).sum::<u64>(),
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tracked = if self.is_tracked { "announced" } else { "not announced" };
        writeln!(f, "  {}, changes {tracked}", self.counts())?;
        writeln!(
            f,
            "  bound {:?}: trust window {:?} and slack for a busy machine",
            self.rules.bound, self.play.setup.window
        )?;
        for unrest in &self.rules.unrest {
            writeln!(
                f,
                "  from {:.1} s to {:.1} s one node took over from another: what was acknowledged \
                 then counts from its end",
                unrest.from.as_secs_f64(),
                unrest.until.as_secs_f64()
            )?;
        }
        for line in &self.staleness {
            writeln!(f, "  {line}")?;
        }
        for surplus in &self.surplus {
            let (name, Surplus { loads, allowed, .. }) = (sites::name(surplus.item), surplus);
            writeln!(f, "  {name} was loaded {loads} times, allowed are {allowed}")?;
        }
        for surplus in self.surplus.iter().take(TOLD) {
            writeln!(f, "{}", story::tell_loads(&self.history, surplus))?;
        }
        if self.unleased > 0 {
            let failures: Vec<_> = self.stats.iter().map(|it| &it.backend_failures).collect();
            writeln!(f, "  {} loads without a lease, for {failures:?}", self.unleased)?;
        }
        if self.renewed > 0 {
            writeln!(f, "  {} connections were made anew, and nothing was broken", self.renewed)?;
        }
        for lapse in &self.lapses {
            writeln!(f, "  {lapse}")?;
        }
        for leftover in &self.leftovers {
            writeln!(f, "  {leftover}")?;
        }
        if !self.violations.is_empty() {
            writeln!(f, "  {} VIOLATIONS", self.violations.len())?;
        }
        for violation in self.violations.iter().take(TOLD) {
            writeln!(f, "{}", story::tell(&self.history, violation))?;
        }
        Ok(())
    }
}
