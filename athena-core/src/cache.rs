//! A cache, as people hold it.

mod backup;
mod batch;
mod builder;
mod entry;
#[cfg(feature = "json")]
mod fleet;
mod functions;
mod health;
mod operator;
mod reconnect;
mod recovery;
mod report;
mod status;
mod stored;
mod warm_up;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::context;
use crate::error::Error;
use crate::excerpt::Excerpt;
use crate::key::Key;
use crate::remote::{NodeStatus, RegionStatus, Remotes};
use crate::resilience::breaker::BreakerState;
use crate::resilience::settings::Resilience;
use crate::runtime::{Invalidated, Runtime, Scope};
use crate::tag::Tag;
use crate::telemetry::{Stats, log};

pub use backup::{Backup, Restore, Verify};
pub use batch::Batch;
pub use builder::Builder;
pub use entry::background::Background;
pub use entry::{Carry, Entry, Format, Json, Local, Postcard, Quiet, Typed};
pub use health::HealthChecks;
pub use reconnect::Reconnection;
pub use report::Report;
pub use status::{
    ClusterStatus, FailoverStatus, JournalStatus, MaintenanceStatus, Performance, ProcessStatus,
    RecoveryStatus, ServerStatus, Status, TrustStatus,
};
pub use stored::{HeldEntry, HeldEnvelope, HeldValue};
pub use warm_up::{WarmUp, WarmedUp};

/// A namespace with its tiers, policies and counters; clones are the same cache.
///
/// ```
/// # async fn example() -> Result<(), athena_cache_core::Error> {
/// use std::time::Duration;
/// use athena_cache_core::Cache;
///
/// let cache = Cache::builder("shop").build()?;
/// let user: Result<String, std::io::Error> = cache
///     .entry("user:42")
///     .ttl(Duration::from_secs(300))
///     .tags(["users"])
///     .get_or_load(|| async { Ok("Ada".to_owned()) })
///     .await;
/// # let _ = user;
/// cache.invalidate_tag("users").await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Cache(Arc<Runtime>);

/// What closing a cache left undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// Invalidations that never reached the backend.
    pub pending_invalidations: usize,
}

impl Cache {
    /// Makes this the cache of every annotated function that names none and is not in a scope.
    ///
    /// A later call replaces it.
    pub fn install(&self) {
        context::install(Arc::clone(&self.0));
    }

    /// Makes this the cache of annotated functions called inside `future`.
    ///
    /// Tasks that the future spawns are outside of it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use athena_cache_core::Cache;
    ///
    /// let cache = Cache::in_memory("test");
    /// let inside = cache.scope(async { Cache::current().is_some() }).await;
    /// assert!(inside);
    /// # Ok(())
    /// # }
    /// ```
    pub fn scope<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        context::scope(Arc::clone(&self.0), future)
    }

    /// The same while `code` runs, for functions that are not `async`.
    ///
    /// Threads that it starts are outside of it.
    ///
    /// ```
    /// use athena_cache_core::Cache;
    ///
    /// let cache = Cache::in_memory("test");
    /// assert!(cache.sync_scope(|| Cache::current().is_some()));
    /// ```
    pub fn sync_scope<T>(&self, code: impl FnOnce() -> T) -> T {
        context::sync_scope(Arc::clone(&self.0), code)
    }

    /// The cache that annotated functions called here use: the one in scope, else the installed one.
    pub fn current() -> Option<Self> {
        context::current().map(Self)
    }

    /// Removes an entry that was named by hand or by `key = …`.
    pub async fn invalidate(&self, name: impl AsRef<str>) -> Invalidated {
        self.0.invalidate(&[Scope::Entry(Key::named(name.as_ref()))]).await
    }

    /// Removes everything with a tag, whatever it covers, at the price of one small write.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use athena_cache_core::{Cache, Invalidated};
    /// let cache = Cache::in_memory("shop");
    /// cache.entry("user:42").tags(["users"]).insert("Ada".to_owned()).await?;
    /// assert_eq!(cache.invalidate_tag("users").await, Invalidated::Done);
    /// assert_eq!(cache.entry("user:42").get::<String>().await?, None);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn invalidate_tag(&self, tag: impl AsRef<str>) -> Invalidated {
        self.invalidate_tags([tag]).await
    }

    /// Removes everything with any of the tags.
    pub async fn invalidate_tags<T: AsRef<str>>(
        &self,
        tags: impl IntoIterator<Item = T>,
    ) -> Invalidated {
        let scopes: Vec<_> = tags
            .into_iter()
            .filter(|tag| !tag.as_ref().is_empty())
            .map(|tag| Scope::Tag(Tag::new(tag.as_ref())))
            .collect();
        self.0.invalidate(&scopes).await
    }

    /// Removes everything in this namespace.
    pub async fn clear(&self) -> Invalidated {
        self.0.invalidate(&[Scope::Everything]).await
    }

    /// What the cache has done so far.
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }

    /// The worst state among the breakers of the backend's nodes; `None` without a backend.
    pub fn breaker(&self) -> Option<BreakerState> {
        self.0.remote().map(|remote| remote.breaker_state())
    }

    /// How the nodes of the backend fare, as far as is known, or of the region that is used; asks nobody.
    pub fn nodes(&self) -> Vec<NodeStatus> {
        self.0.remote().map(|remote| remote.nodes()).unwrap_or_default()
    }

    /// The limits around operations on the backend, as they are now.
    pub fn resilience(&self) -> Resilience {
        let settings = || self.0.settings.resilience.clone();
        self.0.remote().map_or_else(settings, |remote| remote.resilience())
    }

    /// Changes the limits around operations on the backend, for those that begin from now on.
    ///
    /// `max_pending_writes`, `max_journal` and `trust_window` stay as they were when the cache was built.
    /// Breakers keep their state.
    ///
    /// # Errors
    ///
    /// A setting cannot be used; the message lists every fault, and nothing changes.
    pub fn set_resilience(&self, resilience: Resilience) -> Result<(), Error> {
        let mut faults = Vec::new();
        resilience.check(&mut faults);
        if !faults.is_empty() {
            return Err(Error::settings(faults.join("; ")));
        }
        if let Some(remotes) = &self.0.remotes {
            remotes.set_resilience(resilience);
        }
        Ok(())
    }

    /// Sends no operation to the backend for a while, as during its maintenance; fallbacks answer.
    ///
    /// Invalidations wait in the journal; a backup, a restore or a verification under way ends with an error. What a
    /// backend does to stay connected, and to know who serves, goes on. Isolating again replaces the earlier end. Of
    /// several regions it is the one that is used; another one is, if that lasts.
    pub fn isolate(&self, duration: Duration) {
        if let Some(remote) = self.0.remote() {
            remote.isolate(duration);
        }
    }

    /// Ends an isolation; the first operation on each node finds out whether it is back.
    pub fn resume(&self) {
        for remote in self.0.remotes.iter().flat_map(Remotes::all) {
            remote.resume();
        }
    }

    /// How the regions of the namespace fare, the primary first, as far as is known; none without
    /// [`Settings::regions`](crate::Settings::regions). Asks nobody.
    pub fn regions(&self) -> Vec<RegionStatus> {
        let regions = self.0.remotes.as_ref().and_then(Remotes::regions);
        regions.map(|regions| regions.status()).unwrap_or_default()
    }

    /// Uses a region from now on, and prefers it until the process ends.
    ///
    /// It is asked for a sign of life before.
    ///
    /// # Errors
    ///
    /// There is no such region, it does not answer, or the one that would be left holds invalidations that the primary has
    /// not been told of.
    pub async fn use_region(&self, name: &str) -> Result<(), Error> {
        let refused = |reason| {
            Error::settings(format!("cannot use region `{}`: {reason}", Excerpt::of(name)))
        };
        let Some(regions) = self.0.remotes.as_ref().and_then(Remotes::regions) else {
            return Err(refused("no regions are set".to_owned()));
        };
        self.0.keep_alive();
        regions.enter(name).await.map_err(|reason| refused(reason.to_string()))
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        self.0.namespace.as_str()
    }

    /// Waits until no fill, refresh or other background work of this process is under way.
    ///
    /// For tests and before shutting down; new work may begin at any time. It waits no longer than a load in
    /// the background and its write may take, `background_timeout` and `write_deadline`: the runtime of
    /// some work may stand still.
    pub async fn settle(&self) {
        let Runtime { clock, settings, tasks, memory, .. } = &*self.0;
        let write = settings.resilience.write_deadline;
        let limit = settings.background_timeout.saturating_add(write);
        // What is late is as good as work that begins now.
        let _settled = clock.within_dozing(limit, tasks.settle()).await;
        memory.sweep();
    }

    /// Whether it was [closed](Self::close).
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Ends background work and connections; annotated functions run uncached from then on.
    ///
    /// Call [`settle`](Self::settle) before, to let fills and refreshes end by themselves.
    ///
    /// Returns within 2 s and `write_deadline`, whatever runtimes do. Tasks of one that is alive and driven by
    /// nobody end as soon as it runs again.
    pub async fn close(&self) -> Closed {
        self.0.sites.tell_unmatched();
        let tasks_ended = self.0.tasks.close().await;
        self.give_up_acting().await;
        #[cfg(feature = "json")]
        self.leave_fleet().await;
        let pending_invalidations = self.0.remotes.as_ref().map_or(0, Remotes::journal_depth);
        let backend_ended = match &self.0.remotes {
            Some(remotes) => remotes.close().await,
            None => true,
        };
        if !(tasks_ended && backend_ended) {
            log::closed_late(self.namespace());
        }
        Closed { pending_invalidations }
    }

    pub(crate) fn runtime(&self) -> &Arc<Runtime> {
        &self.0
    }
}

impl From<Runtime> for Cache {
    fn from(runtime: Runtime) -> Self {
        Self(Arc::new(runtime))
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("namespace", &self.namespace())
            .field("health", &self.health())
            .finish_non_exhaustive()
    }
}
