//! Reading without loading, and storing without a load.

use std::sync::Arc;
use std::time::Duration;

use super::answer::Judged;
use super::{Answer, Ask};
use crate::backend::Failure;
use crate::coherence::trust::Trust;
use crate::entry::{Meta, Slot, TypedEntry};
use crate::envelope::{EntryKind, Envelope};
use crate::error::Error;
use crate::flight::Lead;
use crate::policy::freshness::Life;
use crate::remote::Remote;
use crate::runtime::Scope;
use crate::telemetry::{Event, Source};

impl<R, V, E> Ask<R, V, E>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    /// What is there and fresh; the failure if the backend cannot say and no copy may.
    pub(crate) async fn peek(self) -> Result<Option<Answer<R>>, Failure> {
        self.runtime.keep_alive();
        if let Some(seen) = self.in_memory().filter(Judged::is_fresh) {
            return Ok(self.hit(&seen.slot, Source::Memory));
        }
        let Some(remote) = self.remote() else {
            return Ok(None);
        };
        let looked = self.look_in(remote, remote.deadline()).await;
        self.without_load(looked)
    }

    /// Stores a value as if it had just been loaded; loads under way do not replace it
    /// (coherence 3 and 12).
    ///
    /// It leads a flight meanwhile, so that an invalidation comes wholly before or wholly after.
    pub(crate) async fn put(self, value: V) -> Result<(), Error> {
        self.runtime.keep_alive();
        let life = Life { ttl: self.policy.ttl, grace: self.policy.grace };
        let life = life.jittered(self.policy.jitter, self.runtime.random.share());
        let Some(lead) = self.replace(None) else {
            return Ok(());
        };
        let Some(remote) = self.remote() else {
            self.put_in_memory(&lead, value, life);
            return Ok(());
        };
        // Until the backend has the new value, nobody may meet the old one here.
        self.runtime.memory.invalidate(&self.key);
        let scopes = [Scope::Entry(self.key.clone())];
        if let Err(error) = self.put_in_backend(remote, &value, life).await {
            // The old value may still be there, and is outdated.
            self.runtime.journal(&scopes);
            return Err(error);
        }
        let is_last = if self.runtime.keeps_copies() {
            self.put_in_memory(&lead, value, life)
        } else {
            lead.unless_sealed(|| {})
        };
        if !is_last {
            // Coherence 3: who came in between may have kept what this has replaced, and hears nothing of it.
            self.runtime.mark(&scopes);
        }
        Ok(())
    }

    /// Keeps a copy, unless another value or an invalidation came in between; tells whether none did.
    fn put_in_memory(&self, lead: &Lead, value: V, life: Life) -> bool {
        let runtime = &self.runtime;
        let (dependencies, trust) = match self.remote() {
            None => (runtime.own_dependencies(&self.tags, lead.since()), Trust::own()),
            // Coherence 3b: written, and so not announced until it is read again.
            Some(remote) => {
                (remote.dependencies(self.entry_name(), &self.tags, lead.since()), Trust::none())
            }
        };
        let meta = Meta::new(EntryKind::Value, life, runtime.clock.now(), dependencies, &trust);
        let slot: Slot = Arc::new(TypedEntry { meta, value });
        self.rehearse(&slot);
        lead.unless_sealed(|| {
            self.runtime.memory.invalidate(&self.key);
            if !life.ttl.is_zero() {
                self.runtime.memory.insert(&self.key, &slot);
            }
        })
    }

    async fn put_in_backend(&self, remote: &Remote, value: &V, life: Life) -> Result<(), Error> {
        let payload = match self.wire.as_ref().map(|wire| wire.encode(value)) {
            Some(Ok(payload)) => payload,
            Some(Err(reason)) => return Err(self.unwritable(&reason)),
            None => return Err(self.unwritable("no codec")),
        };
        let Some(address) = self.address() else {
            return Err(self.unwritable("no codec"));
        };
        let generations = remote.generations(address, &self.tags).await.map_err(Error::backend)?;
        let envelope = Envelope {
            kind: EntryKind::Value,
            ttl: life.ttl,
            grace: life.grace,
            history: generations.namespace.history,
            namespace: generations.namespace,
            tags: self.tags.iter().cloned().zip(generations.tags).collect(),
            payload,
        };
        let Some(bytes) = envelope.write(address.reader()) else {
            return Err(self.unwritable("too many or too long tags, or a value of 4 GiB"));
        };
        let total = life.total().max(Duration::from_millis(1));
        remote.insert(address, &bytes, total).await.map_err(Error::backend)?;
        self.tell(|key| Event::Filled { key });
        Ok(())
    }

    fn unwritable(&self, reason: &str) -> Error {
        let key = self.key.readable();
        self.runtime.unwritable::<V>(self.site, &key, reason);
        Error::codec(key, reason)
    }
}
