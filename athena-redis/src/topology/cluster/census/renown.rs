//! Which others know a node, and whose word counts. Decides, and does nothing else.
//!
//! Invariant: only those vouch for a node who are vouched for themselves, in a chain that begins with the
//! seeds: however many one node brings in, they are one node's word.

use std::collections::HashSet;

use crate::url::Endpoint;

/// So many others must say a thing for it to be more than one node's word.
pub(super) const CRITICS: usize = 2;

/// Which others know a node: as many as matter of each kind.
#[derive(Debug, Default)]
pub(super) struct Renown {
    /// Those of them that are [`Credit::Vouched`].
    listed_by: Vec<Speaker>,
    unknown_to: Vec<Speaker>,
    /// Whether others had spoken before anybody listed it.
    is_newcomer: bool,
    /// Whether it was listed by several, or by one and unknown to nobody.
    is_vouched: bool,
    /// Whether anything stands that it said of others.
    has_spoken: bool,
    /// The last view that listed it.
    pub(super) view: u64,
}

/// A node that spoke, and in which round. One that gives itself ever other names is the same one.
#[derive(Debug, Clone)]
pub(super) struct Speaker {
    pub(super) asked: Endpoint,
    pub(super) id: String,
    pub(super) round: u32,
}

/// How much of what a node says of others counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Credit {
    /// Nothing: several do not know it.
    None,
    /// All, but that there are nodes which others do not know.
    Some,
    /// All: it is a seed, or known to those who are.
    Vouched,
}

impl Renown {
    /// Of a node that is heard of for the first time, from a node that may have spoken before.
    pub(super) fn new(witnesses: &[Speaker], speaker: &Speaker) -> Self {
        let mut unknown_to = Vec::new();
        // Whoever they had listed would be known.
        for witness in witnesses.iter().rev().filter(|it| !it.is_same(speaker)) {
            witness.join(&mut unknown_to);
        }
        let is_newcomer = !unknown_to.is_empty();
        Self { unknown_to, is_newcomer, ..Self::default() }
    }

    /// Whether several do not know the node, and hardly anybody else does.
    pub(super) fn is_unknown(&self) -> bool {
        let is_stranger = self.is_newcomer && self.listed_by.is_empty();
        is_stranger || (self.unknown_to.len() >= CRITICS && self.listed_by.len() < CRITICS)
    }

    /// How much of what the node says counts.
    pub(super) fn credit(&self) -> Credit {
        match () {
            () if self.is_unknown() => Credit::None,
            () if self.is_vouched => Credit::Vouched,
            () => Credit::Some,
        }
    }

    /// Whether several list the node whose word counts.
    pub(super) fn is_listed_by_several(&self) -> bool {
        self.listed_by.len() >= CRITICS
    }

    pub(super) fn note_listed(&mut self, by: &Speaker, credit: Credit) {
        self.unknown_to.retain(|it| !it.is_same(by));
        if credit == Credit::Vouched {
            by.join(&mut self.listed_by);
            self.is_vouched |= self.is_listed_by_several();
        }
    }

    pub(super) fn note_unlisted(&mut self, by: &Speaker) {
        by.join(&mut self.unknown_to);
    }

    /// Notes that what the node says of others stands.
    pub(super) fn note_spoken(&mut self, is_seed: bool) {
        self.has_spoken = true;
        self.is_vouched |= is_seed;
    }

    /// Whether anything of what the node said has to be forgotten, as it is unknown now; once.
    pub(super) fn is_disowned(&mut self) -> bool {
        let is_unknown = self.is_unknown();
        self.is_vouched &= !is_unknown;
        is_unknown && std::mem::take(&mut self.has_spoken)
    }

    /// Forgets what was said by those who are unknown, but for the seeds.
    pub(super) fn disown(&mut self, strangers: &HashSet<String>, seeds: &HashSet<Endpoint>) {
        for said in [&mut self.listed_by, &mut self.unknown_to] {
            said.retain(|it| !strangers.contains(&it.id) || seeds.contains(&it.asked));
        }
    }

    /// Takes a node for known at the end of a round in which everybody could speak against it.
    pub(super) fn close(&mut self) {
        self.is_vouched |= self.unknown_to.is_empty() && !self.listed_by.is_empty();
    }

    /// Forgets to whom the node was unknown: none of them is left.
    pub(super) fn begin_anew(&mut self) {
        self.unknown_to.clear();
        self.is_newcomer = false;
    }
}

impl Speaker {
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.id == other.id || self.asked == other.asked
    }

    /// Adds it to those who say something, unless those are enough.
    pub(super) fn join(&self, to: &mut Vec<Self>) {
        if to.len() < CRITICS && !to.iter().any(|it| it.is_same(self)) {
            to.push(self.clone());
        }
    }
}
