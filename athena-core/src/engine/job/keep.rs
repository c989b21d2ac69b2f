//! Keeping what a load returned: memory first, then the backend.

use super::fill::PendingFill;
use super::terms::KeptIn;
use super::{Job, LeaseState, Purpose};
use crate::engine::Ask;
use crate::entry::Slot;
use crate::policy::freshness::Life;
use crate::runtime::Scope;
use crate::tag::Tags;
use crate::telemetry::event::NotKept;
use crate::telemetry::{Outcome, Source};

impl Job {
    /// Keeps a result in memory if it is wanted and still true, and lands it for the followers; what is left
    /// to do is its fill, if the backend is to have it.
    pub(super) fn keep(
        self,
        slot: Slot,
        life: Life,
        tags: Tags,
        wanted: Result<(), NotKept>,
        leased: LeaseState,
    ) -> Option<PendingFill> {
        let landing = Ask::landing(&slot, Outcome::new(Source::Load));
        let unwanted = if life.ttl.is_zero() { Some(NotKept::Unwanted) } else { wanted.err() };
        if let Some(reason) = unwanted {
            self.not_kept(reason);
            self.refute(&slot, leased);
            self.lead.land(landing);
            return None;
        }
        self.ask.rehearse(&slot);
        self.ask.check_tags(&tags);
        if !self.keep_in_memory(&slot) {
            self.not_kept(NotKept::Invalidated);
            self.lead.land(landing);
            return None;
        }
        let keeping = leased.keeping(self.labelling(&tags));
        if keeping.kept_in == KeptIn::Copy {
            slot.meta().keep_to_ourselves();
        }
        if let Some(reason) = keeping.not_kept {
            self.not_kept(reason);
        }
        self.lead.land(landing);
        let Self { ask, lead, .. } = self;
        if keeping.kept_in == KeptIn::Backend { ask.fill(lead, slot, life, tags) } else { None }
    }

    /// The latest word of the function is not kept, and wins over anything older all the same: what is
    /// there is invalidated, in all tiers, before anything is read again.
    ///
    /// Where the backend could not be asked, something without a value is kept that is newer than what it may
    /// have (coherence 12b).
    fn refute(&self, refused: &Slot, leased: LeaseState) {
        let Ask { runtime, key, .. } = &*self.ask;
        let kept = runtime.memory.get(key).filter(|slot| self.ask.can_recall(slot));
        let is_there = self.stale.is_some() || kept.is_some();
        if (is_there || self.purpose == Purpose::Reload) && !self.lead.is_sealed() {
            match self.ask.remote() {
                Some(_) => runtime.journal(&[Scope::Entry(key.clone())]),
                None => runtime.memory.invalidate(key),
            }
        }
        if leased == LeaseState::Unleased && runtime.keeps_copies() {
            let newer = refused.meta().pause();
            newer.meta().keep_to_ourselves();
            let newer = runtime.memory.weigh(key, &newer);
            self.lead.unless_sealed(|| runtime.memory.insert(key, &newer));
        }
    }

    /// Keeps an entry here, unless it was invalidated since the load began (coherence 2, I1).
    fn keep_in_memory(&self, slot: &Slot) -> bool {
        let ask = &self.ask;
        let wanted_here = !ask.is_shared() || ask.runtime.keeps_copies();
        let memory = &ask.runtime.memory;
        let weighed = wanted_here.then(|| memory.weigh(&ask.key, slot));
        ask.still_serves(slot)
            && self.lead.unless_sealed(|| {
                if let Some(weighed) = &weighed {
                    memory.insert(&ask.key, weighed);
                }
            })
    }
}
