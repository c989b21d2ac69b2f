//! What came of a play in two regions.

use std::fmt;
use std::time::Duration;

use super::super::check::{Promise, Violation};
use super::super::record::History;
use super::super::story;
use super::figures::Figures;
use super::play::RegionPlay;

/// How many violations are told in full.
const TOLD: usize = 3;
/// The longest that it may take until another region answers.
const TAKE_OVER: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct RegionReport {
    pub(crate) play: RegionPlay,
    pub(crate) history: History,
    pub(crate) violations: Vec<Violation>,
    /// What users of the primary noticed and should not have.
    pub(crate) disturbances: Vec<String>,
    /// Whether everybody came back to the region that they prefer.
    pub(crate) are_back: bool,
    pub(crate) figures: Figures,
    /// What was told of regions.
    pub(crate) told: Vec<String>,
}

impl RegionReport {
    /// Whether every promise was kept.
    pub(crate) fn is_good(&self) -> bool {
        let drives_away = self.play.fault.drives_away();
        let is_answered = self.figures.first_answer.is_some_and(|took| took <= TAKE_OVER);
        let is_left_in_time = !drives_away || is_answered;
        self.violations.is_empty()
            && self.disturbances.is_empty()
            && self.are_back
            && is_left_in_time
    }

    /// Panics with the story unless every promise was kept, by enough calls to tell.
    pub(crate) fn assert_good(&self) {
        eprintln!("{}\n{self}", self.play);
        assert!(self.is_good(), "a promise was not kept");
        let Figures { reads, invalidations, .. } = self.figures;
        assert!(reads >= 100 && invalidations >= 3, "too little happened");
    }

    /// Whether a promise was broken at least once.
    pub(crate) fn breaks(&self, promise: Promise) -> bool {
        self.violations.iter().any(|violation| violation.promise == promise)
    }
}

impl fmt::Display for RegionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { first_answer, stalest, longest, reads, flagged, .. } = &self.figures;
        let Figures { invalidations, pending, switches, .. } = &self.figures;
        let seconds = |duration: &Duration| format!("{:.2} s", duration.as_secs_f64());
        writeln!(
            f,
            "  {reads} answers, {flagged} flagged, the longest took {}; {invalidations} invalidations, \
             {pending} pending; {switches} switches",
            seconds(longest)
        )?;
        let first = first_answer.as_ref().map_or_else(|| "none was needed".to_owned(), seconds);
        writeln!(f, "  first answer of the other region after the fault: {first}")?;
        let [home, away] = stalest.each_ref().map(seconds);
        writeln!(
            f,
            "  most outdated answer that nobody flagged: {home} to users of the primary, {away} to those of the \
             secondary; the bound is {}",
            seconds(&self.play.bound())
        )?;
        writeln!(f, "  wrong values {}, errors 0", self.violations.len())?;
        if !self.are_back {
            writeln!(f, "  NOT everybody is back in the region that they prefer")?;
        }
        if !self.is_good() {
            self.told.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        }
        for disturbance in self.disturbances.iter().take(TOLD) {
            writeln!(f, "  noticed by a user of the primary: {disturbance}")?;
        }
        for violation in self.violations.iter().take(TOLD) {
            writeln!(f, "{}", story::tell(&self.history, violation))?;
        }
        Ok(())
    }
}
