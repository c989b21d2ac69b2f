//! Which sentinels and which data nodes to be in touch with.
//!
//! Invariant: a seed is never dropped, and nobody is known but through a chain of sentinels that begins
//! with one. Sentinels that all others have forgotten do not keep each other, and whom fewer than most of
//! them list is no member, also where those others list nobody: one alone could bring in a majority of its own,
//! or have a password told to anybody. For the same reason the first lists wait for others.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::replies::{Lists, MOST};
use crate::url::Endpoint;

/// Lists that are so much older than the newest ones count no more: their sentinel has been away since.
const OUTDATED: Duration = Duration::from_secs(60);

/// How long the first lists wait for those of other seeds.
const AWAITED: Duration = Duration::from_millis(50);

/// What sentinels told of each other and of the replicas.
#[derive(Debug)]
pub(super) struct Members {
    seeds: BTreeSet<Endpoint>,
    /// When the first lists were told.
    first: Option<Instant>,
    /// The latest lists of each sentinel; kept while it is away, for the time when all are.
    told: BTreeMap<Endpoint, ToldLists>,
    /// Who answers now at each address.
    present: BTreeMap<Endpoint, String>,
}

/// What a sentinel told, since when, and who it was.
#[derive(Debug)]
struct ToldLists {
    at: Instant,
    id: Option<String>,
    lists: Lists,
}

/// Who lists somebody: a sentinel by its id, or by its address where that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Teller<'a> {
    Known(&'a str),
    At(&'a Endpoint),
}

/// Who lists somebody, and an id that one of them tells.
#[derive(Debug, Default)]
struct ListedBy<'a> {
    by: BTreeSet<Teller<'a>>,
    id: Option<&'a str>,
}

impl Members {
    pub(super) fn new(seeds: impl IntoIterator<Item = Endpoint>) -> Self {
        let seeds = seeds.into_iter().collect();
        Self { seeds, first: None, told: BTreeMap::new(), present: BTreeMap::new() }
    }

    /// Notes who answered a question to an address, if anybody did that told.
    pub(super) fn note_present(&mut self, sentinel: &Endpoint, id: Option<&str>) {
        match id {
            Some(id) => self.present.insert(sentinel.clone(), id.to_owned()),
            None => self.present.remove(sentinel),
        };
    }

    /// The id of the sentinel at an address, by what the others say.
    pub(super) fn id_at(&self, sentinel: &Endpoint) -> Option<&str> {
        let mut peers = self.told.values().flat_map(|told| told.lists.peers.iter().flatten());
        let peer = peers.find(|peer| peer.endpoint == *sentinel && !peer.id.is_empty());
        peer.map(|peer| peer.id.as_str())
    }

    pub(super) fn note(&mut self, sentinel: &Endpoint, lists: Lists, now: Instant) {
        self.first.get_or_insert(now);
        let id = self.present.get(sentinel).cloned();
        self.told.insert(sentinel.clone(), ToldLists { at: now, id, lists });
    }

    /// Whether lists wait for those of a seed that has had no time to tell its own.
    pub(super) fn awaits_lists(&self, now: Instant) -> bool {
        let is_early = |first| now.saturating_duration_since(first) < AWAITED;
        self.first.is_some_and(is_early) && self.seeds.iter().any(|it| !self.told.contains_key(it))
    }

    /// The seeds, and the sentinels that most of them, and of those in turn, tell of, each under one address.
    ///
    /// A seed that was given by name is listed by its address as well: its id tells that it is one. One
    /// that answers no more may have moved to where the others list it now.
    pub(super) fn sentinels(&self, now: Instant) -> BTreeSet<Endpoint> {
        if self.awaits_lists(now) {
            return self.seeds.clone();
        }
        let ids = self.seeds.iter().filter_map(|seed| self.present.get(seed));
        let seeds: BTreeSet<&str> = ids.map(String::as_str).collect();
        let mut known = self.seeds.clone();
        loop {
            let before = known.len();
            let peers = self.told_by_most(&known, |lists| {
                let peers = lists.peers.as_ref()?.iter();
                Some(peers.map(|peer| (&peer.endpoint, Some(peer.id.as_str()))))
            });
            let is_seed = |listed: &ListedBy<'_>| listed.id.is_some_and(|id| seeds.contains(id));
            let others = peers.into_iter().filter(|(_, listed)| !is_seed(listed));
            let room = MOST.saturating_sub(before);
            let others: Vec<_> = others
                .map(|(it, _)| it.clone())
                .filter(|it| !known.contains(it))
                .take(room)
                .collect();
            known.extend(others);
            if known.len() == before {
                return known;
            }
        }
    }

    /// The replicas that most of the sentinels tell of, each with how many do.
    pub(super) fn replicas(&self, now: Instant) -> BTreeMap<Endpoint, usize> {
        if self.awaits_lists(now) {
            return BTreeMap::new();
        }
        let sentinels = self.sentinels(now);
        let replicas = self.told_by_most(&sentinels, |lists| {
            Some(lists.replicas.as_ref()?.iter().map(|it| (it, None)))
        });
        let replicas = replicas.into_iter().map(|(it, listed)| (it.clone(), listed.by.len()));
        replicas.take(MOST).collect()
    }

    /// Those whom more than half of these sentinels list, of those that may tell whom they list, and of the
    /// others than itself.
    fn told_by_most<'a, I: Iterator<Item = (&'a Endpoint, Option<&'a str>)>>(
        &'a self,
        sentinels: &'a BTreeSet<Endpoint>,
        list: impl Fn(&'a Lists) -> Option<I>,
    ) -> BTreeMap<&'a Endpoint, ListedBy<'a>> {
        let mut tellers = BTreeSet::new();
        let mut all: BTreeMap<_, ListedBy<'_>> = BTreeMap::new();
        for (sentinel, told) in sentinels.iter().filter_map(|it| Some((it, self.told_by(it)?))) {
            let teller = told.id.as_deref().map_or(Teller::At(sentinel), Teller::Known);
            let Some(list) = list(&told.lists) else { continue };
            tellers.insert(teller);
            for (endpoint, id) in list {
                let listed = all.entry(endpoint).or_default();
                listed.by.insert(teller);
                listed.id = listed.id.or(id.filter(|id| !id.is_empty()));
            }
        }
        all.retain(|endpoint, listed| {
            let itself = |teller: &&Teller<'_>| match teller {
                Teller::Known(known) => listed.id == Some(*known),
                Teller::At(at) => at == endpoint,
            };
            let others = tellers.iter().filter(|it| !itself(it)).count();
            2 * listed.by.len() > others
        });
        all
    }

    /// What a sentinel told last, unless others have told something much later.
    fn told_by(&self, sentinel: &Endpoint) -> Option<&ToldLists> {
        let told = self.told.get(sentinel)?;
        let newest = self.told.values().map(|told| told.at).max()?;
        (newest.saturating_duration_since(told.at) <= OUTDATED).then_some(told)
    }

    /// Forgets what sentinels told that are no longer on the list.
    pub(super) fn forget_strangers(&mut self, now: Instant) {
        let known = self.sentinels(now);
        self.told.retain(|sentinel, _| known.contains(sentinel));
        self.present.retain(|sentinel, _| known.contains(sentinel));
    }
}

#[cfg(test)]
mod tests;
