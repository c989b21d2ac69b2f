//! Which sentinels hold the seat for the primary, and how many there are. Decides, and does nothing else.
//!
//! Invariant: a sentinel has one vote, whatever names and addresses it is asked at. How many there are is
//! what most of them say, not how many addresses are known: a seed that nobody answers at is no sentinel.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use athena_cache_core::backend::Message;
use tokio::time::Instant;

use super::replies::SentinelView;
use crate::url::Endpoint;

/// How long the largest number of sentinels that one told holds after it was told last: one that was reset
/// knows no others for some seconds.
const HOLDS: Duration = Duration::from_secs(60);

/// The votes of the sentinels, each with when it was asked for.
#[derive(Debug, Default)]
pub(super) struct Electorate {
    /// Who answered last at each address.
    voters: BTreeMap<Endpoint, Voter>,
    votes: BTreeMap<Voter, Instant>,
    /// How many there are, as was said lately at each address: who speaks there may have taken another's id.
    told: BTreeMap<Endpoint, ToldSize>,
    /// How many there are at least, whatever is told: others may know better, and have not been heard.
    least: usize,
}

/// Who a sentinel is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Voter {
    /// By the id that sentinels know each other by.
    Known(String),
    /// It may not say: such are taken for one and the same.
    Anonymous,
}

/// How many sentinels there are, as one of them said.
#[derive(Debug, Clone, Copy)]
struct ToldSize {
    size: usize,
    at: Instant,
}

/// That no majority holds the seat for the primary, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shortfall {
    pub(super) seat: Endpoint,
    /// How many sentinels hold it for the primary, and how many would have to, of how many.
    pub(super) holding: usize,
    pub(super) needed: usize,
    pub(super) size: usize,
    /// What became of those that do not answer.
    pub(super) silences: Vec<Message>,
    /// Whether some do not say who they are.
    pub(super) has_anonymous: bool,
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seat, holding, needed, size, .. } = self;
        write!(
            f,
            "{holding} of {size} sentinels hold {seat} for the primary, and {needed} have to: until then \
             redis is asked at every call, and invalidations stay `Pending`"
        )?;
        if self.has_anonymous {
            f.write_str(
                "; who may not tell its id counts once with all such: allow `SENTINEL MYID`",
            )?;
        }
        if !self.silences.is_empty() {
            let silences = self.silences.iter().map(Message::as_str).collect::<Vec<_>>().join("; ");
            write!(
                f,
                "; if sentinels listen elsewhere than they say, set `addresses`: {silences}"
            )?;
        }
        Ok(())
    }
}

impl Electorate {
    /// Notes who answers at an address, and how many there are by its word.
    pub(super) fn hear(&mut self, sentinel: &Endpoint, view: &SentinelView, now: Instant) {
        let voter = view.id.clone().map_or(Voter::Anonymous, Voter::Known);
        if self.voters.get(sentinel) != Some(&voter) {
            self.told.remove(sentinel);
            self.voters.insert(sentinel.clone(), voter);
        }
        self.told.retain(|_, told| now.saturating_duration_since(told.at) < HOLDS);
        let Some(size) = view.others.map(|others| others.saturating_add(1)) else { return };
        if self.told.get(sentinel).is_none_or(|told| size >= told.size) {
            self.told.insert(sentinel.clone(), ToldSize { size, at: now });
        }
    }

    /// Notes that whoever answers at an address was asked at an instant, and named the seat.
    pub(super) fn vote(&mut self, sentinel: &Endpoint, asked: Instant) {
        if let Some(voter) = self.voters.get(sentinel) {
            let last = self.votes.entry(voter.clone()).or_insert(asked);
            *last = asked.max(*last);
        }
    }

    /// Forgets all votes: they were for another one.
    pub(super) fn begin(&mut self) {
        self.votes.clear();
    }

    /// Forgets whoever answered at addresses that nobody is in touch with any longer.
    pub(super) fn retain(&mut self, sentinels: &BTreeSet<Endpoint>) {
        self.voters.retain(|sentinel, _| sentinels.contains(sentinel));
        let present: BTreeSet<_> = self.voters.values().collect();
        self.votes.retain(|voter, _| present.contains(voter));
        self.told.retain(|sentinel, _| sentinels.contains(sentinel));
    }

    /// Has so many count at least as there are addresses, as long as some are awaited.
    pub(super) fn expect(&mut self, least: usize) {
        self.least = least;
    }

    /// Up to when a majority held the seat for the primary; `asked` counts where nobody tells more.
    pub(super) fn confirmed(&self, asked: usize) -> Option<Instant> {
        let mut votes: Vec<_> = self.votes.values().copied().collect();
        votes.sort_unstable();
        votes.into_iter().rev().nth(self.majority(asked).saturating_sub(1))
    }

    /// How many have to hold the seat for the primary.
    pub(super) fn majority(&self, asked: usize) -> usize {
        self.size(asked) / 2 + 1
    }

    /// How many sentinels there are, of so many addresses.
    ///
    /// Of what they say the middle counts, and of two the larger: one that tells of thousands is outvoted
    /// as one is that was reset and tells of none. Of what is said in one name the least counts, or one that
    /// takes the name of another would have that tell of thousands as well.
    pub(super) fn size(&self, asked: usize) -> usize {
        let seen = self.voters.values().collect::<BTreeSet<_>>().len();
        let mut by_voter: BTreeMap<_, usize> = BTreeMap::new();
        for (sentinel, ToldSize { size, .. }) in &self.told {
            if let Some(voter) = self.voters.get(sentinel) {
                let least = by_voter.entry(voter).or_insert(*size);
                *least = (*size).min(*least);
            }
        }
        let mut told: Vec<_> = by_voter.into_values().collect();
        told.sort_unstable();
        told.get(told.len() / 2).copied().unwrap_or(asked).max(seen).max(self.least)
    }

    /// The epoch that a majority has reached, by those that sentinels say.
    pub(super) fn reached<'a>(
        &self,
        said: impl IntoIterator<Item = (&'a Endpoint, u64)>,
        asked: usize,
    ) -> Option<u64> {
        let mut epochs = BTreeMap::new();
        for (sentinel, epoch) in said {
            if let Some(voter) = self.voters.get(sentinel) {
                let known = epochs.entry(voter).or_insert(epoch);
                *known = epoch.max(*known);
            }
        }
        let mut epochs: Vec<_> = epochs.into_values().collect();
        epochs.sort_unstable();
        epochs.into_iter().rev().nth(self.majority(asked).saturating_sub(1))
    }

    /// How many different sentinels answer at these addresses.
    pub(super) fn count<'a>(&self, sentinels: impl IntoIterator<Item = &'a Endpoint>) -> usize {
        let voters = sentinels.into_iter().filter_map(|sentinel| self.voters.get(sentinel));
        voters.collect::<BTreeSet<_>>().len()
    }

    /// Whether some do not say who they are, at more than one address.
    pub(super) fn has_anonymous(&self) -> bool {
        self.voters.values().filter(|voter| **voter == Voter::Anonymous).count() > 1
    }
}
