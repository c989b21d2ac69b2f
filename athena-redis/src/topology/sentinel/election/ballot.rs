//! The latest words of the sentinels, and what most of them say. Decides, and does nothing else.
//!
//! Invariant: no minority can change what most of them say: neither by a high epoch, nor by claiming that
//! there are many. Epochs are compared, and never counted with.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::topology::sentinel::electorate::{Electorate, Shortfall};
use crate::topology::sentinel::replies::{SentinelView, Silence, Word};
use crate::url::Endpoint;

/// How long the first sentinel's word waits for that of the others, who may know better.
pub(super) const FIRST: Duration = Duration::from_millis(50);

/// What each sentinel said last, and who has a vote.
#[derive(Debug, Default)]
pub(super) struct Ballot {
    words: BTreeMap<Endpoint, Word>,
    /// Who of the sentinels held the seat for the primary, and when.
    electorate: Electorate,
    /// When a sentinel first named a primary.
    first: Option<Instant>,
}

/// The node that most sentinels name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Choice<'a> {
    pub(super) node: &'a Endpoint,
    /// The epoch that a majority of them has reached.
    pub(super) epoch: u64,
}

impl Ballot {
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

    /// Notes when a sentinel was asked for the word that was heard last, if that names the seat.
    pub(super) fn confirm(&mut self, seat: &Endpoint, sentinel: &Endpoint, asked: Instant) {
        if matches!(self.words.get(sentinel), Some(Word::Names(view)) if view.address == *seat) {
            self.electorate.vote(sentinel, asked);
        }
    }

    /// Up to when a majority held the seat for the primary.
    pub(super) fn confirmed(&self) -> Option<Instant> {
        self.electorate.confirmed(self.words.len())
    }

    /// Forgets until when the seat was confirmed: another one takes it.
    pub(super) fn begin(&mut self) {
        self.electorate.begin();
    }

    /// Forgets sentinels that nobody is in touch with any longer, and awaits new ones.
    pub(super) fn convene(&mut self, sentinels: &BTreeSet<Endpoint>) {
        self.words.retain(|sentinel, _| sentinels.contains(sentinel));
        for sentinel in sentinels {
            self.words.entry(sentinel.clone()).or_insert(Word::Unheard);
        }
        self.electorate.retain(sentinels);
    }

    /// The node that most sentinels name, whatever the others say.
    pub(super) fn choice(&self) -> Option<Choice<'_>> {
        let named: BTreeSet<_> = self.views().map(|view| &view.address).collect();
        let choices = named.into_iter().filter_map(|node| {
            let epoch = self.epoch_of(node)?;
            Some(Choice { node, epoch })
        });
        choices.max_by_key(|choice| self.votes_for(choice.node))
    }

    /// The epoch that a majority names a node with, if one does.
    pub(super) fn epoch_of(&self, node: &Endpoint) -> Option<u64> {
        self.reached(|view| view.address == *node)
    }

    /// The epoch that a majority has reached, whomever they name.
    pub(super) fn epoch_of_most(&self) -> Option<u64> {
        self.reached(|_| true)
    }

    /// The words that name a node, those of the newest epochs first; of several, those that more say.
    pub(super) fn newest(&self) -> Vec<&SentinelView> {
        let mut views: Vec<_> = self.views().collect();
        views.sort_by_key(|view| (view.epoch, self.votes_for(&view.address)));
        views.reverse();
        views
    }

    /// The one that all sentinels that answer name.
    pub(super) fn unanimous(&self) -> Option<&Endpoint> {
        let mut views = self.views();
        let first = &views.next()?.address;
        views.all(|view| view.address == *first).then_some(first)
    }

    /// Why no majority of the sentinels holds the seat for the primary, if none does.
    pub(super) fn shortfall(&self, seat: &Endpoint) -> Option<Shortfall> {
        let asked = self.words.len();
        let (holding, needed) = (self.votes_for(seat), self.electorate.majority(asked));
        (holding < needed).then(|| Shortfall {
            seat: seat.clone(),
            holding,
            needed,
            size: self.electorate.size(asked),
            silences: self.silences().map(|silence| silence.why.clone()).collect(),
            has_anonymous: self.electorate.has_anonymous(),
        })
    }

    /// How many are most of the sentinels.
    pub(super) fn majority(&self) -> usize {
        self.electorate.majority(self.words.len())
    }

    /// Whether a sentinel has not been heard that may know better than the first.
    pub(super) fn awaits_others(&self, now: Instant) -> bool {
        self.has_unheard()
            && self.first.is_none_or(|first| now.saturating_duration_since(first) < FIRST)
    }

    /// Has all those count in a first search that were asked, until they have had time to answer: the first one
    /// may say that there are no others.
    pub(super) fn await_others(&mut self, is_search: bool, now: Instant) {
        let is_awaiting = is_search && self.awaits_others(now);
        self.electorate.expect(if is_awaiting { self.words.len() } else { 0 });
    }

    pub(super) fn has_unheard(&self) -> bool {
        self.words.values().any(|word| matches!(word, Word::Unheard))
    }

    /// Whether every sentinel was asked and none answered.
    pub(super) fn is_cut_off(&self) -> bool {
        self.words.values().all(|word| matches!(word, Word::Mute(..)))
    }

    /// Whether a sentinel does not know the service.
    pub(super) fn is_unknown(&self) -> bool {
        self.words.values().any(|word| matches!(word, Word::Unknown))
    }

    pub(super) fn sentinels(&self) -> impl Iterator<Item = &Endpoint> {
        self.words.keys()
    }

    pub(super) fn silences(&self) -> impl Iterator<Item = &Silence> {
        self.words.values().filter_map(|word| match word {
            Word::Mute(silence) => Some(silence),
            _ => None,
        })
    }

    pub(super) fn views(&self) -> impl Iterator<Item = &SentinelView> {
        self.words.values().filter_map(|word| match word {
            Word::Names(view) => Some(view),
            _ => None,
        })
    }

    /// How many sentinels name a node.
    fn votes_for(&self, node: &Endpoint) -> usize {
        let names = |word: &Word| matches!(word, Word::Names(view) if view.address == *node);
        let naming = self.words.iter().filter(|(_, word)| names(word));
        self.electorate.count(naming.map(|(sentinel, _)| sentinel))
    }

    /// The epoch that a majority has reached by views of one kind.
    fn reached(&self, counts: impl Fn(&SentinelView) -> bool) -> Option<u64> {
        let views = self.words.iter().filter_map(|(sentinel, word)| match word {
            Word::Names(view) if counts(view) => Some((sentinel, view.epoch)),
            _ => None,
        });
        self.electorate.reached(views, self.words.len())
    }

    /// How many sentinels there are.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.electorate.size(0)
    }
}
