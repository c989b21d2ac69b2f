//! Who is the primary, given what sentinels and nodes say. Decides, and does nothing else.
//!
//! Invariant: a node takes the seat only while it says of itself that it is a primary, and only with
//! the word of somebody else. No word of an older epoch than the seat's unseats it, unless sentinels
//! insist. A seat is confirmed only by words that name it.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use athena_cache_core::backend::{Class, Message};
use tokio::time::Instant;

use super::electorate::{Electorate, Shortfall};
use super::notices::Notice;
use super::replies::{SentinelView, Silence, Testimony, Word};
use crate::link::Role;
use crate::no_primary::Absence;
use crate::url::Endpoint;

/// How long the first sentinel's word waits for that of the others, who may know better.
const FIRST: Duration = Duration::from_millis(50);
/// How long an announced failover is taken to be under way when nothing more is heard of it.
const UNDERWAY: Duration = Duration::from_secs(10);
/// How long all sentinels must insist on another primary, of no newer epoch, than one that failed.
const INSIST: Duration = Duration::from_secs(2);
/// The same, while ours still says that it is one: they do so for seconds after a promotion.
const INSIST_AGAINST: Duration = Duration::from_secs(15);

/// What is known, and who is taken for the primary.
#[derive(Debug, Default)]
pub(super) struct Election {
    seat: Option<Seat>,
    words: BTreeMap<Endpoint, Word>,
    nodes: BTreeMap<Endpoint, Witness>,
    failover: Option<Underway>,
    /// Who of the sentinels held the seat for the primary, and when.
    electorate: Electorate,
    /// Former seats that have not been replicas since.
    deposed: BTreeSet<Endpoint>,
    /// Whom all sentinels name instead of the seat, and since when.
    dissent: Option<(Endpoint, Instant)>,
    /// When a sentinel first named a primary, while there is no seat.
    first: Option<Instant>,
}

/// The node that was adopted.
#[derive(Debug)]
struct Seat {
    endpoint: Endpoint,
    /// Words up to this epoch that name another node are outdated.
    epoch: u64,
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
        if let Word::Names(view) = &word {
            self.first.get_or_insert(now);
            self.electorate.hear(sentinel, view, now);
        }
        let is_mute = matches!(word, Word::Mute(_));
        let before = self.words.insert(sentinel.clone(), word);
        // Why it is silent may vary, and is nothing new.
        !(is_mute && matches!(before, Some(Word::Mute(_))))
            && before.as_ref() != self.words.get(sentinel)
    }

    /// Notes when a sentinel was asked for the word that was heard last.
    pub(super) fn confirm(&mut self, sentinel: &Endpoint, asked: Instant) {
        if let (Some(seat), Some(Word::Names(view))) = (self.seat(), self.words.get(sentinel))
            && view.address == *seat
        {
            self.electorate.vote(sentinel, asked);
        }
    }

    /// Up to when a majority of the sentinels held the seat for the primary.
    ///
    /// Coherence 5: nothing while anything speaks against it, as a replica is promoted before all know.
    pub(super) fn confirmed(&self) -> Option<Instant> {
        if self.is_replaced() || self.is_demoted() || self.is_contested() {
            return None;
        }
        self.electorate.confirmed(self.words.len())
    }

    /// Why no majority of the sentinels holds the seat for the primary, if none does.
    pub(super) fn shortfall(&self) -> Option<Shortfall> {
        let (seat, asked) = (self.seat()?, self.words.len());
        let (holding, needed) = (self.votes_for(seat), self.electorate.majority(asked));
        let silences = self.words.values().filter_map(|word| match word {
            Word::Mute(silence) => Some(silence.why.clone()),
            _ => None,
        });
        (holding < needed).then(|| Shortfall {
            seat: seat.clone(),
            holding,
            needed,
            size: self.electorate.size(asked),
            silences: silences.collect(),
            has_anonymous: self.electorate.has_anonymous(),
        })
    }

    /// Notes what a node says, or why it does not; tells whether that is new.
    pub(super) fn testify(&mut self, node: &Endpoint, role: Testimony) -> bool {
        let witness = self.nodes.entry(node.clone()).or_default();
        if matches!(role, Ok(Role::Replica(_))) {
            witness.followed = true;
            self.deposed.remove(node);
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
        self.keep_up();
        let (endpoint, epoch) = self
            .announced(now)
            .or_else(|| self.promoted())
            .or_else(|| self.followed())
            .or_else(|| self.insisted(now))?;
        let former = self.seat.replace(Seat { endpoint: endpoint.clone(), epoch });
        self.deposed.extend(former.map(|seat| seat.endpoint));
        self.deposed.remove(&endpoint);
        self.electorate.begin();
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
    /// A former seat says so for seconds after a planned failover; it is none that was promoted.
    fn is_contested(&self) -> bool {
        let is_other = |node: &Endpoint| self.seat() != Some(node) && !self.deposed.contains(node);
        let mut others = self.nodes.iter().filter(|(node, _)| is_other(node));
        others.any(|(_, witness)| witness.role == Some(Ok(Role::Primary(()))))
    }

    /// Whether sentinels name another primary of a newer epoch.
    pub(super) fn is_outdated(&self) -> bool {
        match (&self.seat, self.latest()) {
            (Some(seat), Some(view)) => view.address != seat.endpoint && view.epoch > seat.epoch,
            _ => false,
        }
    }

    /// Every data node that somebody may turn to.
    pub(super) fn candidates(&self) -> BTreeSet<Endpoint> {
        let named = self.views().map(|view| &view.address);
        let chosen = self.failover.as_ref().and_then(|it| it.chosen.as_ref());
        let followed = match self.seat().and_then(|seat| self.role(seat)) {
            Some(Role::Replica(of)) => of.as_ref(),
            _ => None,
        };
        named.chain(chosen).chain(followed).chain(self.seat()).cloned().collect()
    }

    /// Forgets sentinels and nodes that nobody is in touch with any longer, and awaits new ones.
    pub(super) fn convene(&mut self, sentinels: &BTreeSet<Endpoint>, nodes: &BTreeSet<Endpoint>) {
        self.words.retain(|sentinel, _| sentinels.contains(sentinel));
        for sentinel in sentinels {
            self.words.entry(sentinel.clone()).or_insert(Word::Unheard);
        }
        self.electorate.retain(sentinels);
        self.nodes.retain(|node, _| nodes.contains(node));
    }

    /// Forgets what a node said: the link that it said it on is gone.
    pub(super) fn forget(&mut self, node: &Endpoint) {
        self.nodes.remove(node);
    }

    /// Whether every sentinel was asked and none answered.
    pub(super) fn is_cut_off(&self) -> bool {
        self.words.values().all(|word| matches!(word, Word::Mute(..)))
    }

    /// Why there is no primary; nothing as long as somebody has not been heard.
    pub(super) fn absence(&self, service: &str) -> Option<Absence> {
        let words = || self.words.values();
        if words().any(|word| matches!(word, Word::Unheard)) {
            return None;
        }
        if let Some(view) = self.latest() {
            return self.unconfirmed(service, &view.address);
        }
        if words().any(|word| matches!(word, Word::Unknown)) {
            let all: Vec<_> = self.words.keys().map(ToString::to_string).collect();
            let sentinels = Message::of(all.join(", "));
            return Some(Absence::UnknownService { service: service.to_owned(), sentinels });
        }
        let silences = || {
            words().filter_map(|word| match word {
                Word::Mute(silence) => Some(silence),
                _ => None,
            })
        };
        let denied = silences().any(|silence| silence.class == Class::Denied);
        let told = silences().filter(|silence| !denied || silence.class == Class::Denied);
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

    /// A newer epoch that names the seat makes older words outdated.
    fn keep_up(&mut self) {
        let latest = self.latest().map(|view| (view.address.clone(), view.epoch));
        if let (Some(seat), Some((address, epoch))) = (&mut self.seat, latest)
            && address == seat.endpoint
        {
            seat.epoch = seat.epoch.max(epoch);
        }
    }

    /// The node that sentinels announce in a newer epoch.
    fn announced(&self, now: Instant) -> Option<(Endpoint, u64)> {
        let view = self.latest()?;
        let is_new = match &self.seat {
            Some(seat) => view.address != seat.endpoint && view.epoch > seat.epoch,
            None => !self.awaits_others(now),
        };
        let is_due = is_new && self.is_primary(&view.address);
        is_due.then(|| (view.address.clone(), view.epoch))
    }

    /// The replica that was promoted in a failover that sentinels say is under way.
    fn promoted(&self) -> Option<(Endpoint, u64)> {
        let former = self.former()?;
        if !self.is_being_replaced(&former) {
            return None;
        }
        let failover = self.failover.as_ref().filter(|it| it.primary == former);
        let chosen = failover.and_then(|it| it.chosen.as_ref());
        // A primary of long ago that returns says that it is one, too: where nobody told who is
        // chosen, only a node that was a replica counts.
        let is_promoted = |node: &Endpoint, witness: &Witness| match chosen {
            Some(chosen) => chosen == node,
            None => witness.followed,
        };
        let (node, _) = self.nodes.iter().find(|(node, witness)| {
            **node != former
                && witness.role == Some(Ok(Role::Primary(())))
                && is_promoted(node, witness)
        })?;
        Some((node.clone(), self.outdated_epoch()))
    }

    /// The primary that the seat itself has begun to follow.
    fn followed(&self) -> Option<(Endpoint, u64)> {
        match self.role(self.seat()?)? {
            Role::Replica(Some(of)) if self.is_primary(of) => {
                Some((of.clone(), self.outdated_epoch()))
            }
            _ => None,
        }
    }

    /// The node that all sentinels have named for so long that their epochs count no longer.
    ///
    /// They were told to watch another group, or gave up a failover after its replica was promoted.
    fn insisted(&mut self, now: Instant) -> Option<(Endpoint, u64)> {
        let other = |seat| self.unanimous().filter(|named| *named != seat);
        let Some(named) = self.seat().and_then(other).cloned() else {
            self.dissent = None;
            return None;
        };
        let since = match &self.dissent {
            Some((other, since)) if *other == named => *since,
            _ => now,
        };
        self.dissent = Some((named.clone(), since));
        let patience = if self.is_seated_well() { INSIST_AGAINST } else { INSIST };
        let is_due = now.saturating_duration_since(since) >= patience;
        let epoch = self.latest().map_or(0, |view| view.epoch);
        (is_due && !self.is_replaced() && self.is_primary(&named)).then_some((named, epoch))
    }

    /// The one that all sentinels that answer name.
    fn unanimous(&self) -> Option<&Endpoint> {
        let mut views = self.views();
        let first = &views.next()?.address;
        views.all(|view| view.address == *first).then_some(first)
    }

    /// Whoever is to be replaced: the seat, or else the node that sentinels name.
    fn former(&self) -> Option<Endpoint> {
        self.seat().or_else(|| Some(&self.latest()?.address)).cloned()
    }

    fn is_being_replaced(&self, primary: &Endpoint) -> bool {
        self.failover.as_ref().is_some_and(|it| it.primary == *primary)
            || self.views().any(|view| view.replacing.as_ref() == Some(primary))
    }

    /// The epoch of words that a change makes outdated.
    fn outdated_epoch(&self) -> u64 {
        let latest = self.latest().map_or(0, |view| view.epoch);
        self.seat.as_ref().map_or(latest, |seat| seat.epoch)
    }

    /// The view of the newest epoch; of several, one that names the seat, else one of the majority.
    fn latest(&self) -> Option<&SentinelView> {
        self.views().max_by_key(|view| {
            (view.epoch, Some(&view.address) == self.seat(), self.votes_for(&view.address))
        })
    }

    /// How many sentinels name a node, by their latest words.
    fn votes_for(&self, node: &Endpoint) -> usize {
        let names = |word: &Word| matches!(word, Word::Names(view) if view.address == *node);
        let naming = self.words.iter().filter(|(_, word)| names(word));
        self.electorate.count(naming.map(|(sentinel, _)| sentinel))
    }

    fn awaits_others(&self, now: Instant) -> bool {
        self.words.values().any(|word| matches!(word, Word::Unheard))
            && self.first.is_none_or(|first| now.saturating_duration_since(first) < FIRST)
    }

    fn views(&self) -> impl Iterator<Item = &SentinelView> {
        self.words.values().filter_map(|word| match word {
            Word::Names(view) => Some(view),
            _ => None,
        })
    }

    fn role(&self, node: &Endpoint) -> Option<&Role<Option<Endpoint>>> {
        self.nodes.get(node)?.role.as_ref()?.as_ref().ok()
    }

    fn is_primary(&self, node: &Endpoint) -> bool {
        self.role(node) == Some(&Role::Primary(()))
    }
}
