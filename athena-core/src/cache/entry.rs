//! One entry without macros: the same engine, the same policies.

pub(super) mod background;
mod calls;
mod format;

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::Cache;
use crate::key::draft::KeyDraft;
use crate::policy::{Fallback, Percent, SitePolicy};
use crate::runtime::Runtime;
use crate::tag::{Tag, Tags};

pub use format::{Carry, Format, Json, Local, Postcard, Quiet, Typed};

impl Cache {
    /// One entry, named by hand.
    #[inline]
    pub fn entry(&self, name: impl AsRef<str>) -> Entry<'_> {
        Entry::new(self.runtime(), name.as_ref())
    }
}

/// One entry, named by hand; from [`Cache::entry`](crate::Cache::entry).
///
/// Setters override the cache's settings for this call. `F` says how values are written, `C` whether
/// the cache's own errors may reach the caller.
#[derive(Debug)]
#[must_use = "say what to do with the entry"]
pub struct Entry<'c, F = Postcard, C = Quiet> {
    runtime: &'c Arc<Runtime>,
    key: KeyDraft,
    policy: SitePolicy,
    tags: Tags,
    state: PhantomData<(F, C)>,
}

impl<'c> Entry<'c> {
    #[inline]
    pub(super) fn new(runtime: &'c Arc<Runtime>, name: &str) -> Self {
        Self::with(runtime, name, SitePolicy::default(), Tags::default())
    }

    #[inline]
    pub(super) fn with(
        runtime: &'c Arc<Runtime>,
        name: &str,
        policy: SitePolicy,
        tags: Tags,
    ) -> Self {
        Self { runtime, key: KeyDraft::named(name), policy, tags, state: PhantomData }
    }
}

impl<'c, F, C> Entry<'c, F, C> {
    /// How long the entry is fresh. Zero means: do not keep.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.policy.ttl = Some(ttl);
        self
    }

    /// How long past the ttl the entry may answer when the load fails.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.policy.grace = Some(grace);
        self
    }

    /// The share by which the ttl is randomly shortened at most.
    pub fn jitter(mut self, jitter: Percent) -> Self {
        self.policy.jitter = Some(jitter);
        self
    }

    /// How long it is remembered that there is no value; else as long as a value.
    pub fn negative_ttl(mut self, ttl: Duration) -> Self {
        self.policy.negative_ttl = Some(ttl);
        self
    }

    /// What answers while the backend cannot; [`fail_fast`](Self::fail_fast) is a setter of its own.
    pub fn fallback(mut self, fallback: Fallback) -> Self {
        self.policy.fallback = Some(fallback).filter(|fallback| *fallback != Fallback::FailFast);
        self
    }

    /// Labels the entry; repeatable. An empty tag labels nothing.
    pub fn tags<T: AsRef<str>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        tags.into_iter().for_each(|tag| self.tags.add(Tag::new(tag.as_ref())));
        self
    }

    /// A schema version by hand, for changes that the type does not show.
    ///
    /// Fields, variants and their types are seen; what `#[serde(skip)]` loses, and a `with` or `from` that
    /// changes its meaning but not its shape (5 s become 5 ms), are not.
    pub fn version(mut self, version: u32) -> Self {
        self.policy.version = version;
        self
    }

    /// Writes values as JSON, for types that postcard cannot read back.
    ///
    /// These are types that describe themselves (`untagged`, `flatten`, `tag`, dynamic values) and values
    /// that leave fields out (`skip_serializing_if`). What JSON cannot tell apart, as `Some(None)` from
    /// `None` or NaN from nothing, is not written.
    #[cfg(feature = "json")]
    pub fn json(self) -> Entry<'c, Json, C> {
        self.retyped()
    }

    /// Keeps the value in this process; it need not be `Serialize`.
    pub fn in_memory(mut self) -> Entry<'c, Local, C> {
        self.policy.memory_only = true;
        self.retyped()
    }

    /// Waits for the load at most this long; then a stale value answers, or an error.
    pub fn hard_timeout(mut self, limit: Duration) -> Entry<'c, F, Typed> {
        self.policy.hard_timeout = Some(limit);
        self.retyped()
    }

    /// Returns an error while the backend is away and no copy is fresh.
    pub fn fail_fast(mut self) -> Entry<'c, F, Typed> {
        self.policy.fallback = Some(Fallback::FailFast);
        self.retyped()
    }

    pub(super) fn retyped<F2, C2>(self) -> Entry<'c, F2, C2> {
        let Self { runtime, key, policy, tags, .. } = self;
        Entry { runtime, key, policy, tags, state: PhantomData }
    }
}
