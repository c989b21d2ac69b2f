//! One entry without macros: the same engine, the same policies.

use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::pin;
use std::sync::{Arc, Once};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Cache;
use crate::codec::{Coding, Wire};
use crate::engine::{
    self, Ask, Attending, Caller, DetachedLoading, Engine, InPlace, Loaded, Loading, Origin,
    TypedCall,
};
use crate::error::Error;
use crate::key::Key;
use crate::key::draft::KeyDraft;
use crate::of::Observed;
use crate::policy::{Fallback, Percent, SitePolicy};
use crate::runtime::{Invalidated, Runtime, Scope};
use crate::shape::{self, Errors, Shape, Typing};
use crate::tag::{Tag, Tags};
use crate::telemetry::{Outcome, log};

impl Cache {
    /// One entry, named by hand.
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

/// Values are written with postcard.
#[derive(Debug, Clone, Copy)]
pub enum Postcard {}

/// Values are written as JSON; needs the feature `json`.
#[derive(Debug, Clone, Copy)]
pub enum Json {}

/// Values stay in this process.
#[derive(Debug, Clone, Copy)]
pub enum Local {}

/// How values of type `V` are written.
pub trait Format<V> {
    #[doc(hidden)]
    fn wire() -> Option<Wire<V>>;
}

impl<V: Serialize + DeserializeOwned + 'static> Format<V> for Postcard {
    fn wire() -> Option<Wire<V>> {
        Some(Wire::postcard())
    }
}

#[cfg(feature = "json")]
impl<V: Serialize + DeserializeOwned + 'static> Format<V> for Json {
    fn wire() -> Option<Wire<V>> {
        Some(Wire::json())
    }
}

impl<V> Format<V> for Local {
    fn wire() -> Option<Wire<V>> {
        None
    }
}

/// The cache's own errors never reach the caller.
#[derive(Debug, Clone, Copy)]
pub enum Quiet {}

/// The cache's own errors reach the caller, where a setter asked for that.
#[derive(Debug, Clone, Copy)]
pub enum Typed {}

/// Whether errors of type `E` carry the cache's own.
pub trait Carry<E> {
    #[doc(hidden)]
    fn carry() -> Option<fn(Error) -> E>;
}

impl<E> Carry<E> for Quiet {
    fn carry() -> Option<fn(Error) -> E> {
        None
    }
}

impl<E: From<Error>> Carry<E> for Typed {
    fn carry() -> Option<fn(Error) -> E> {
        Some(E::from)
    }
}

impl<'c> Entry<'c> {
    pub(super) fn new(runtime: &'c Arc<Runtime>, name: &str) -> Self {
        Self::with(runtime, name, SitePolicy::default(), Tags::default())
    }

    pub(super) fn with(
        runtime: &'c Arc<Runtime>,
        name: &str,
        policy: SitePolicy,
        tags: Tags,
    ) -> Self {
        let mut key = KeyDraft::named(name);
        key.shorten();
        Self { runtime, key, policy, tags, state: PhantomData }
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

    /// Lets loads go on in the background; they must own what they use.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::time::Duration;
    /// # use athena_cache_core::{Cache, Percent};
    /// let cache = Cache::in_memory("shop");
    /// let entry = cache.entry("rates").ttl(Duration::from_secs(60)).in_background();
    /// let rates = entry
    ///     .refresh(Percent::new(80)) // reloads once 48 s have passed, without anybody waiting
    ///     .get_or_load(|| async { Ok::<_, std::io::Error>(vec![1.08]) })
    ///     .await?;
    /// # let _ = rates;
    /// # Ok(())
    /// # }
    /// ```
    pub fn in_background(self) -> Background<'c, F, C> {
        Background { entry: self }
    }

    /// The value, from a tier or from `load`.
    ///
    /// # Errors
    ///
    /// Those of `load`; those of the cache only after [`hard_timeout`](Self::hard_timeout) or
    /// [`fail_fast`](Self::fail_fast).
    pub async fn get_or_load<V, E, Fut>(mut self, load: impl FnOnce() -> Fut) -> Result<V, E>
    where
        V: Clone + Send + Sync + 'static,
        E: 'static,
        F: Format<V>,
        C: Carry<E>,
        Fut: Future<Output = Result<V, E>>,
    {
        if let Some(value) = self.hit() {
            return Ok(value);
        }
        let load = pin!(async { load().await });
        self.answer(shape::result(), Caller::in_place(), InPlace(load)).await.0
    }

    /// The same for a value that may be absent; see [`negative_ttl`](Self::negative_ttl).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::time::Duration;
    /// # use athena_cache_core::Cache;
    /// let cache = Cache::in_memory("shop");
    /// let entry = cache.entry("user:0").negative_ttl(Duration::from_secs(10));
    /// let nobody = entry.find_or_load(|| async { Ok::<Option<String>, std::io::Error>(None) }).await?;
    /// assert_eq!(nobody, None); // remembered for ten seconds
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`get_or_load`](Self::get_or_load).
    pub async fn find_or_load<V, E, Fut>(
        mut self,
        load: impl FnOnce() -> Fut,
    ) -> Result<Option<V>, E>
    where
        V: Clone + Send + Sync + 'static,
        E: 'static,
        F: Format<V>,
        C: Carry<E>,
        Fut: Future<Output = Result<Option<V>, E>>,
    {
        if let Some(value) = self.hit() {
            return Ok(Some(value));
        }
        let load = pin!(async { load().await });
        self.answer(shape::result_option(), Caller::in_place(), InPlace(load)).await.0
    }

    /// As [`get_or_load`](Self::get_or_load), with where the value came from.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use athena_cache_core::{Cache, Source};
    /// let cache = Cache::in_memory("shop");
    /// let user = || async { Ok::<_, std::io::Error>("Ada".to_owned()) };
    /// let first = cache.entry("user:42").observe(user).await;
    /// assert_eq!(first.outcome.source, Source::Load);
    /// let second = cache.entry("user:42").observe(user).await;
    /// assert_eq!(second.outcome.source, Source::Memory);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn observe<V, E, Fut>(self, load: impl FnOnce() -> Fut) -> Observed<Result<V, E>>
    where
        V: Clone + Send + Sync + 'static,
        E: 'static,
        F: Format<V>,
        C: Carry<E>,
        Fut: Future<Output = Result<V, E>>,
    {
        let load = pin!(async { load().await });
        let (value, outcome) =
            self.answer(shape::result(), Caller::in_place(), InPlace(load)).await;
        Observed { value, outcome }
    }

    /// The value if one is there and fresh; loads nothing.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use athena_cache_core::Cache;
    /// let cache = Cache::in_memory("shop");
    /// assert_eq!(cache.entry("user:42").get::<u32>().await?, None);
    /// cache.entry("user:42").insert(7_u32).await?;
    /// assert_eq!(cache.entry("user:42").get().await?, Some(7_u32));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the cache is closed, or the backend cannot say and no copy may stand in.
    pub async fn get<V>(mut self) -> Result<Option<V>, Error>
    where
        V: Clone + Send + Sync + 'static,
        F: Format<V>,
    {
        if let Some(value) = self.hit() {
            return Ok(Some(value));
        }
        let call = TypedCall::new(shape::option::<V>(), Errors::none());
        let answer = self.ask(&call).ok_or_else(Error::closed)?.peek().await;
        let answer = answer.map_err(Error::backend)?;
        Ok(answer.and_then(|answer| call.value(answer.content)).flatten())
    }

    /// Stores a value; loads of this entry that are under way do not replace it.
    ///
    /// # Errors
    ///
    /// If the cache is closed, the value cannot be written as bytes, or the backend did not take it.
    /// Then no old value is served by this process, but other processes may still have one.
    pub async fn insert<V>(self, value: V) -> Result<(), Error>
    where
        V: Clone + Send + Sync + 'static,
        F: Format<V>,
    {
        let ask = self.ask(&TypedCall::new(shape::plain::<V>(), Errors::none()));
        ask.ok_or_else(Error::closed)?.put(Loaded::given(engine::boxed(value))).await
    }

    /// Removes the entry everywhere.
    pub async fn invalidate(mut self) -> Invalidated {
        self.runtime.invalidate(&[Scope::Entry(self.reached())]).await
    }

    /// Ends the entry's fresh time and keeps it for grace.
    ///
    /// # Errors
    ///
    /// If the backend cannot be reached.
    pub async fn expire(mut self) -> Result<(), Error> {
        self.runtime.expire(&self.reached()).await
    }

    /// The key with its reach: what is kept in this process alone is another entry than the shared one.
    fn reached(&mut self) -> Key {
        self.reach();
        self.key.whole()
    }

    #[inline]
    fn reach(&mut self) {
        self.key.set_local(self.policy.memory_only);
    }

    /// What memory answers at once.
    #[inline]
    fn hit<V: Clone + 'static>(&mut self) -> Option<V> {
        self.reach();
        let SitePolicy { memory_only, refresh, .. } = self.policy;
        let topic = || self.runtime.telemetry.topic(&self.key.whole(), None);
        engine::hit(self.runtime, (self.key.bytes(), None), memory_only, refresh, topic)
    }

    async fn answer<R, V, E, O>(
        self,
        shape: Shape<R, V, E>,
        caller: Caller,
        mut origin: O,
    ) -> (R, Outcome)
    where
        V: Clone + Send + Sync + 'static,
        E: 'static,
        F: Format<V>,
        C: Carry<E>,
        O: Origin<R, V, E>,
    {
        let call = TypedCall::new(shape, Errors { carry: C::carry(), ..Errors::none() });
        // One of a cache that is closed asks nothing.
        let mut ask = self.ask(&call);
        let engine = Engine::new(engine::answer(&mut ask, "the cache is closed", &caller));
        let mut attending = Attending::new(&call, &caller, engine, "by hand");
        poll_fn(|context| attending.poll(&mut origin, context)).await
    }

    /// The call for the engine; `None` once the cache is closed.
    fn ask<R, V, E>(self, call: &TypedCall<R, V, E>) -> Option<Ask>
    where
        V: Clone + Send + Sync + 'static,
        E: 'static,
        F: Format<V>,
    {
        let named: Entry<'_, ()> = self.retyped();
        named.ask_of((call.typing(), F::wire().map(Wire::erased)))
    }

    pub(super) fn retyped<F2, C2>(self) -> Entry<'c, F2, C2> {
        let Self { runtime, key, policy, tags, .. } = self;
        Entry { runtime, key, policy, tags, state: PhantomData }
    }
}

impl Entry<'_, ()> {
    fn ask_of(mut self, types: (Typing, Option<Coding>)) -> Option<Ask> {
        let policy = self.policy.over(&self.runtime.defaults);
        let is_open = !self.runtime.is_closed();
        is_open.then(|| Ask::named(self.runtime, self.reached(), policy, self.tags, types))
    }
}

/// An entry whose loads may go on without their caller; from [`Entry::in_background`].
#[derive(Debug)]
#[must_use = "say what to do with the entry"]
pub struct Background<'c, F = Postcard, C = Quiet> {
    entry: Entry<'c, F, C>,
}

impl<F, C> Background<'_, F, C> {
    /// Reloads in the background once this share of the ttl has passed, 1 to 99 percent.
    ///
    /// At 0 each hit would begin a load, and at 100 none: both are left out, which a WARN tells once.
    pub fn refresh(mut self, share: Percent) -> Self {
        static TOLD: Once = Once::new();
        let acts = (1..=99).contains(&share.get());
        if !acts {
            TOLD.call_once(|| log::refresh_left_out(share));
        }
        self.entry.policy.refresh = acts.then_some(share);
        self
    }

    /// Waits this long for the load when a stale value exists; the load then goes on.
    pub fn soft_timeout(mut self, limit: Duration) -> Self {
        self.entry.policy.soft_timeout = Some(limit);
        self
    }

    /// The value, from a tier or from `load`.
    ///
    /// # Errors
    ///
    /// As [`Entry::get_or_load`].
    pub async fn get_or_load<V, E, Fut>(
        mut self,
        load: impl FnOnce() -> Fut + Send + 'static,
    ) -> Result<V, E>
    where
        V: Clone + Send + Sync + 'static,
        E: Send + 'static,
        F: Format<V>,
        C: Carry<E>,
        Fut: Future<Output = Result<V, E>> + Send + 'static,
    {
        if let Some(value) = self.entry.hit() {
            return Ok(value);
        }
        let load: Loading<Result<V, E>> = Box::pin(async { load().await });
        self.entry.answer(shape::result(), Caller::detached(), DetachedLoading(Some(load))).await.0
    }

    /// As [`get_or_load`](Self::get_or_load), with where the value came from.
    pub async fn observe<V, E, Fut>(
        self,
        load: impl FnOnce() -> Fut + Send + 'static,
    ) -> Observed<Result<V, E>>
    where
        V: Clone + Send + Sync + 'static,
        E: Send + 'static,
        F: Format<V>,
        C: Carry<E>,
        Fut: Future<Output = Result<V, E>> + Send + 'static,
    {
        let load: Loading<Result<V, E>> = Box::pin(async { load().await });
        let (value, outcome) = self
            .entry
            .answer(shape::result(), Caller::detached(), DetachedLoading(Some(load)))
            .await;
        Observed { value, outcome }
    }
}
