//! Reading without loading, and storing without a load.

use std::sync::Arc;
use std::time::Duration;

use super::answer::Judged;
use super::caller::FoundValue;
use super::{Answer, Ask, Confinement, Destination, Loaded, boxed};
use crate::backend::{Failure, Filled};
use crate::codec::Unwritten;
use crate::coherence::trust::Trust;
use crate::entry::{AnyValue, BoxedValue, Meta};
use crate::envelope::{EntryKind, Envelope};
use crate::error::Error;
use crate::flight::Lead;
use crate::policy::freshness::Life;
use crate::remote::{Address, Asked, Grant, LeaseGuard, Remote, Wanted};
use crate::runtime::Scope;
use crate::telemetry::not_kept::NotKept;
use crate::telemetry::{Event, Source};

/// How often a lease is asked for that somebody else takes as soon as it is free.
const ATTEMPTS: usize = 3;

/// What is to become an entry without a load.
struct Given {
    kind: EntryKind,
    value: BoxedValue,
    life: Life,
}

impl Ask {
    /// What is there and fresh; the failure if the backend cannot say and no copy may.
    pub(crate) async fn peek(self) -> Result<Option<Answer>, Failure> {
        self.runtime.keep_alive();
        if let Some(seen) = self.in_memory().filter(Judged::is_fresh) {
            return Ok(self.hit(&seen.slot, Source::Memory));
        }
        let Some(remote) = self.remote() else {
            return Ok(None);
        };
        let looked = self.look_in(remote, self.runtime.clock.now()).await;
        self.found_by_looking(looked)
    }

    /// Stores what was given as if it had just been loaded; loads under way do not replace it
    /// (coherence 3 and 12).
    ///
    /// It leads a flight meanwhile, so that an invalidation comes wholly before or wholly after.
    pub(crate) async fn put(mut self, given: Loaded) -> Result<(), Error> {
        self.runtime.keep_alive();
        let Given { kind, value, life } = self.take(given)?;
        let life = life.jittered(self.policy.jitter, self.runtime.random.share());
        if let Destination::Confined(confinement) = &self.destination {
            // What is there is outdated all the same, of whichever type it is.
            self.runtime.journal(&[Scope::Entry(self.key.clone())]);
            return Err(match confinement {
                Confinement::Type(reason) => self.unwritable(reason),
                Confinement::Tags(excess) => {
                    self.tell_excess(*excess);
                    Error::codec(&self.topic(), excess.to_string())
                }
            });
        }
        let Some(lead) = self.replace(None) else {
            return Ok(());
        };
        let Some(remote) = self.remote() else {
            self.put_in_memory(&lead, (kind, value), life, None);
            return Ok(());
        };
        // Until the backend has the new value, nobody may meet the old one here.
        self.runtime.memory.invalidate(&self.key);
        let remotes = self.runtime.remotes.as_ref();
        if let Some(forgetting) = remotes.and_then(|it| it.outdate_elsewhere(self.entry_name())) {
            forgetting.await;
        }
        let scopes = [Scope::Entry(self.key.clone())];
        let stored = match self.put_in_backend(remote, &lead, (kind, &*value), life).await {
            Ok(stored) => stored,
            Err(error) => {
                // The old value may still be there, and is outdated.
                self.runtime.journal(&scopes);
                return Err(error);
            }
        };
        lead.stored();
        let is_last = if self.runtime.keeps_copies() && stored.is_some() {
            self.put_in_memory(&lead, (kind, value), life, stored)
        } else {
            stored.is_some() && lead.unless_sealed(|| {})
        };
        if !is_last {
            // Coherence 3: who came in between may have kept what this has replaced, and hears nothing of it.
            self.runtime.mark(&scopes);
        }
        Ok(())
    }

    /// What was given as an entry: for how long it is kept, if it is, and with which tags.
    fn take(&mut self, given: Loaded) -> Result<Given, Error> {
        let refused = |reason| Error::not_inserted(&self.topic(), reason);
        let (kind, value, life) = match given {
            Loaded::Found(FoundValue { value, wanted, ttl }) => {
                let value = value.ok_or_else(|| refused("its copy panicked"))?;
                let late = match wanted {
                    Err(NotKept::Panicked) => return Err(refused("what looks at it panicked")),
                    // The latest word all the same: nothing is kept of what it replaces.
                    Err(_) => None,
                    Ok(late) => Some(late),
                };
                let ttl = if late.is_some() { ttl } else { Some(Duration::ZERO) };
                late.into_iter().flatten().for_each(|tag| self.tags.add(tag));
                (EntryKind::Value, value, self.policy.life(ttl))
            }
            Loaded::Absent => (EntryKind::Absent, boxed(()), self.policy.life_of_absence()),
            Loaded::Failed(_) => return Err(refused("it is an error")),
            Loaded::Untold => {
                return Err(refused("it is of another type than what the function returns"));
            }
        };
        if let (Destination::Backend { .. }, Err(excess)) = (&self.destination, self.tags.check()) {
            self.destination = Destination::Confined(Confinement::Tags(excess));
        }
        // All of it is known already: the generations of its tags are asked for by that.
        (self.policy.ttl, self.policy.grace) = (life.ttl, life.grace);
        Ok(Given { kind, value, life })
    }

    /// Keeps a copy, unless another value or an invalidation came in between; tells whether none did.
    fn put_in_memory(
        &self,
        lead: &Lead,
        (kind, value): (EntryKind, BoxedValue),
        life: Life,
        bytes: Option<usize>,
    ) -> bool {
        let runtime = &self.runtime;
        let (dependencies, trust) = match self.remote() {
            None => (runtime.own_dependencies(&self.tags, lead.since()), Trust::own()),
            // Coherence 3b: written, and so not announced until it is read again.
            Some(remote) => {
                (remote.dependencies(self.entry_name(), &self.tags, lead.since()), Trust::none())
            }
        };
        let meta = Meta::new(&self.key, kind, life, runtime.clock.now(), dependencies, &trust);
        meta.note_encoded(bytes.unwrap_or_default());
        let slot = value.keep(meta);
        self.rehearse(&slot);
        self.check_tags(&self.tags);
        let memory = &self.runtime.memory;
        let weighed = (!life.ttl.is_zero()).then(|| memory.weigh(&self.key, &slot));
        lead.unless_sealed(|| {
            memory.invalidate(&self.key);
            if let Some(weighed) = &weighed {
                memory.insert(&self.key, weighed);
            }
        })
    }

    /// How many bytes the value is in the backend, which has not taken it if others came in between.
    async fn put_in_backend(
        &self,
        remote: &Arc<Remote>,
        lead: &Lead,
        (kind, value): (EntryKind, &dyn AnyValue),
        life: Life,
    ) -> Result<Option<usize>, Error> {
        let (Destination::Backend { coding, .. }, Some(address)) =
            (&self.destination, self.address())
        else {
            return Ok(None);
        };
        let most = remote.max_value(address);
        let payload = match kind {
            EntryKind::Absent => Vec::new(),
            _ => coding.encode(value.held().0, most).map_err(|unwritten| match unwritten {
                Unwritten::TooLong => self.too_large(remote, address),
                Unwritten::Unfit(reason) => self.unwritable(&reason),
            })?,
        };
        if life.ttl.is_zero() {
            // T8: nothing is kept of it, nor of what it replaces.
            remote.vacate(address).await.map_err(Error::backend)?;
            return Ok(None);
        }
        let Some((lease, grant)) =
            self.own_lease(remote, lead, address).await.map_err(Error::backend)?
        else {
            return Ok(None);
        };
        let (generations, len) = (&grant.generations, payload.len());
        let envelope = Envelope {
            kind,
            ttl: life.ttl,
            grace: life.grace,
            history: grant.history,
            namespace: generations.namespace,
            tags: self.tags.iter().cloned().zip(generations.tags.iter().copied()).collect(),
            payload,
        };
        let bytes = envelope.write(address.reader());
        let bytes = bytes.map_err(|oversized| self.unwritable(&oversized.to_string()))?;
        if bytes.len() > most {
            return Err(self.too_large(remote, address));
        }
        let total = life.total().max(Duration::from_millis(1));
        match remote.fill(address, &bytes, total, &grant).await.map_err(Error::backend)? {
            Filled::Stored => {
                lease.forget();
                self.tell(|key| Event::Filled { key });
                Ok(Some(len))
            }
            Filled::Refused => {
                self.tell(|key| Event::NotKept { key, reason: NotKept::LeaseLost });
                Ok(None)
            }
        }
    }

    /// Ends what the backend has of the entry, and takes a lease for the value that follows: `None` if others
    /// load it again and again meanwhile.
    ///
    /// In one step with the value, that could execute after the connection has died which it was sent over,
    /// and after whatever ended it meanwhile (coherence 6 and 12).
    async fn own_lease(
        &self,
        remote: &Arc<Remote>,
        lead: &Lead,
        address: &Arc<Address>,
    ) -> Result<Option<(LeaseGuard, Grant)>, Failure> {
        let life = self.runtime.settings.lease;
        for _ in 0..ATTEMPTS {
            remote.vacate(address).await?;
            // Coherence 2: what changed until here changed what is gone now.
            lead.begins_after(self.runtime.revisions.now());
            let token = remote.token(address);
            let lease = LeaseGuard::new(remote, Arc::clone(address), token, life);
            let wanted = Wanted { late_tags: false, ..self.wanted(token) };
            match remote.lease(address, wanted).await? {
                Asked::Granted(grant) => return Ok(Some((lease, grant))),
                Asked::Elsewhere(_) | Asked::Overdue => lease.forget(),
            }
        }
        self.tell(|key| Event::NotKept { key, reason: NotKept::LeaseHeld });
        Ok(None)
    }

    fn too_large(&self, remote: &Remote, address: &Address) -> Error {
        let (key, reason) = (self.topic(), remote.refuse_size(address));
        self.runtime.too_large(self.typing.value.id, self.site, &key, &reason);
        Error::codec(&key, reason)
    }

    fn unwritable(&self, reason: &str) -> Error {
        let key = self.topic();
        self.runtime.unwritable(self.typing.value.id, self.site, &key, reason);
        Error::codec(&key, reason)
    }
}
