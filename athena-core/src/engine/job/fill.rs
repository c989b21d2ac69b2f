//! The fill of a result: off the caller's path, once its write has a permit.
//!
//! Invariant: what the backend did not take is not trusted for longer than what nobody announces (coherence 6).

use std::any::TypeId;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::OptionFuture;
use tokio::sync::OwnedSemaphorePermit;

use crate::backend::Filled;
use crate::codec::{Coding, Unwritten};
use crate::engine::payload::payload;
use crate::engine::{Answer, Ask, Destination};
use crate::entry::Slot;
use crate::envelope::{Envelope, Stamp};
use crate::flight::Lead;
use crate::key::Key;
use crate::policy::freshness::Life;
use crate::remote::{Address, Generations, Grant, LeaseGuard, Remote};
use crate::runtime::Runtime;
use crate::tag::{Tag, Tags};
use crate::telemetry::not_kept::NotKept;
use crate::telemetry::{Event, Topic};

/// What a load came to.
pub(in crate::engine) struct Finished {
    pub(in crate::engine) answer: Answer,
    /// What is left to do, if the backend is to have it.
    pub(in crate::engine) fill: Option<PendingFill>,
}

/// A fill that has not begun.
///
/// Its result is in memory and its followers have it. Dropped, it gives the lease back, and the result stays
/// here as one that the backend did not take.
#[must_use = "dropped, the backend never has it"]
pub(in crate::engine) struct PendingFill {
    task: FillTask,
    lease: LeaseGuard,
}

impl Ask {
    /// The write of a result to the backend; the flight can be joined until that is over.
    pub(super) fn fill(
        self,
        lead: Lead,
        slot: Slot,
        life: Life,
        tags: Tags,
    ) -> Option<PendingFill> {
        let pending = Unstored { slot, is_stored: false };
        let of_errors = self.coding_of_errors();
        let outlives = life.total() > self.policy.longest_life();
        let Self { runtime, key, site, typing, tags: known, destination, .. } = self;
        let Destination::Backend { coding, .. } = destination else { return None };
        let lease = lead.flight().take_lease()?;
        let codings = (coding, of_errors);
        let ty = typing.value.id;
        let task = FillTask {
            runtime,
            key,
            site,
            ty,
            known,
            lead,
            pending,
            codings,
            life,
            outlives,
            tags,
        };
        Some(PendingFill { task, lease })
    }
}

impl PendingFill {
    /// Begins, once there is a permit for its write: what is loaded faster than it is written would pile up,
    /// or be left out. Waits for that no longer than `limit`.
    pub(in crate::engine) fn begin_within(self, limit: Duration) -> impl Future<Output = ()> {
        // Boxed: mostly there is a permit.
        let waiting = match self.lease.remote().write_permit() {
            None => Some(Box::pin(async move {
                let permit = self.lease.remote().write_permit_within(limit).await;
                self.begin_with(permit);
            })),
            permit => {
                self.begin_with(permit);
                None
            }
        };
        OptionFuture::from(waiting).map(drop)
    }

    /// Begins, if there is a permit for its write: nobody waits who could wait for one.
    pub(in crate::engine) fn begin(self) {
        let permit = self.lease.remote().write_permit();
        self.begin_with(permit);
    }

    fn begin_with(self, permit: Option<OwnedSemaphorePermit>) {
        let Self { task, lease } = self;
        let (Some(permit), Some(spawner)) = (permit, task.runtime.tasks.spawner()) else {
            let (key, reason) = (&task.topic(), NotKept::Overloaded);
            return task.runtime.telemetry.tell(&Event::NotKept { key, reason });
        };
        spawner.spawn(task.run(lease, permit));
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
struct FillTask {
    runtime: Arc<Runtime>,
    key: Key,
    site: Option<u32>,
    /// The type of the function's values.
    ty: TypeId,
    /// The tags that were known before the load.
    known: Tags,
    lead: Lead,
    pending: Unstored,
    /// Of values, and of errors.
    codings: (Coding, Option<Coding>),
    life: Life,
    /// Whether it is longer than what was asked for before the load.
    outlives: bool,
    tags: Tags,
}

impl FillTask {
    fn slot(&self) -> &Slot {
        &self.pending.slot
    }

    fn topic(&self) -> Topic {
        self.runtime.telemetry.topic(&self.key, self.site)
    }

    /// Notes how many bytes the value is, at least.
    fn note_encoded(&self, len: usize) {
        self.slot().meta().note_encoded(len);
        self.runtime.memory.weigh_again(&self.key, self.slot());
    }

    /// Writes it; the permit is for as long as that takes.
    fn run(mut self, lease: LeaseGuard, permit: OwnedSemaphorePermit) -> impl Future<Output = ()> {
        async move {
            self.write(lease).await;
            drop(self);
            drop(permit);
        }
    }

    async fn write(&mut self, lease: LeaseGuard) {
        let (remote, Some(grant)) = (lease.remote(), lease.grant()) else { return };
        let key = &self.topic();
        let telemetry = &self.runtime.telemetry;
        let most = remote.max_value(lease.address());
        let bytes = match self.bytes(remote, grant, lease.address(), most).await {
            Ok(Some(bytes)) if bytes.len() <= most => Ok(bytes),
            Ok(Some(_)) => Err(Unwritten::TooLong),
            Ok(None) => return,
            Err(unwritten) => Err(unwritten),
        };
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(Unwritten::TooLong) => {
                self.note_encoded(most.saturating_add(1));
                let reason = remote.refuse_size(lease.address());
                return self.runtime.too_large(self.ty, self.site, key, &reason);
            }
            Err(Unwritten::Unfit(reason)) => {
                return self.runtime.unwritable(self.ty, self.site, key, &reason);
            }
        };
        self.note_encoded(bytes.len());
        // Coherence 6: sealed means invalidated, and the fill would be refused.
        if !self.lead.unless_sealed(|| ()) {
            return;
        }
        match remote.fill(lease.address(), &bytes, self.life.total(), grant).await {
            Ok(Filled::Stored) => {
                self.pending.is_stored = true;
                // Coherence 20: a node that nobody confirms may have been replaced.
                if !remote.is_in_doubt(lease.address()) {
                    self.lead.stored();
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
            Err(_) => {
                if let Some(failure) = remote.held_off(&lease.address().value) {
                    self.runtime.held_off(self.ty, self.site, key, &failure);
                }
            }
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
        most: usize,
    ) -> Result<Option<Vec<u8>>, Unwritten> {
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
            payload: payload(self.slot(), self.codings.0, self.codings.1, most)?,
        };
        let written = envelope.write(address.reader());
        written.map(Some).map_err(|oversized| oversized.to_string().into())
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
        if self.outlives && !self.known.is_empty() {
            // For nothing would the entry be there without them; that they are there is asked for when it is read.
            let _ = Box::pin(remote.late_generations(&self.known, self.life.total())).await;
        }
        let known = self.known.iter().cloned().zip(before.tags.iter().copied());
        if late.is_empty() {
            return Some(known.collect());
        }
        let now = Box::pin(remote.late_generations(&late, self.life.total())).await.ok()?;
        if before.any_tag != Some(now.any_tag) {
            let (key, reason) = (&self.topic(), NotKept::Invalidated);
            self.runtime.telemetry.tell(&Event::NotKept { key, reason });
            return None;
        }
        Some(known.chain(late.iter().cloned().zip(now.tags)).collect())
    }
}
