//! What all calls on one cache share.
//!
//! Invariant: local state is marked before an invalidation goes out and again when it is over, so no
//! caller of this process meets a value that it saw invalidated.

use std::any::TypeId;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::backend::Failure;
use crate::checks::CheckSet;
use crate::clock::Clock;
use crate::codec::Coding;
use crate::coherence::guards::Guards;
use crate::coherence::revision::{Dependencies, Revision, Revisions};
use crate::error::Error;
use crate::flight::Flights;
use crate::identity::Identity;
use crate::key::Key;
use crate::key::claims::Claims;
use crate::key::group::Group;
use crate::key::name::Namespace;
use crate::key::secret::SecretKey;
use crate::key::site;
use crate::load_limits::LoadLimits;
use crate::lock::Mutex;
use crate::memory::MemoryTier;
use crate::policy::Defaults;
use crate::random::Random;
use crate::recovery::RecoveryLedger;
use crate::remote::journal::Target;
use crate::remote::{Arrival, RegionPlace, Remote, Remotes};
use crate::settings::{MemoryRole, Settings};
use crate::sites::Sites;
use crate::tag::{Tag, TagExcess, Tags};
#[cfg(feature = "json")]
use crate::tasks::Sole;
use crate::tasks::{Spawner, Tasks};
use crate::telemetry::not_kept::NotKept;
use crate::telemetry::{Event, Stats, Telemetry, Topic, log};

/// The state of one cache.
pub(crate) struct Runtime {
    pub(crate) namespace: Namespace,
    pub(crate) settings: Settings,
    pub(crate) defaults: Defaults,
    pub(crate) clock: Clock,
    pub(crate) random: Arc<Random>,
    pub(crate) revisions: Arc<Revisions>,
    pub(crate) guards: Guards,
    pub(crate) flights: Arc<Flights>,
    /// Entries of this process: its own, and copies of what is in the backend.
    pub(crate) memory: MemoryTier,
    pub(crate) remotes: Option<Remotes>,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) tasks: Tasks,
    pub(crate) loads: LoadLimits,
    pub(crate) checks: CheckSet,
    pub(crate) recovery: RecoveryLedger,
    pub(crate) identity: Identity,
    /// The functions that name entries by hand.
    pub(crate) claims: Claims,
    /// What is set for single functions.
    pub(crate) sites: Sites,
    /// What digests of secret arguments are made with.
    pub(crate) secret_key: SecretKey,
    /// What was logged once for a function and a type.
    pub(crate) logged: Mutex<HashSet<(ValueTrouble, Option<u32>, TypeId)>>,
    /// Says that this process is there.
    #[cfg(feature = "json")]
    pub(crate) fleet: Sole,
    /// Whether it was told that calls come from outside of a tokio runtime.
    pub(crate) told_outside: AtomicBool,
}

/// Shows which one it is: what it keeps is large, and holds keys.
impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

/// What goes wrong with a value on its way to the backend and back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ValueTrouble {
    Unwritable,
    Undecodable,
    /// It has too many tags, or too long ones.
    Overlabelled,
    /// It is too large, or does not get through in time.
    Heavy,
}

/// What to invalidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    Entry(Key),
    Tag(Tag),
    /// All entries of the function of this name, which is `grouped`.
    Function(Arc<str>),
    Everything,
}

impl Scope {
    /// Whether no backend has anything of it.
    fn is_local(&self) -> bool {
        matches!(self, Self::Entry(key) if key.is_local())
    }

    fn topic(&self, telemetry: &Telemetry) -> Topic {
        match self {
            Self::Entry(key) => telemetry.topic_of_key(key),
            Self::Tag(tag) => telemetry.topic_of_tag(tag),
            Self::Function(name) => match site::find(name) {
                Some((name, _)) => Topic::of_function(name),
                None => telemetry.topic_of_tag(&Group::tag(name)),
            },
            Self::Everything => Topic::everything(),
        }
    }
}

/// How an invalidation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use = "a pending invalidation has not reached other processes"]
pub enum Invalidated {
    /// Everywhere.
    Done,
    /// In this process; the backend could not be reached and will be told before it is read again, or
    /// nobody has confirmed lately that the node which was reached is the one that serves.
    ///
    /// Until that is settled other processes may serve what they have.
    Pending,
}

impl Runtime {
    /// Has the backend asked for signs of life from now on, if there is one.
    pub(crate) fn keep_alive(&self) {
        if let Some(remotes) = &self.remotes {
            remotes.keep_alive();
        }
    }

    /// The remote tier that is used now, if there is one.
    #[inline]
    pub(crate) fn remote(&self) -> Option<&Arc<Remote>> {
        self.remotes.as_ref().map(Remotes::active)
    }

    /// Which one it is.
    #[inline]
    pub(crate) fn region(&self) -> RegionPlace {
        self.remotes.as_ref().map_or_else(RegionPlace::default, Remotes::place)
    }

    /// Permission to start a task that the call needs; says once if it is outside of a tokio runtime.
    pub(crate) fn spawner(&self) -> Option<Spawner> {
        let spawner = self.tasks.spawner();
        let is_outside = spawner.is_none() && !self.is_closed();
        if is_outside && !self.told_outside.swap(true, Ordering::Relaxed) {
            log::outside_runtime(self.namespace.as_str());
        }
        spawner
    }

    /// The same for what each call may start: `None` as well while as many of those run as may.
    pub(crate) fn spawner_for_call(&self) -> Option<Spawner> {
        self.tasks.for_call(self.spawner()?)
    }

    /// Invalidates in this process at once, then in the backend (coherence 3).
    pub(crate) async fn invalidate(&self, scopes: &[Scope]) -> Invalidated {
        self.keep_alive();
        self.mark(scopes);
        for scope in scopes {
            self.telemetry.tell(&Event::Invalidated { what: &scope.topic(&self.telemetry) });
        }
        let Some(remotes) = &self.remotes else {
            return Invalidated::Done;
        };
        let targets = |remote: &Remote| -> Vec<_> {
            scopes.iter().flat_map(|scope| self.targets(scope, remote)).collect()
        };
        if scopes.iter().all(Scope::is_local) {
            return Invalidated::Done;
        }
        let _ends = InvalidationEnd { runtime: self, scopes };
        match remotes.invalidate(targets).await {
            Ok(Arrival::Certain) => return Invalidated::Done,
            Ok(Arrival::Unconfirmed) => return Invalidated::Pending,
            Err(_) => {}
        }
        for scope in scopes {
            self.telemetry.tell(&Event::Journaled { what: &scope.topic(&self.telemetry) });
        }
        Invalidated::Pending
    }

    /// Keeps invalidations for the backend, which is told before it is read again (coherence 9).
    pub(crate) fn journal(&self, scopes: &[Scope]) {
        for scope in scopes {
            self.telemetry.tell(&Event::Invalidated { what: &scope.topic(&self.telemetry) });
            if let Some(remotes) = &self.remotes {
                remotes.keep(|remote| self.targets(scope, remote));
            }
        }
        self.mark(scopes);
        if let Some(remotes) = &self.remotes {
            remotes.replay_what_waits();
        }
    }

    /// Ends the fresh time of an entry, in this process and in the backend (coherence 3, I5).
    pub(crate) async fn expire(&self, key: &Key) -> Result<(), Error> {
        self.expire_here(key);
        match self.remotes.as_ref().filter(|_| !key.is_local()) {
            None => Ok(()),
            Some(remotes) => {
                let result = remotes.expire(&self.namespace.entry(key)).await;
                self.expire_here(key);
                result.map_err(Error::backend)
            }
        }
    }

    fn expire_here(&self, key: &Key) {
        for key in [key.clone().shared(), key.clone().local()] {
            self.flights.seal(&key);
            self.memory.expire(&key);
        }
    }

    /// Makes this process forget (coherence 3), whatever the reach of what it has under a name.
    pub(crate) fn mark(&self, scopes: &[Scope]) {
        for scope in scopes {
            match scope {
                Scope::Entry(key) => {
                    for key in [key.clone().shared(), key.clone().local()] {
                        self.flights.seal(&key);
                        self.memory.invalidate(&key);
                    }
                    if self.remotes.is_some() {
                        let entry = self.namespace.entry(key);
                        self.revisions.announce(self.revisions.name(entry.as_str()));
                        self.revisions.announce(self.revisions.name(&entry.lease()));
                    }
                }
                Scope::Tag(tag) => self.mark_tag(tag),
                Scope::Function(name) => self.mark_tag(&Group::tag(name)),
                Scope::Everything => {
                    self.revisions.change_all();
                    self.memory.clear();
                }
            }
        }
    }

    fn mark_tag(&self, tag: &Tag) {
        self.revisions.change(self.revisions.name(&self.namespace.tag(tag)));
        // Coherence 3b: our own change of it is not announced to us.
        self.revisions.announce(self.revisions.name(&self.namespace.any_tag()));
        self.memory.free_outdated();
    }

    /// What an entry that is in this process alone depends on, since a revision before its load.
    pub(crate) fn own_dependencies(&self, tags: &Tags, since: Revision) -> Dependencies {
        self.revisions.dependencies(
            tags.iter().map(|tag| self.revisions.name(&self.namespace.tag(tag))),
            since,
        )
    }

    /// Whether memory answers before the backend is asked.
    #[inline]
    pub(crate) fn reads_memory(&self) -> bool {
        self.settings.memory.role == MemoryRole::Tier
    }

    /// Whether entries of the backend are kept here as well.
    pub(crate) fn keeps_copies(&self) -> bool {
        self.settings.memory.role != MemoryRole::Off
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.tasks.is_closed()
    }

    /// The fingerprint of a type, or why its values are not read back, which is told once per function.
    pub(crate) fn fingerprint(
        &self,
        coding: Coding,
        ty: TypeId,
        key: &Key,
        site: Option<u32>,
        version: u32,
    ) -> Result<u64, String> {
        let fingerprint = coding.fingerprint(version);
        if let Err(reason) = &fingerprint
            && self.is_news(ValueTrouble::Unwritable, ty, site)
        {
            let key = &self.telemetry.topic(key, site);
            log::unwritable(self.namespace.as_str(), key, reason);
            self.telemetry.tell(&Event::Unwritable { key, reason });
        }
        fingerprint
    }

    /// Tells that a value was not written; logs it once for each function and type.
    pub(crate) fn unwritable(&self, ty: TypeId, site: Option<u32>, key: &Topic, reason: &str) {
        if self.is_news(ValueTrouble::Unwritable, ty, site) {
            log::unwritable(self.namespace.as_str(), key, reason);
        }
        self.telemetry.tell(&Event::Unwritable { key, reason });
    }

    /// Tells that a value has more tags than are kept with it; logs it once for each function and type.
    pub(crate) fn overlabelled(
        &self,
        ty: TypeId,
        site: Option<u32>,
        key: &Topic,
        excess: TagExcess,
    ) {
        let reason = &excess.to_string();
        if self.is_news(ValueTrouble::Overlabelled, ty, site) {
            log::unwritable(self.namespace.as_str(), key, reason);
        }
        self.telemetry.tell(&Event::Unwritable { key, reason });
    }

    /// Tells that bytes of this type and codec were not read; logs it once for each function and type.
    pub(crate) fn undecodable(&self, ty: TypeId, site: Option<u32>, key: &Topic, reason: &str) {
        if self.is_news(ValueTrouble::Undecodable, ty, site) {
            log::undecodable(self.namespace.as_str(), key, reason);
        }
        self.telemetry.tell(&Event::Undecodable { key, reason });
    }

    /// Tells that a value is too large to be sent; logs it once for each function and type.
    pub(crate) fn too_large(&self, ty: TypeId, site: Option<u32>, key: &Topic, reason: &str) {
        if self.is_news(ValueTrouble::Heavy, ty, site) {
            log::too_large(self.namespace.as_str(), key, reason);
        }
        self.telemetry.tell(&Event::NotKept { key, reason: NotKept::TooLarge });
    }

    /// Tells that a value does not get through in time; logs it once for each function and type.
    pub(crate) fn held_off(&self, ty: TypeId, site: Option<u32>, key: &Topic, failure: &Failure) {
        let reason = &failure.to_string();
        if self.is_news(ValueTrouble::Heavy, ty, site) {
            log::held_off(self.namespace.as_str(), key, reason);
        }
        self.telemetry.tell(&Event::HeldOff { key, reason });
    }

    fn is_news(&self, trouble: ValueTrouble, ty: TypeId, site: Option<u32>) -> bool {
        self.logged.lock().insert((trouble, site, ty))
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.telemetry.stats();
        self.memory.trim();
        stats.memory_entries = self.memory.len();
        stats.memory_bytes = self.memory.bytes();
        if let Some(remotes) = &self.remotes {
            let ages = remotes.all().iter().map(|remote| remote.journal_age());
            stats.journal_depth = remotes.journal_depth() as u64;
            stats.journal_age = ages.max().unwrap_or_default();
        }
        stats
    }

    fn targets(&self, scope: &Scope, remote: &Remote) -> Vec<Target> {
        match scope {
            Scope::Entry(key) if key.is_local() => Vec::new(),
            Scope::Entry(key) => vec![Target::Entry(self.namespace.entry(key))],
            Scope::Tag(tag) => vec![Target::Tag(tag.clone())],
            Scope::Function(name) => vec![Target::Tag(Group::tag(name))],
            Scope::Everything => remote.everything(),
        }
    }
}

/// The end of an invalidation, however it comes: the second mark, and somebody who replays what is left
/// (coherence 3).
struct InvalidationEnd<'a> {
    runtime: &'a Runtime,
    scopes: &'a [Scope],
}

impl Drop for InvalidationEnd<'_> {
    fn drop(&mut self) {
        self.runtime.mark(self.scopes);
        if let Some(remotes) = &self.runtime.remotes {
            remotes.replay_what_waits();
        }
    }
}
