//! The ways in which another node takes the seat. Decides, and does nothing else.
//!
//! Invariant: each of them asks for the word of that node that it is a primary. A seat that is sound is taken
//! by the choice of most sentinels, or early in a failover that was announced; never because one sentinel
//! names another.

use std::time::Duration;

use tokio::time::Instant;

use super::{Election, Seat, Witness};
use crate::link::Role;
use crate::url::Endpoint;

/// How long sentinels must insist on another primary, of no newer epoch, than one that failed.
pub(super) const INSIST: Duration = Duration::from_secs(2);
/// The same, while ours still says that it is one: they do so for seconds after a promotion.
pub(super) const INSIST_AGAINST: Duration = Duration::from_secs(15);
/// The same, while a sentinel says that it is replacing either: so long a failover takes at most by Redis's
/// defaults, and the others hear of it at its end.
pub(super) const INSIST_DURING: Duration = Duration::from_secs(180);

impl Election {
    /// The node that most sentinels name, if there is no seat, or in a newer epoch.
    pub(super) fn chosen(&self) -> Option<(Endpoint, u64)> {
        let choice = self.ballot.choice().filter(|choice| self.is_primary(choice.node))?;
        let is_newer = |seat: &Seat| *choice.node != seat.endpoint && choice.epoch > seat.epoch;
        let is_due = self.seat.as_ref().is_none_or(is_newer);
        is_due.then(|| (choice.node.clone(), choice.epoch))
    }

    /// The node that some sentinel announces in the newest epoch, unless a majority is needed: early where
    /// the seat does not answer as the primary, as the others hear of it up to seconds later.
    pub(super) fn announced(&self, now: Instant) -> Option<(Endpoint, u64)> {
        if self.is_sound() || self.awaits_more(now) {
            return None;
        }
        let is_newer = |node: &Endpoint, epoch| {
            self.seat.as_ref().is_none_or(|seat| *node != seat.endpoint && epoch > seat.epoch)
        };
        let newest = self.ballot.newest();
        let mut announced = newest.into_iter().filter(|view| is_newer(&view.address, view.epoch));
        let view = announced.find(|view| self.is_primary(&view.address))?;
        Some((view.address.clone(), self.outdated_epoch()))
    }

    /// Whether a first search has to wait for those who may know better than the first sentinel.
    fn awaits_more(&self, now: Instant) -> bool {
        let is_unasked = |node| self.nodes.get(node).is_none_or(|node| node.role.is_none());
        let awaits_choice = || self.ballot.choice().is_some_and(|it| is_unasked(it.node));
        self.seat.is_none() && (self.ballot.awaits_others(now) || awaits_choice())
    }

    /// The replica that was promoted in a failover that sentinels say is under way.
    pub(super) fn promoted(&self, now: Instant) -> Option<(Endpoint, u64)> {
        let former = self.former()?;
        if self.awaits_more(now) || !self.is_being_replaced(&former) {
            return None;
        }
        let failover = self.failover.as_ref().filter(|it| it.primary == former);
        let chosen = failover.and_then(|it| it.chosen.as_ref());
        // A primary of long ago that returns says that it is one, too, and so does any stranger that a
        // sentinel may tell of. Where nobody told who is chosen, or the former one is sound, only a node
        // that was a replica counts; and never one whose seat was taken, and that has followed nobody since.
        // While the former one is sound its replicas are those that most sentinels list: one could bring in
        // another, and announce it.
        let is_sound = self.is_sound();
        let is_promoted = |node: &Endpoint, witness: &Witness| match chosen {
            _ if is_sound => {
                let is_chosen = chosen.is_none_or(|chosen| chosen == node);
                is_chosen && witness.followed && self.is_listed_by_most(node)
            }
            Some(chosen) => chosen == node,
            None => witness.followed,
        };
        let (node, _) = self.nodes.iter().find(|(node, witness)| {
            **node != former
                && !self.deposed.contains(*node)
                && witness.role == Some(Ok(Role::Primary(())))
                && is_promoted(node, witness)
        })?;
        Some((node.clone(), self.outdated_epoch()))
    }

    /// The primary that the seat itself has begun to follow.
    pub(super) fn followed(&self) -> Option<(Endpoint, u64)> {
        match self.role(self.seat()?)? {
            Role::Replica(Some(of)) if self.is_primary(of) => {
                Some((of.clone(), self.outdated_epoch()))
            }
            _ => None,
        }
    }

    /// The node that most sentinels have named for so long that epochs count no longer; all that answer, if
    /// the seat is not well.
    ///
    /// They were told to watch another group, or gave up a failover after its replica was promoted; or the
    /// seat was adopted on the word of few.
    pub(super) fn insisted(&mut self, now: Instant) -> Option<(Endpoint, u64)> {
        let choice = self.ballot.choice();
        let all = self.ballot.unanimous().filter(|_| !self.is_sound());
        let seat = self.seat.as_ref()?;
        let other = choice.map(|choice| choice.node).or(all).filter(|it| **it != seat.endpoint);
        let Some(named) = other.cloned() else {
            self.dissent = None;
            return None;
        };
        let epoch = choice.map_or(seat.epoch, |choice| choice.epoch);
        let since = match &self.dissent {
            Some((other, since)) if *other == named => *since,
            _ => now,
        };
        let patience = self.patience(&named);
        self.dissent = Some((named.clone(), since));
        let is_due = now.saturating_duration_since(since) >= patience;
        (is_due && self.is_primary(&named)).then_some((named, epoch))
    }

    /// How long another node must be named instead of the seat.
    fn patience(&self, named: &Endpoint) -> Duration {
        match () {
            () if self.is_replaced() || self.is_being_replaced(named) => INSIST_DURING,
            () if self.is_seated_well() => INSIST_AGAINST,
            () => INSIST,
        }
    }
}
