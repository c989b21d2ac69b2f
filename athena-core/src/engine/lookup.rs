//! Looking in the backend, and what happens when it cannot answer.

use std::sync::Arc;

use super::Ask;
use super::answer::Seen;
use crate::backend::Failure;
use crate::coherence::guards::Guard;
use crate::coherence::revision::Mark;
use crate::entry::{Entry, Head, Slot};
use crate::envelope::{Envelope, Kind};
use crate::flight::Lead;
use crate::policy::freshness::{Life, Verdict};
use crate::remote::{Address, Looked, Remote, Sighting};
use crate::resilience::deadline::Deadline;
use crate::telemetry::Event;

impl Seen {
    /// Whether it is the word of a backend in health, and its ttl not over.
    pub(super) fn is_fresh(&self) -> bool {
        self.is_confirmed && matches!(self.verdict, Verdict::Fresh | Verdict::Refresh)
    }

    /// Whether it would be fresh if anybody confirmed that the node serves: it may be from a former
    /// primary, which does not hear of invalidations.
    pub(super) fn is_in_doubt(&self) -> bool {
        !self.is_confirmed && matches!(self.verdict, Verdict::Fresh | Verdict::Refresh)
    }
}

impl<R, V, E> Ask<R, V, E>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    /// Where this call's entry is in the backend; `None` if values of its type do not go there.
    pub(super) fn address(&self) -> Option<Address> {
        let wire = self.wire.as_ref()?;
        let version = self.policy.version;
        let of_errors = self.errors.remember.as_ref().and_then(|remember| remember.wire);
        let fingerprint = wire.fingerprint(version).ok()?;
        let of_errors = of_errors.map_or(Ok(0), |wire| wire.fingerprint(version)).ok()?;
        let entry = self.runtime.namespace.entry(&self.key);
        Some(Address::new(entry, wire.codec, fingerprint ^ of_errors.rotate_left(17)))
    }

    /// Looks in the backend; a copy is kept unless the key is invalidated meanwhile.
    pub(super) async fn look_as(
        &self,
        lead: &Lead,
        remote: &Remote,
        deadline: Deadline,
    ) -> Result<Option<Seen>, Failure> {
        let found = self.look_in(remote, deadline).await?;
        if let Some(seen) = found.as_ref().filter(|seen| seen.is_fresh()) {
            self.keep_copy(lead, &seen.slot);
        }
        Ok(found)
    }

    /// Looks in the backend.
    pub(super) async fn look_in(
        &self,
        remote: &Remote,
        deadline: Deadline,
    ) -> Result<Option<Seen>, Failure> {
        let Some(address) = self.address() else {
            return Ok(None);
        };
        let looked = remote.look(&address, &self.tags, deadline).await?;
        Ok(self.looked(&address, looked))
    }

    /// What was found, as a judged entry of this process.
    pub(super) fn looked(&self, address: &Address, looked: Looked) -> Option<Seen> {
        match looked {
            Looked::Nothing => None,
            Looked::Entry(sighting) => self.read(address, *sighting),
        }
    }

    fn read(&self, address: &Address, sighting: Sighting) -> Option<Seen> {
        let Sighting { envelope, age, mark, trust, is_confirmed } = sighting;
        let now = self.runtime.clock.now();
        let life = Life { ttl: envelope.ttl, grace: envelope.grace };
        let mut verdict = life.judge(age, self.policy.refresh);
        if verdict == Verdict::Expired {
            return None;
        }
        let mut head = Head::new(envelope.kind, life, now.before(age), mark, &trust);
        if self.runtime.damage.lacks(Guard::Registration) {
            // Decoding takes its time, in which others change things.
            drop(self.decode(&envelope, head));
            let mark = self.mark_now(address, &envelope);
            head = Head::new(envelope.kind, life, now.before(age), mark, &trust);
        }
        match self.decode(&envelope, head) {
            Ok(slot) => {
                if let Some(ours) = self.runtime.memory.get(&self.key) {
                    slot.head().hold_off_like(ours.head());
                    // Callers have seen a newer one, which could not be stored and is not trusted.
                    if ours.head().supersedes(slot.head()) && self.still_serves(&ours) {
                        verdict = Verdict::Stale;
                    }
                }
                Some(Seen { slot, verdict, is_confirmed })
            }
            Err(reason) => {
                let key = address.entry.as_str();
                self.runtime.telemetry.tell(&Event::Unreadable { key, reason: &reason });
                None
            }
        }
    }

    /// What an entry depends on, as if nothing had happened until now.
    fn mark_now(&self, address: &Address, envelope: &Envelope) -> Mark {
        let mut tags = self.tags.clone();
        envelope.tags.iter().for_each(|(tag, _)| tags.add(tag.clone()));
        let since = self.runtime.cells.now();
        match &self.runtime.remote {
            Some(remote) => remote.mark(&address.entry, &tags, since),
            None => self.runtime.own_mark(&tags, since),
        }
    }

    fn decode(&self, envelope: &Envelope, head: Head) -> Result<Slot, String> {
        match envelope.kind {
            Kind::Value => {
                let wire = self.wire.as_ref().ok_or("no codec")?;
                let value = wire.decode(&envelope.payload)?;
                Ok(Arc::new(Entry { head, value }))
            }
            Kind::Absent => Ok(Arc::new(Entry { head, value: () })),
            Kind::Failed => {
                let remember = self.errors.remember.as_ref().ok_or("errors are not remembered")?;
                let wire = remember.wire.as_ref().ok_or("no codec for errors")?;
                Ok((remember.keep)(wire.decode(&envelope.payload)?, head))
            }
        }
    }

    /// Keeps an entry of the backend here as well.
    pub(super) fn keep_copy(&self, lead: &Lead, slot: &Slot) {
        if self.runtime.keeps_copies() {
            lead.unless_sealed(|| self.runtime.memory.insert(&self.key, slot));
        }
    }
}
