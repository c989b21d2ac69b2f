//! Keeping what a load returned: memory first, then the backend, off the caller's path.

use std::sync::Arc;

use super::terms::KeptIn;
use super::{Job, LeaseState, Purpose};
use crate::backend::Filled;
use crate::codec::Wire;
use crate::engine::Ask;
use crate::entry::{self, Slot};
use crate::envelope::{EntryKind, Envelope, Stamp};
use crate::flight::Lead;
use crate::key::Key;
use crate::policy::freshness::Life;
use crate::remote::LeaseGuard;
use crate::remote::{Address, Generations, Grant, Remote};
use crate::runtime::{Runtime, Scope};
use crate::shape::Remember;
use crate::tag::{Tag, Tags};
use crate::telemetry::event::NotKept;
use crate::telemetry::{Event, Outcome, Source};

impl<R, V, E> Job<R, V, E>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    /// Keeps a result if it is wanted and still true, and lands it for the followers.
    pub(super) fn keep(
        self,
        slot: Slot,
        life: Life,
        tags: Tags,
        wanted: Result<(), NotKept>,
        leased: LeaseState,
    ) {
        let landing = Ask::<R, V, E>::landing(&slot, Outcome::new(Source::Load));
        let unwanted = if life.ttl.is_zero() { Some(NotKept::Unwanted) } else { wanted.err() };
        if let Some(reason) = unwanted {
            self.not_kept(reason);
            self.refute();
            return self.lead.land(landing);
        }
        if !self.keep_in_memory(&slot) {
            self.not_kept(NotKept::Invalidated);
            return self.lead.land(landing);
        }
        let keeping = leased.keeping(self.has_late_tags(&tags));
        if keeping.kept_in == KeptIn::Copy {
            slot.meta().keep_to_ourselves();
        }
        if let Some(reason) = keeping.not_kept {
            self.not_kept(reason);
        }
        self.lead.land(landing);
        if keeping.kept_in == KeptIn::Backend {
            self.fill(slot, life, tags);
        }
    }

    /// The latest word of the function is not kept, and wins over anything older all the same: what is
    /// there is invalidated, in all tiers, before anything is read again.
    fn refute(&self) {
        let Ask { runtime, key, .. } = &self.ask;
        let is_there = self.stale.is_some() || runtime.memory.get(key).is_some();
        if (is_there || self.purpose == Purpose::Reload) && !self.lead.is_sealed() {
            match self.ask.remote() {
                Some(_) => runtime.journal(&[Scope::Entry(key.clone())]),
                None => runtime.memory.invalidate(key),
            }
        }
    }

    /// Keeps an entry here, unless it was invalidated since the load began (coherence 2, I1).
    fn keep_in_memory(&self, slot: &Slot) -> bool {
        let ask = &self.ask;
        let wanted_here = ask.remote().is_none() || ask.runtime.keeps_copies();
        ask.still_serves(slot)
            && self.lead.unless_sealed(|| {
                if wanted_here {
                    ask.runtime.memory.insert(&ask.key, slot);
                }
            })
    }

    /// Writes to the backend in a task; the flight can be joined until that is done.
    fn fill(self, slot: Slot, life: Life, tags: Tags) {
        let Self { ask, lead, write, .. } = self;
        let pending = Unstored { slot, is_stored: false };
        let (Some(wire), Some(lease)) = (ask.wire, lead.flight().take_lease()) else {
            return;
        };
        let permit = write.or_else(|| ask.runtime.remote.as_deref()?.write_permit());
        let spawner = ask.runtime.tasks.spawner();
        let (Some(permit), Some(spawner)) = (permit, spawner) else {
            return ask.tell(|key| Event::NotKept { key, reason: NotKept::Overloaded });
        };
        let Ask { runtime, key, site, tags: known, errors, .. } = ask;
        let remember = errors.remember;
        let filling =
            FillTask { runtime, key, site, known, remember, lead, pending, wire, life, tags };
        spawner.spawn(async move {
            filling.run(lease).await;
            drop(permit);
        });
    }
}

/// An entry that the backend has not taken yet; unless it does, the entry is not trusted (coherence 6).
struct Unstored {
    slot: Slot,
    is_stored: bool,
}

impl Drop for Unstored {
    fn drop(&mut self) {
        let meta = self.slot.meta();
        if !self.is_stored {
            meta.keep_to_ourselves();
        }
        if !meta.is_confirmed() {
            meta.doubt();
        }
    }
}

/// A value on its way to the backend.
struct FillTask<V, E> {
    runtime: Arc<Runtime>,
    key: Key,
    site: Option<u32>,
    /// The tags that were known before the load.
    known: Tags,
    remember: Option<Remember<E>>,
    lead: Lead,
    pending: Unstored,
    wire: Wire<V>,
    life: Life,
    tags: Tags,
}

impl<V: 'static, E: 'static> FillTask<V, E> {
    fn slot(&self) -> &Slot {
        &self.pending.slot
    }

    async fn run(mut self, lease: LeaseGuard) {
        let (Some(remote), Some(grant)) = (&self.runtime.remote, lease.grant()) else {
            return;
        };
        let key = &self.key.readable();
        let telemetry = &self.runtime.telemetry;
        let bytes = match self.bytes(remote, grant, lease.address()).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return,
            Err(reason) => {
                return self.runtime.unwritable::<V>(self.site, key, &reason);
            }
        };
        self.slot().meta().note_encoded(bytes.len());
        self.runtime.memory.weigh_again(&self.key, self.slot());
        // Coherence 6: sealed means invalidated, and the fill would be refused.
        if !self.lead.unless_sealed(|| ()) {
            return;
        }
        match remote.fill(lease.address(), &bytes, self.life.total(), grant).await {
            Ok(Filled::Stored) => {
                self.pending.is_stored = true;
                // Coherence 20: a node that nobody confirms may have been replaced.
                if !remote.is_in_doubt(lease.address()) {
                    self.lead.settle();
                }
                lease.forget();
                self.confirm();
                telemetry.tell(&Event::Filled { key });
            }
            Ok(Filled::Refused) => {
                self.slot().meta().kill();
                self.lead.seal();
                telemetry.tell(&Event::NotKept { key, reason: NotKept::LeaseLost });
            }
            Err(_) => {}
        }
    }

    /// From now on changes of the entry are announced; those of tags that only the value knows are, once
    /// they have been read with it (coherence 6 and 10).
    fn confirm(&self) {
        if self.tags.beyond(&self.known).next().is_none() {
            self.slot().meta().confirm();
        }
    }

    /// The envelope; `None` if a tag that only the value knows may have changed meanwhile
    /// (coherence 7 and 8).
    async fn bytes(
        &self,
        remote: &Remote,
        grant: &Grant,
        address: &Address,
    ) -> Result<Option<Vec<u8>>, String> {
        let Some(tags) = self.stamped_tags(remote, &grant.generations).await else {
            return Ok(None);
        };
        let envelope = Envelope {
            kind: self.slot().meta().kind,
            ttl: self.life.ttl,
            grace: self.life.grace,
            history: grant.history,
            namespace: grant.generations.namespace,
            tags,
            payload: self.payload()?,
        };
        let bytes = envelope.write(address.reader());
        bytes.map(Some).ok_or_else(|| "too many or too long tags, or a value of 4 GiB".to_owned())
    }

    /// The tags with the generations from before the load; nothing if those of late ones cannot be told
    /// (coherence 10).
    async fn stamped_tags(
        &self,
        remote: &Remote,
        before: &Generations,
    ) -> Option<Vec<(Tag, Stamp)>> {
        let mut late = Tags::default();
        for tag in self.tags.beyond(&self.known) {
            late.add(tag.clone());
        }
        let known = self.known.iter().cloned().zip(before.tags.iter().copied());
        if late.is_empty() {
            return Some(known.collect());
        }
        let now = remote.late_generations(&late).await.ok()?;
        if before.any_tag != Some(now.any_tag) {
            let (key, reason) = (&self.key.readable(), NotKept::Invalidated);
            self.runtime.telemetry.tell(&Event::NotKept { key, reason });
            return None;
        }
        Some(known.chain(late.iter().cloned().zip(now.tags)).collect())
    }

    fn payload(&self) -> Result<Vec<u8>, String> {
        match self.slot().meta().kind {
            EntryKind::Absent => Ok(Vec::new()),
            EntryKind::Value => match entry::value::<V>(self.slot(), EntryKind::Value) {
                Some(value) => self.wire.encode(value),
                None => Err("the entry is of another type".to_owned()),
            },
            EntryKind::Failed => {
                let remember = self.remember.as_ref();
                let error = remember.and_then(|remember| (remember.recall)(self.slot()));
                let wire = remember.and_then(|remember| remember.wire);
                match (error, wire) {
                    (Some(error), Some(wire)) => wire.encode(&error),
                    _ => Err("errors are not remembered".to_owned()),
                }
            }
        }
    }
}
