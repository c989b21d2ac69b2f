//! Looking in the backend, and what happens when it cannot answer.

use std::sync::Arc;
use std::time::Duration;

use super::Ask;
use super::answer::Seen;
use crate::backend::Failure;
use crate::coherence::generation::Moment;
use crate::entry::{Entry, Head, Slot};
use crate::envelope::{Envelope, Kind};
use crate::flight::Lead;
use crate::policy::freshness::{Life, Verdict};
use crate::resilience::deadline::Deadline;
use crate::telemetry::Event;
use crate::tier::remote::{Address, Looked, Remote};

impl Seen {
    pub(super) fn is_fresh(&self) -> bool {
        matches!(self.verdict, Verdict::Fresh | Verdict::Refresh)
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
        let since = self.runtime.cells.now();
        let looked = remote.look(&address, &self.tags, deadline).await?;
        Ok(self.looked(&address, looked, since))
    }

    /// What was found, as a judged entry of this process.
    pub(super) fn looked(&self, address: &Address, looked: Looked, since: Moment) -> Option<Seen> {
        match looked {
            Looked::Nothing => None,
            Looked::Entry(envelope, age) => self.read(address, &envelope, age, since),
        }
    }

    fn read(
        &self,
        address: &Address,
        envelope: &Envelope,
        age: Duration,
        since: Moment,
    ) -> Option<Seen> {
        let now = self.runtime.clock.now();
        let mut tags = self.tags.clone();
        envelope.tags.iter().for_each(|(tag, _)| tags.add(tag.clone()));
        let life = Life { ttl: envelope.ttl, grace: envelope.grace };
        let verdict = life.judge(age, self.policy.refresh);
        if verdict == Verdict::Expired {
            return None;
        }
        let mark = self.runtime.cells.mark(&tags, since);
        let head = Head::new(envelope.kind, self.life_of_copy(life), now.before(age), mark);
        match self.decode(envelope, head) {
            Ok(slot) => {
                if let Some(earlier) = self.any_memory().get(&self.key) {
                    slot.head().hold_off_like(earlier.head());
                }
                Some(Seen { slot, verdict })
            }
            Err(reason) => {
                let key = address.entry.as_str();
                self.runtime.telemetry.tell(&Event::Unreadable { key, reason: &reason });
                None
            }
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

    /// Keeps an entry of the backend for the time when it cannot answer.
    pub(super) fn keep_copy(&self, lead: &Lead, slot: &Slot) {
        if self.runtime.settings.memory.fallback {
            lead.unless_sealed(|| self.runtime.copies.insert(&self.key, slot));
        }
    }

    /// The life of a copy: fresh at most as long as copies are.
    pub(super) fn life_of_copy(&self, life: Life) -> Life {
        if self.own_memory().is_some() {
            return life;
        }
        Life { ttl: life.ttl.min(self.runtime.settings.memory.fallback_ttl), ..life }
    }
}
