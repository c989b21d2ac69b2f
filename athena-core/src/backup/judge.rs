//! Whether a value of a backup comes back, and as what.
//!
//! Invariant: what was invalidated by a generation before the backup ended, or since in a store that remembers it,
//! does not come back at all; and what comes back is stale, unless somebody vouches for it.

use std::sync::Arc;
use std::time::Duration;

use super::file::BackupRecord;
use super::held::HeldGenerations;
use crate::envelope::{Envelope, Opened, Stamp};
use crate::key::name::Namespace;
use crate::remote::FoundGeneration;

/// Where nothing is from: no node has this history, so that nobody takes for fresh what says it is of it
/// (coherence 8).
const NOWHERE: u64 = 1;

/// As what values come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RestoredAs {
    Stale,
    Vouched,
}

/// What became of the store since the backup, as far as whoever restores it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreFate {
    /// Other generations than those of the backup were written to invalidate.
    Kept,
    /// It has lost everything: those that are there now were made anew, and say nothing of what was invalidated.
    Lost,
}

/// Why a value stays away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// Its life is over.
    Expired,
    /// It would be stale, and has no grace.
    WithoutGrace,
    /// It was invalidated.
    Outdated,
    /// It is none of this name, or was not written by this version.
    Unreadable,
}

/// A value that may come back.
#[derive(Debug)]
pub(super) struct ReturningValue {
    pub(super) name: String,
    opened: Opened,
    /// How long it has to live.
    pub(super) life: Duration,
    /// The names of the generations that it depends on: the namespace's, then its tags' in their order.
    pub(super) generations: Vec<Arc<str>>,
}

impl ReturningValue {
    /// What can be said without asking the store; `held` are the generations in the backup.
    pub(super) fn of(
        record: BackupRecord,
        now: u64,
        standing: RestoredAs,
        names: impl FnOnce(&Opened, &str) -> Vec<Arc<str>>,
        held: &HeldGenerations,
    ) -> Result<Self, Reason> {
        let left = record.ends_at.map(|end| end.saturating_sub(now)).filter(|left| *left > 0);
        let left = Duration::from_millis(left.ok_or(Reason::Expired)?);
        let owner = Namespace::owner(&record.name);
        let opened = Envelope::open(&record.bytes, owner);
        let opened = opened.ok().filter(|opened| opened.is_own_name).ok_or(Reason::Unreadable)?;
        let envelope = &opened.envelope;
        if standing == RestoredAs::Stale && envelope.grace.is_zero() {
            return Err(Reason::WithoutGrace);
        }
        if standing == RestoredAs::Vouched && envelope.age(left).is_none() {
            // Its age is not known: the clocks of the machines differ.
            return Err(Reason::Unreadable);
        }
        let generations = names(&opened, owner);
        let tags = generations.iter().skip(1).map(AsRef::as_ref);
        if !held.hold(envelope.stamps(), tags) {
            return Err(Reason::Outdated);
        }
        let life = left.min(envelope.ttl.saturating_add(envelope.grace));
        Ok(Self { name: record.name, opened, life, generations })
    }

    /// How old it is.
    pub(super) fn age(&self) -> Duration {
        let envelope = &self.opened.envelope;
        envelope.age(self.life).unwrap_or_default()
    }

    /// The bytes to store, by what generations hold in the store now, in the order of
    /// [`generations`](Self::generations); `history` is that of the node it goes to.
    pub(super) fn stamped(
        mut self,
        found: &[FoundGeneration],
        (standing, fate): (RestoredAs, StoreFate),
        history: u64,
    ) -> Result<Option<Vec<u8>>, Reason> {
        let was_invalidated = self.opened.envelope.stamps().zip(found).any(|(stamp, found)| {
            found.before.is_some_and(|now| {
                now.history == stamp.history && now.generation != stamp.generation
            })
        });
        if was_invalidated && fate == StoreFate::Kept {
            return Err(Reason::Outdated);
        }
        let Some(now) = found.iter().map(|found| found.now).collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        let anew = |stamp: Stamp| match standing {
            RestoredAs::Stale => Stamp { history: NOWHERE, ..stamp },
            RestoredAs::Vouched => stamp,
        };
        let envelope = &mut self.opened.envelope;
        envelope.history = if standing == RestoredAs::Stale { NOWHERE } else { history };
        let places = std::iter::once(&mut envelope.namespace)
            .chain(envelope.tags.iter_mut().map(|(_, stamp)| stamp));
        for (place, stamp) in places.zip(now) {
            *place = anew(stamp);
        }
        let bytes = self.opened.write(Namespace::owner(&self.name));
        bytes.map(Some).map_err(|_| Reason::Unreadable)
    }
}
