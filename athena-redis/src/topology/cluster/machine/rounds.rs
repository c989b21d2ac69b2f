//! When the next round of questions begins, and when one has ended.
//!
//! Invariant: however many rounds begin meanwhile, a full one ends when its own questions do.

use tokio::time::Instant;

use super::{ClusterAction, ClusterMachine, FullRound, Owner};
use crate::topology::cluster::pace;

/// While something is looked for, every how manyth round goes to others than replicas as well.
pub(super) const FULL_EVERY: u32 = 8;

impl ClusterMachine {
    /// When the next round begins.
    pub(in crate::topology::cluster) fn due(&self, now: Instant) -> Instant {
        let (Some(last), Some(last_full)) = (self.last, self.last_full) else { return now };
        let looking_since = match &self.layout {
            None => Some(self.began),
            Some(_) => self.doubts.values().map(|it| it.since).max(),
        };
        let elapsed = |since| now.saturating_duration_since(since);
        let lines = self.census.len() * self.asked.len();
        let looking = looking_since.map(|since| last + pace::looking(elapsed(since), lines));
        let wanted = self.is_wanted.then(|| last_full + pace::shortest(self.census.len()));
        let due = last_full + self.idle;
        looking.into_iter().chain(wanted).fold(due, Instant::min)
    }

    /// Begins a round.
    pub(super) fn ask(&mut self, owners: &[Owner<'_>], now: Instant) {
        let is_full = self.layout.is_none()
            || self.is_wanted
            || self.doubts.is_empty()
            || self.rounds.is_multiple_of(FULL_EVERY);
        self.last = Some(now);
        self.rounds = self.rounds.wrapping_add(1);
        let mut targets = self.replicas_in_question();
        let mut urged = targets.clone();
        if self.layout.is_none() {
            urged.extend(self.seeds.iter().cloned());
        }
        if is_full {
            self.company = self.company(owners);
            targets.extend(self.company.iter().cloned());
            self.last_full = Some(now);
            self.idle = pace::idle(self.random.f64());
            self.is_wanted = self.contested.1 > 0;
            self.begin_full(now);
        }
        if let Some(layout) = &self.layout {
            let mut keep = targets.clone();
            keep.extend(layout.primaries().chain(&self.company).chain(self.asked.keys()).cloned());
            self.actions.push(ClusterAction::Keep(keep));
        }
        for node in targets {
            if !self.asked.contains_key(&node) {
                self.asked.insert(node.clone(), self.rounds);
                let is_urged = urged.contains(&node);
                self.actions.push(ClusterAction::Ask(node.clone()));
                self.actions.extend(is_urged.then_some(ClusterAction::Urge(node)));
            }
        }
    }

    /// Notes that a full round has begun. However many others begin meanwhile, it ends when its own questions do.
    pub(super) fn begin_full(&mut self, now: Instant) {
        let round = FullRound { number: self.rounds, began: now };
        match self.open {
            None => self.open = Some(round),
            Some(_) => self.next = Some(round),
        }
    }

    /// Notes which full round has ended, if one has.
    pub(super) fn note_end(&mut self) {
        while let Some(open) = self.open
            && !self.asked.values().any(|round| *round <= open.number)
        {
            self.news.ended = Some(open);
            self.open = self.next.take();
        }
    }
}
