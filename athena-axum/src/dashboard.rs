//! A page for people who run the service, and what they may do on it.
//!
//! Invariant: without a guard nothing on it acts, and there is no other way to have what acts than to give one.

mod actions;
mod actor;
mod acts;
mod fleet;
mod forgery;
mod glance;
mod live;
mod look;
mod page;

mod snapshot;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::routing::get;

use crate::caches::Caches;

use acts::Acts;
use live::{history, live, status};
use page::Page;
use snapshot::Snapshots;

pub use actions::Acting;
pub use actor::{Actor, loopback_only};
pub use acts::WatchOnly;
pub use page::content_policy;

/// The page about these caches, to be nested under a path such as `/athena`, where it is then, without a slash behind.
///
/// It belongs on a listener that only operators reach, or behind what lets only them in: it shows what there is, to
/// whoever reaches it.
///
/// ```
/// use athena_cache_axum::dashboard;
/// use athena_cache_core::Cache;
/// use axum::Router;
///
/// let cache = Cache::in_memory("shop");
/// let internal: Router = Router::new().nest("/athena", dashboard(&cache).into_router());
/// # drop(internal);
/// ```
pub fn dashboard(caches: impl Into<Caches>) -> Dashboard {
    Dashboard { caches: caches.into(), acts: WatchOnly::new() }
}

/// A page; from [`dashboard`].
///
/// What it may do is told by its type: to do anything it takes [`actions`](Self::actions), and these take a guard.
///
/// ```compile_fail
/// # use athena_cache_axum::dashboard;
/// # let cache = athena_cache_core::Cache::in_memory("shop");
/// let page: axum::Router = dashboard(&cache).actions().into_router();
/// ```
///
/// ```compile_fail
/// # use athena_cache_axum::{Acting, Dashboard, dashboard};
/// # let cache = athena_cache_core::Cache::in_memory("shop");
/// let page: Dashboard<Acting> = dashboard(&cache);
/// ```
///
/// ```
/// # use athena_cache_axum::{Acting, Actor, Dashboard, dashboard};
/// # let cache = athena_cache_core::Cache::in_memory("shop");
/// let page: Dashboard<Acting> = dashboard(&cache).actions(|_| Ok(Actor::new("ada")));
/// # let _: axum::Router = page.into_router();
/// ```
#[derive(Debug, Clone)]
#[must_use = "make a router of it"]
pub struct Dashboard<A = WatchOnly> {
    caches: Caches,
    acts: A,
}

impl Dashboard {
    /// Lets people act, as far as `guard` lets them: it says who it is, or with which status they are refused.
    ///
    /// There is no default. What a request has to say for itself is in its parts: a session, a token, a certificate
    /// that the layers before have looked at. What is done is logged at `info` with the actor, and stands in the
    /// timeline.
    ///
    /// ```
    /// use athena_cache_axum::{Actor, dashboard};
    /// use athena_cache_core::Cache;
    /// use axum::http::StatusCode;
    /// use axum::http::request::Parts;
    ///
    /// // What a layer before has found out.
    /// #[derive(Clone)]
    /// struct Operator(String);
    ///
    /// let guard = |parts: &Parts| match parts.extensions.get::<Operator>() {
    ///     Some(Operator(name)) => Ok(Actor::new(name)),
    ///     None => Err(StatusCode::FORBIDDEN),
    /// };
    /// let page: axum::Router = dashboard(&Cache::in_memory("shop")).actions(guard).into_router();
    /// # drop(page);
    /// ```
    pub fn actions<G>(self, guard: G) -> Dashboard<Acting>
    where
        G: Fn(&Parts) -> Result<Actor, StatusCode> + Send + Sync + 'static,
    {
        Dashboard { caches: self.caches, acts: Acting::new(guard) }
    }
}

#[expect(private_bounds, reason = "the two that there are")]
impl<A: Acts> Dashboard<A> {
    /// The page, what it asks for, and what acts if there is a guard.
    pub fn into_router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let caches = Arc::new(self.caches);
        let shown = Arc::new(Snapshots::new(Arc::clone(&caches), A::NAMES));
        let page = Page::new();
        Router::new()
            .route("/", get(async move || page.response()))
            .route("/api/status", get(status))
            .route("/api/history", get(history))
            .route("/api/live", get(live))
            .with_state(shown)
            .merge(self.acts.routes(&caches))
    }
}
