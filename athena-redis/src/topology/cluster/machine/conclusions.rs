//! What follows from the answers.
//!
//! Invariant: conclusions are drawn from all answers that have come, not from each.

use std::collections::HashSet;
use std::sync::Arc;

use athena_cache_core::backend::Cause;
use tokio::time::Instant;

use super::{ClusterAction, ClusterMachine, FirstMap, FullRound, News, Shown};
use crate::topology::cluster::census::PATIENCE;
use crate::topology::cluster::layout::{Layout, Succession};
use crate::topology::cluster::nodes::{ClusterView, MOST, Member};
use crate::topology::cluster::report::cause;
use crate::url::Endpoint;

impl ClusterMachine {
    /// Takes note of what a node says.
    pub(super) fn hear(
        &mut self,
        node: Endpoint,
        view: ClusterView,
        outdated: &[Endpoint],
        round: u32,
    ) {
        if self.contact.note_answer(self.rounds) {
            self.actions.push(ClusterAction::InTouch);
        }
        if view.own().is_some_and(Member::is_primary) {
            self.actions.push(ClusterAction::TrustAgain(node.clone()));
        }
        if view.listed > MOST && !std::mem::replace(&mut self.is_exceeded, true) {
            let (node, listed) = (node.clone(), view.listed);
            self.actions.push(ClusterAction::Exceed { node, listed });
        }
        self.census.outdate(outdated);
        self.news.is_new |= self.census.note(&node, view, round) || self.layout.is_none();
        self.news.answered.push(node);
    }

    /// Draws the conclusions from all answers that have come.
    pub(super) fn conclude(&mut self, shown: &Shown<'_>, now: Instant) {
        let News { mut is_new, answered, ended } = std::mem::take(&mut self.news);
        if let Some(round) = ended {
            is_new |= self.census.close(round.number);
        }
        let is_installed = is_new && self.learn(shown, now);
        if ended.is_some() || !answered.is_empty() {
            self.settle(ended.is_some());
        }
        if self.layout.is_none() {
            for node in answered {
                self.contact.note_vacancy(node);
            }
        }
        if let Some(round) = ended {
            let is_denied = shown.patched_since.is_some_and(|at| at <= round.began);
            self.end_round(round, &shown.dialed, is_denied && !is_installed);
        }
    }

    /// Works out what all words say together; tells whether operations are to follow it.
    fn learn(&mut self, shown: &Shown<'_>, now: Instant) -> bool {
        let mut layout = Layout::of(&self.census);
        if layout.is_vacant() {
            return false;
        }
        if let Some(former) = &self.layout {
            layout.keep(former, &self.census);
        }
        let layout = Arc::new(layout);
        if self.layout.as_ref() == Some(&layout) {
            return false;
        }
        let former = self.layout.replace(Arc::clone(&layout));
        if former.as_ref().is_some_and(|former| former.owners().eq(layout.owners())) {
            return false;
        }
        if let Some(former) = &former {
            self.contest(former, &layout, shown);
        }
        let successions = former.map(|it| layout.successions_since(&it)).unwrap_or_default();
        self.actions.extend([ClusterAction::Install(layout), ClusterAction::Found]);
        for succession in successions {
            let (cause, since) = self.cause_of(&succession, shown, now);
            self.actions.push(ClusterAction::Retire(succession.from.clone()));
            self.actions.push(ClusterAction::Tell { succession, cause, since });
        }
        true
    }

    /// Has those asked soon, and some times, who lost slots though nothing speaks against them: whoever says
    /// that it serves them is believed at once, and has to be confirmed by others.
    fn contest(&mut self, former: &Layout, layout: &Layout, shown: &Shown<'_>) {
        let sound = shown.owners.iter().filter(|owner| owner.doubt.is_none());
        let sound: HashSet<_> = sound.map(|owner| owner.endpoint).collect();
        let pairs = former.owners().zip(layout.owners());
        let losers = pairs.filter(|(from, to)| from != to).filter_map(|(from, _)| from);
        let losers: HashSet<_> = losers.filter(|from| sound.contains(from)).cloned().collect();
        if !losers.is_empty() {
            self.contested = (losers, PATIENCE + 2);
            self.is_wanted = true;
        }
    }

    /// Has seeds asked about a first map that is one node's word, or that seeds disagree about: nobody has lost
    /// anything by it whom links would show.
    fn settle(&mut self, is_over: bool) {
        let Some(layout) = self.layout.as_ref() else { return };
        let FirstMap { is_doubtful, rounds } = self.first_map;
        if rounds == 0 && !is_doubtful {
            return;
        }
        let denied = layout.denied(&self.census);
        let is_alone = self.seeds.len() > 1 && !self.census.is_attested();
        // Those who were asked may still answer.
        let is_doubtful = !denied.is_empty() || (is_alone && (is_over || is_doubtful));
        self.first_map.is_doubtful = is_doubtful;
        if is_doubtful && rounds > 0 {
            self.is_wanted = true;
            if !denied.is_empty() {
                self.contested = (denied, rounds);
            }
        }
    }

    /// What set a succession off, and when it showed first.
    fn cause_of(
        &self,
        succession: &Succession,
        shown: &Shown<'_>,
        now: Instant,
    ) -> (Cause, Instant) {
        let doubted = self.doubts.get(&succession.from);
        let former = shown.owners.iter().find(|owner| *owner.endpoint == succession.from);
        let was_connected = former.is_some_and(|owner| owner.was_connected);
        let seen = doubted.map(|it| it.since).or(shown.patched_since);
        (cause(doubted.map(|it| it.doubt), was_connected), seen.unwrap_or(now))
    }

    /// Everybody who was asked has answered, or will not.
    fn end_round(&mut self, round: FullRound, dialed: &[u32], is_denied: bool) {
        if self.contact.end_round(round.number) {
            self.actions.push(ClusterAction::CutOff(self.contact.reason()));
        }
        match &self.layout {
            None => self.give_up_waiting(dialed),
            // A redirect that no node confirms was none, whatever has been met since.
            Some(layout) if is_denied => {
                self.actions.push(ClusterAction::Install(Arc::clone(layout)));
            }
            Some(_) => {}
        }
    }

    /// Lets those who wait for a first map know that all seeds were asked in vain.
    fn give_up_waiting(&mut self, dialed: &[u32]) {
        let dialed = dialed.iter().copied().chain(std::iter::repeat(0));
        let useless = self.seeds.iter().map(|seed| self.contact.useless_answers_of(seed));
        let rounds = useless.zip(dialed).map(|(useless, dialed)| useless + dialed).min();
        let rounds = rounds.unwrap_or_default();
        if let Some(reason) = self.contact.reason().filter(|_| rounds > 0) {
            self.actions.push(ClusterAction::Vain { rounds, reason });
        }
    }
}
