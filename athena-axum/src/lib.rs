//! What an athena-cache did, in the responses of a service, and on a page.
//!
//! | feature | adds |
//! |---|---|
//! | `layer` (default) | [`CacheLayer`]: what the calls of a request came to, in its response |
//! | `routes` (default) | [`health`], [`status`] and [`metrics`], as routes of axum |
//! | `dashboard` | [`dashboard`]: a page for people, and what they may do on it |
//!
//! ```
//! # #[cfg(all(feature = "layer", feature = "routes"))]
//! # fn example() -> axum::Router {
//! use athena_cache_axum::{CacheLayer, health, metrics, status};
//! use athena_cache_core::Cache;
//! use axum::Router;
//!
//! let cache = Cache::in_memory("shop");
//! let api: Router = Router::new().layer(CacheLayer::new());
//! // What is for operators belongs on a listener that only they reach.
//! let internal: Router =
//!     Router::new().nest("/health", health(&cache)).merge(status(&cache)).merge(metrics(&cache));
//! # drop(internal);
//! # api
//! # }
//! ```
//!
//! Invariant: nothing is mounted that was not named, and nothing that is shown holds a key, an argument, a tag or a value.

#[cfg(feature = "layer")]
mod layer;

#[cfg(feature = "layer")]
pub use layer::{CacheLayer, CacheResponse, CacheService};

#[cfg(feature = "routes")]
mod caches;
#[cfg(feature = "dashboard")]
mod dashboard;
#[cfg(feature = "routes")]
mod routes;

#[cfg(feature = "routes")]
pub use caches::Caches;
#[cfg(feature = "dashboard")]
pub use dashboard::{
    Acting, Actor, Dashboard, WatchOnly, content_policy, dashboard, loopback_only,
};
#[cfg(feature = "routes")]
pub use routes::{health, metrics, status};
