//! Looking in the backend.

use std::future::Future;
use std::sync::Arc;

use super::answer::Judged;
use super::{Ask, Destination};
use crate::backend::Failure;
use crate::clock::Tick;
use crate::coherence::guards::Guard;
use crate::coherence::revision::Dependencies;
use crate::entry::{Meta, Slot, TypedEntry};
use crate::envelope::{EntryKind, Envelope};
use crate::flight::Lead;
use crate::policy::freshness::{Life, Verdict};
use crate::remote::{Address, Remote, StoredEntry};

impl Judged {
    /// Whether it is the word of a backend in health, and its ttl not over.
    pub(super) fn is_fresh(&self) -> bool {
        self.is_confirmed && matches!(self.verdict, Verdict::Fresh | Verdict::Refresh)
    }

    /// Whether it would be fresh if anybody confirmed that the node serves: it may be from a former
    /// primary, which does not hear of invalidations (coherence 5).
    pub(super) fn is_in_doubt(&self) -> bool {
        !self.is_confirmed && matches!(self.verdict, Verdict::Fresh | Verdict::Refresh)
    }
}

impl Ask {
    /// Looks in the backend from now on; a copy is kept unless the key is invalidated meanwhile.
    pub(super) async fn look_as(
        &self,
        lead: &Lead,
        remote: &Remote,
        now: Tick,
    ) -> Result<Option<Judged>, Failure> {
        let found = self.look_in(remote, now).await?;
        if let Some(seen) = found.as_ref().filter(|seen| seen.is_fresh()) {
            self.keep_copy(lead, &seen.slot);
        }
        Ok(found)
    }

    /// Looks in the backend from now on, unless that has not answered this call before (R8).
    pub(super) fn look_in(
        &self,
        remote: &Remote,
        now: Tick,
    ) -> impl Future<Output = Result<Option<Judged>, Failure>> {
        async move {
            let Some(address) = self.address() else {
                return Ok(None);
            };
            if let Some(failure) = self.waited.unanswered() {
                return Err(failure.clone());
            }
            let found = remote.look(address, &self.tags, (now, self.manner)).await;
            let found = found.inspect_err(|failure| self.waited.note_failure(failure))?;
            Ok(found.and_then(|stored| self.read(address, *stored)))
        }
    }

    /// What was found, as a judged entry of this process.
    pub(super) fn read(&self, address: &Address, stored: StoredEntry) -> Option<Judged> {
        let StoredEntry { envelope, loaded, dependencies, trust, is_confirmed } = stored;
        let now = self.runtime.clock.now();
        let life = Life { ttl: envelope.ttl, grace: envelope.grace };
        let verdict = life.judge(now.since(loaded), self.policy.refresh);
        if verdict == Verdict::Expired {
            return None;
        }
        let mut meta = Meta::new(&self.key, envelope.kind, life, loaded, dependencies, &trust);
        if self.runtime.guards.lacks(Guard::Registration) {
            // Decoding takes its time, in which others change things.
            drop(self.decode(&envelope, meta));
            let dependencies = self.dependencies_now(address, &envelope);
            meta = Meta::new(&self.key, envelope.kind, life, loaded, dependencies, &trust);
        }
        match self.decode(&envelope, meta) {
            Ok(slot) => {
                slot.meta().note_encoded(envelope.payload.len());
                let ours = self.runtime.memory.get(&self.key);
                if let Some(ours) = ours.filter(|ours| self.still_serves(ours)) {
                    slot.meta().hold_off_like(ours.meta());
                    // Coherence 12b: callers have seen a newer one, which could not be stored. That may answer
                    // in grace, and this one may not any more (T2).
                    if ours.meta().supersedes(slot.meta()) {
                        let is_ours = self.can_recall(&ours);
                        return is_ours.then_some(Judged {
                            slot: ours,
                            verdict: Verdict::Stale,
                            is_confirmed,
                        });
                    }
                }
                Some(Judged { slot, verdict, is_confirmed })
            }
            Err(reason) => {
                self.runtime.undecodable(self.typing.value.id, self.site, &self.topic(), &reason);
                None
            }
        }
    }

    /// What an entry depends on, as if nothing had happened until now.
    fn dependencies_now(&self, address: &Address, envelope: &Envelope) -> Dependencies {
        let mut tags = self.tags.clone();
        envelope.tags.iter().for_each(|(tag, _)| tags.add(tag.clone()));
        let since = self.runtime.revisions.now();
        match self.remote() {
            Some(remote) => remote.dependencies(&address.entry, &tags, since),
            None => self.runtime.own_dependencies(&tags, since),
        }
    }

    fn decode(&self, envelope: &Envelope, meta: Meta) -> Result<Slot, String> {
        let bytes = &envelope.payload;
        match envelope.kind {
            EntryKind::Value => {
                let Destination::Backend { coding, .. } = self.destination else {
                    return Err("no codec".to_owned());
                };
                self.typing.value.read(coding, bytes, meta)
            }
            EntryKind::Absent => Ok(Arc::new(TypedEntry::new(meta, ()))),
            EntryKind::Failed => {
                let remembered = self.typing.remembered.ok_or("errors are not remembered")?;
                let coding = remembered.coding.ok_or("no codec for errors")?;
                remembered.ty.read(coding, bytes, meta)
            }
        }
    }

    /// Keeps an entry of the backend here as well.
    pub(super) fn keep_copy(&self, lead: &Lead, slot: &Slot) {
        // Regions 16: what the region knows that was left meanwhile may be older than what callers have seen.
        if self.runtime.keeps_copies() && self.region == self.runtime.region() {
            let weighed = self.runtime.memory.weigh(&self.key, slot);
            lead.unless_sealed(|| self.runtime.memory.insert(&self.key, &weighed));
        }
    }
}
