//! What is told of how a search, and the word of the sentinels, stand; each once.

use std::time::Duration;

use tokio::time::Instant;

use super::{SentinelAction, SentinelMachine, Short};
use crate::link::{Growth, Least};
use crate::no_primary::Absence;

/// How long a majority may be missing without a word: sentinels disagree for a moment after each failover.
const SHORT: Duration = Duration::from_secs(5);
/// Between two rounds of a search that nobody has ended yet.
const SEARCHING: Growth = Growth {
    first: Duration::from_millis(100),
    longest: Duration::from_secs(1),
    step: 1,
    least: Least::Half,
};

impl SentinelMachine {
    /// Says whether there are sentinels, and whether a search is in vain.
    pub(super) fn tell_standing(&mut self, now: Instant) {
        let is_cut_off = self.election.is_cut_off();
        let is_seated = self.election.seat().is_some();
        if is_cut_off == self.is_cut_off && is_seated {
            return;
        }
        let absence = self.election.absence(&self.service);
        if is_cut_off != self.is_cut_off {
            self.is_cut_off = is_cut_off;
            self.actions.push(match &absence {
                Some(absence) if is_cut_off => SentinelAction::CutOff(absence.clone()),
                _ => SentinelAction::InTouch,
            });
        }
        if let Some(absence) = absence.filter(|_| !is_seated) {
            if !is_cut_off && !std::mem::replace(&mut self.is_vain, true) {
                self.actions.push(SentinelAction::Vain(absence.clone()));
            }
            self.fail_round(absence, now);
        }
    }

    /// Says whether a majority of the sentinels confirms who serves; where none answers, that was said.
    pub(super) fn tell_shortfall(&mut self, now: Instant) {
        let shortfall = self.election.shortfall().filter(|_| !self.is_cut_off);
        match (self.short, shortfall) {
            (Short::No, Some(_)) => self.short = Short::Since(now),
            (Short::Since(since), Some(it)) if now.saturating_duration_since(since) >= SHORT => {
                self.short = Short::Told;
                self.actions.push(SentinelAction::FallShort(it));
            }
            (Short::Told, None) if !self.is_cut_off => {
                self.short = Short::No;
                self.actions.push(SentinelAction::Suffice);
            }
            (Short::Since(_), None) => self.short = Short::No,
            _ => {}
        }
    }

    /// Counts a search that found nobody; the next one counts after a pause.
    fn fail_round(&mut self, absence: Absence, now: Instant) {
        let is_next = self.round.is_none_or(|round| round <= now);
        if is_next {
            self.round = Some(now + self.rounds.pause(&SEARCHING, self.random.f64()));
        }
        let rounds = self.rounds.attempts();
        self.actions.push(SentinelAction::Miss { absence, rounds });
    }
}
