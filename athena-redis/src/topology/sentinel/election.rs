//! Who is the primary, given what sentinels and nodes say. Decides, and does nothing else.
//!
//! Invariant: a node takes the seat only while it says of itself that it is a primary, and only with
//! the word of somebody else. While the seat answers as the primary, that is the word of a majority, of a
//! newer epoch or insisted on; or the seat was announced as being replaced, by a node that followed until
//! then. A seat is confirmed only by words that name it.

mod ballot;
mod takeover;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use athena_cache_core::backend::{Class, Message};
use tokio::time::Instant;

use self::ballot::Ballot;
use super::electorate::Shortfall;
use super::notices::Notice;
use super::replies::{MOST, Silence, Testimony, Word};
use crate::link::Role;
use crate::no_primary::Absence;
use crate::url::Endpoint;

/// How long an announced failover is taken to be under way when nothing more is heard of it.
const UNDERWAY: Duration = Duration::from_secs(10);
/// What is known, and who is taken for the primary.
#[derive(Debug, Default)]
pub(super) struct Election {
    seat: Option<Seat>,
    ballot: Ballot,
    nodes: BTreeMap<Endpoint, Witness>,
    /// The replicas by what sentinels tell of them, and how many do.
    listed: BTreeMap<Endpoint, usize>,
    failover: Option<Underway>,
    /// Former seats that have not been replicas since; the last ones of many.
    deposed: VecDeque<Endpoint>,
    /// Whom sentinels name instead of the seat, and since when.
    dissent: Option<(Endpoint, Instant)>,
}

/// The node that was adopted.
#[derive(Debug)]
struct Seat {
    endpoint: Endpoint,
    /// Words up to this epoch that name another node are outdated; a majority has reached it.
    epoch: u64,
    /// Whether anything speaks against it on its link.
    is_doubted: bool,
}

/// What a node says of itself.
#[derive(Debug, Default)]
struct Witness {
    /// Nothing before it was asked.
    role: Option<Testimony>,
    /// Whether it was a replica when it was last anything else than a primary.
    followed: bool,
}

/// A failover that was announced and did not end yet.
#[derive(Debug)]
struct Underway {
    primary: Endpoint,
    /// The replica that is to be promoted, as soon as that is known.
    chosen: Option<Endpoint>,
    until: Instant,
}

impl Election {
    /// Notes what a sentinel says; tells whether that is new.
    pub(super) fn hear(&mut self, sentinel: &Endpoint, word: Word, now: Instant) -> bool {
        self.ballot.hear(sentinel, word, now)
    }

    /// Notes when a sentinel was asked for the word that was heard last.
    pub(super) fn confirm(&mut self, sentinel: &Endpoint, asked: Instant) {
        if let Some(seat) = &self.seat {
            self.ballot.confirm(&seat.endpoint, sentinel, asked);
        }
    }

    /// Up to when a majority of the sentinels held the seat for the primary.
    ///
    /// Coherence 5: nothing while anything speaks against it, as a replica is promoted before all know.
    pub(super) fn confirmed(&self) -> Option<Instant> {
        if self.is_replaced() || self.is_demoted() || self.is_contested() {
            return None;
        }
        self.ballot.confirmed()
    }

    /// Why no majority of the sentinels holds the seat for the primary, if none does.
    pub(super) fn shortfall(&self) -> Option<Shortfall> {
        self.ballot.shortfall(self.seat()?)
    }

    /// Notes whether anything speaks against the seat on its link.
    pub(super) fn note_doubt(&mut self, is_doubted: bool) {
        if let Some(seat) = &mut self.seat {
            seat.is_doubted = is_doubted;
        }
    }

    /// Notes what a node says, or why it does not; tells whether that is new.
    pub(super) fn testify(&mut self, node: &Endpoint, role: Testimony) -> bool {
        let witness = self.nodes.entry(node.clone()).or_default();
        if matches!(role, Ok(Role::Replica(_))) {
            witness.followed = true;
            self.deposed.retain(|it| it != node);
        }
        let before = witness.role.replace(role);
        before.as_ref().and_then(|role| role.as_ref().ok()) != self.role(node)
    }

    /// Notes an announcement.
    pub(super) fn learn(&mut self, notice: &Notice, now: Instant) {
        let until = now + UNDERWAY;
        match notice {
            Notice::Underway { primary } => {
                let chosen = self.failover.take().filter(|it| it.primary == *primary);
                let chosen = chosen.and_then(|it| it.chosen);
                self.failover = Some(Underway { primary: primary.clone(), chosen, until });
            }
            Notice::Chosen { replica, primary } => {
                let chosen = Some(replica.clone());
                self.failover = Some(Underway { primary: primary.clone(), chosen, until });
            }
            Notice::Abandoned { primary } => {
                self.failover.take_if(|it| it.primary == *primary);
            }
            Notice::Down { .. } | Notice::Changed => {}
        }
    }

    /// Decides whether another node than the present one is the primary now.
    pub(super) fn decide(&mut self, now: Instant) -> Option<Endpoint> {
        self.failover.take_if(|it| it.until <= now);
        self.ballot.await_others(self.seat.is_none(), now);
        self.keep_up();
        let (endpoint, epoch) = self
            .chosen()
            .or_else(|| self.announced(now))
            .or_else(|| self.promoted(now))
            .or_else(|| self.followed())
            .or_else(|| self.insisted(now))?;
        let seat = Seat { endpoint: endpoint.clone(), epoch, is_doubted: false };
        let former = self.seat.replace(seat).map(|seat| seat.endpoint);
        self.deposed.retain(|it| *it != endpoint && Some(it) != former.as_ref());
        self.deposed.extend(former);
        let surplus = self.deposed.len().saturating_sub(MOST);
        self.deposed.drain(..surplus);
        self.ballot.begin();
        self.failover = None;
        self.dissent = None;
        Some(endpoint)
    }

    /// The node that was adopted.
    pub(super) fn seat(&self) -> Option<&Endpoint> {
        self.seat.as_ref().map(|seat| &seat.endpoint)
    }

    /// Whether the seat says that it is the primary.
    pub(super) fn is_seated_well(&self) -> bool {
        self.seat().is_some_and(|seat| self.is_primary(seat))
    }

    /// Whether the seat answers as the primary: by its own word, over a connection that is well.
    fn is_sound(&self) -> bool {
        self.is_seated_well() && self.seat.as_ref().is_some_and(|seat| !seat.is_doubted)
    }

    /// Whether most of the sentinels list a node as a replica.
    fn is_listed_by_most(&self, node: &Endpoint) -> bool {
        self.listed.get(node).is_some_and(|count| *count >= self.ballot.majority())
    }

    /// Whether the seat says that it is none.
    pub(super) fn is_demoted(&self) -> bool {
        let role = self.seat().and_then(|seat| self.role(seat));
        matches!(role, Some(Role::Replica(_)))
    }

    /// Whether a sentinel says that it is replacing the seat.
    pub(super) fn is_replaced(&self) -> bool {
        self.former().is_some_and(|former| self.is_being_replaced(&former))
    }

    /// Whether another node says that it is the primary, and may have been promoted.
    ///
    /// A former seat says so for seconds after a planned failover; it is none that was promoted. Nor is
    /// one that some sentinel merely names.
    fn is_contested(&self) -> bool {
        let chosen = self.failover.as_ref().and_then(|it| it.chosen.as_ref());
        let mut others = self.nodes.iter().filter(|(node, witness)| {
            let is_ours =
                witness.followed || self.listed.contains_key(*node) || chosen == Some(*node);
            is_ours && self.seat() != Some(*node) && !self.deposed.contains(*node)
        });
        others.any(|(_, witness)| witness.role == Some(Ok(Role::Primary(()))))
    }

    /// Whether most sentinels, or any if the seat is not well, name another primary of a newer epoch.
    pub(super) fn is_outdated(&self) -> bool {
        let Some(seat) = &self.seat else { return false };
        let is_newer = |node: &Endpoint, epoch| *node != seat.endpoint && epoch > seat.epoch;
        let choice = self.ballot.choice();
        choice.is_some_and(|choice| is_newer(choice.node, choice.epoch))
            || (!self.is_sound() && self.is_challenged())
    }

    /// Whether any sentinel names another primary of a newer epoch.
    pub(super) fn is_challenged(&self) -> bool {
        let Some(seat) = &self.seat else { return false };
        let mut views = self.ballot.views();
        views.any(|view| view.address != seat.endpoint && view.epoch > seat.epoch)
    }

    /// Every data node that somebody may turn to.
    ///
    /// Whoever is one of these is told the password. While the seat is sound, or those are awaited that most
    /// sentinels name, none is whom only a minority names.
    pub(super) fn candidates(&self, now: Instant) -> BTreeSet<Endpoint> {
        let choice = self.ballot.choice().map(|choice| choice.node);
        let is_enough = match self.seat {
            Some(_) => self.is_sound(),
            None => self.ballot.awaits_others(now) || choice.is_some_and(|it| self.is_hopeful(it)),
        };
        let mut candidates: BTreeSet<_> = choice.into_iter().chain(self.seat()).cloned().collect();
        if !is_enough {
            candidates.extend(self.ballot.views().map(|view| view.address.clone()));
            candidates.extend(self.failover.as_ref().and_then(|it| it.chosen.clone()));
        }
        if let Some(Role::Replica(of)) = self.seat().and_then(|seat| self.role(seat)) {
            candidates.extend(of.clone());
        }
        candidates
    }

    /// Forgets sentinels and nodes that nobody is in touch with any longer, and awaits new ones.
    ///
    /// Answers the nodes to be in touch with: the replicas that are listed, and the candidates.
    pub(super) fn convene(
        &mut self,
        sentinels: &BTreeSet<Endpoint>,
        listed: BTreeMap<Endpoint, usize>,
        now: Instant,
    ) -> BTreeSet<Endpoint> {
        self.ballot.convene(sentinels);
        let mut nodes = self.candidates(now);
        nodes.extend(listed.keys().cloned());
        self.nodes.retain(|node, _| nodes.contains(node));
        self.listed = listed;
        nodes
    }

    /// Forgets what a node said: the link that it said it on is gone.
    pub(super) fn forget(&mut self, node: &Endpoint) {
        self.nodes.remove(node);
    }

    /// Whether every sentinel was asked and none answered.
    pub(super) fn is_cut_off(&self) -> bool {
        self.ballot.is_cut_off()
    }

    /// Why there is no primary; nothing as long as somebody has not been heard.
    pub(super) fn absence(&self, service: &str) -> Option<Absence> {
        if self.ballot.has_unheard() {
            return None;
        }
        if let Some(named) = self.named() {
            return self.unconfirmed(service, named);
        }
        if self.ballot.is_unknown() {
            let all: Vec<_> = self.ballot.sentinels().map(ToString::to_string).collect();
            let sentinels = Message::of(all.join(", "));
            return Some(Absence::UnknownService { service: service.to_owned(), sentinels });
        }
        let denied = self.ballot.silences().any(|silence| silence.class == Class::Denied);
        let told = self.ballot.silences().filter(|it| !denied || it.class == Class::Denied);
        let reasons = told.map(|silence| silence.why.as_str()).collect::<Vec<_>>();
        let reasons = Message::of(reasons.join("; "));
        Some(if denied { Absence::Denied(reasons) } else { Absence::Unreachable(reasons) })
    }

    /// Why the node that sentinels name has not been adopted, once it was asked.
    fn unconfirmed(&self, service: &str, named: &Endpoint) -> Option<Absence> {
        let Silence { class, why } = match self.nodes.get(named)?.role.as_ref()? {
            Ok(Role::Primary(())) => return None,
            Ok(Role::Replica(_)) => {
                Silence { class: Class::Moved, why: "it says that it is a replica".into() }
            }
            Err(silence) => silence.clone(),
        };
        let (service, named) = (service.to_owned(), named.clone());
        Some(Absence::Unconfirmed { service, named, class, why })
    }

    /// A newer epoch by which most sentinels name the seat makes older words outdated.
    fn keep_up(&mut self) {
        if let Some(seat) = &mut self.seat
            && let Some(epoch) = self.ballot.epoch_of(&seat.endpoint)
        {
            seat.epoch = seat.epoch.max(epoch);
        }
    }

    /// Whoever is to be replaced: the seat, or else the node that sentinels name.
    fn former(&self) -> Option<Endpoint> {
        self.seat().or_else(|| self.named()).cloned()
    }

    /// The node that most sentinels name, or else the one of the newest epoch.
    fn named(&self) -> Option<&Endpoint> {
        let choice = self.ballot.choice().map(|choice| choice.node);
        choice.or_else(|| self.ballot.newest().first().map(|view| &view.address))
    }

    fn is_being_replaced(&self, primary: &Endpoint) -> bool {
        self.failover.as_ref().is_some_and(|it| it.primary == *primary)
            || self.ballot.views().any(|view| view.replacing.as_ref() == Some(primary))
    }

    /// The epoch of words that a change makes outdated: what a majority has reached, as one alone may say
    /// anything.
    fn outdated_epoch(&self) -> u64 {
        let reached = self.ballot.epoch_of_most().unwrap_or(0);
        self.seat.as_ref().map_or(reached, |seat| seat.epoch.max(reached))
    }

    fn role(&self, node: &Endpoint) -> Option<&Role<Option<Endpoint>>> {
        self.nodes.get(node)?.role.as_ref()?.as_ref().ok()
    }

    fn is_primary(&self, node: &Endpoint) -> bool {
        self.role(node) == Some(&Role::Primary(()))
    }

    /// Whether a node is the primary, or has not been asked yet.
    fn is_hopeful(&self, node: &Endpoint) -> bool {
        self.is_primary(node) || self.nodes.get(node).is_none_or(|node| node.role.is_none())
    }
}
