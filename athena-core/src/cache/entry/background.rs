//! An entry whose loads may go on without their caller.

use std::future::Future;
use std::sync::Once;
use std::time::Duration;

use super::{Carry, Entry, Format, Postcard, Quiet};
use crate::engine::{Caller, DetachedLoading, Loading};
use crate::of::Observed;
use crate::policy::Percent;
use crate::shape;
use crate::telemetry::log;

impl<'c, F, C> Entry<'c, F, C> {
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
        let origin = DetachedLoading(Some(load));
        Box::pin(self.entry.answer(shape::result(), Caller::detached(), origin)).await.0
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
