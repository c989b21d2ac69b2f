//! What is asked of an entry.
//!
//! Invariant: a hit copies no argument and allocates nothing; what loads is apart, and boxed.

use std::future::{Future, poll_fn};
use std::pin::pin;

use super::{Carry, Entry, Format};
use crate::codec::{Coding, Wire};
use crate::engine::{self, Ask, Attending, Caller, Engine, InPlace, Loaded, Origin, TypedCall};
use crate::error::Error;
use crate::key::Key;
use crate::of::Observed;
use crate::policy::SitePolicy;
use crate::runtime::{Invalidated, Scope};
use crate::shape::{self, Errors, Shape, Typing};
use crate::telemetry::Outcome;

impl<F, C> Entry<'_, F, C> {
    /// The value, from a tier or from `load`.
    ///
    /// # Errors
    ///
    /// Those of `load`; those of the cache only after [`hard_timeout`](Self::hard_timeout) or
    /// [`fail_fast`](Self::fail_fast).
    pub fn get_or_load<V, E, Fut>(
        mut self,
        load: impl FnOnce() -> Fut,
    ) -> impl Future<Output = Result<V, E>>
    where
        V: Clone + Send + Sync + 'static,
        E: 'static,
        F: Format<V>,
        C: Carry<E>,
        Fut: Future<Output = Result<V, E>>,
    {
        async move {
            if let Some(value) = self.hit() {
                return Ok(value);
            }
            let load = async { load().await };
            Box::pin(self.load(shape::result(), load)).await
        }
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
    pub fn find_or_load<V, E, Fut>(
        mut self,
        load: impl FnOnce() -> Fut,
    ) -> impl Future<Output = Result<Option<V>, E>>
    where
        V: Clone + Send + Sync + 'static,
        E: 'static,
        F: Format<V>,
        C: Carry<E>,
        Fut: Future<Output = Result<Option<V>, E>>,
    {
        async move {
            if let Some(value) = self.hit() {
                return Ok(Some(value));
            }
            let load = async { load().await };
            Box::pin(self.load(shape::result_option(), load)).await
        }
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
    /// With several [regions](crate::Settings::regions) the entry is removed: no region has a grace of another.
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
    pub(super) fn hit<V: Clone + 'static>(&mut self) -> Option<V> {
        self.reach();
        let SitePolicy { memory_only, refresh, .. } = self.policy;
        let topic = || self.runtime.telemetry.topic(&self.key.whole(), None);
        engine::hit(self.runtime, (self.key.bytes(), None), memory_only, refresh, topic)
    }

    async fn load<R, V, E>(self, shape: Shape<R, V, E>, load: impl Future<Output = R>) -> R
    where
        V: Clone + Send + Sync + 'static,
        E: 'static,
        F: Format<V>,
        C: Carry<E>,
        R: 'static,
    {
        self.answer(shape, Caller::in_place(), InPlace(pin!(load))).await.0
    }

    pub(super) async fn answer<R, V, E, O>(
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
        let mut ask = self.ask(&call).ok_or("the cache is closed");
        let engine = Engine::new(engine::answer(&mut ask, &caller));
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
}

impl Entry<'_, ()> {
    fn ask_of(mut self, types: (Typing, Option<Coding>)) -> Option<Ask> {
        let policy = self.policy.over(&self.runtime.defaults);
        let is_open = !self.runtime.is_closed();
        is_open.then(|| Ask::named(self.runtime, self.reached(), policy, self.tags, types))
    }
}
