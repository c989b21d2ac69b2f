//! What is for whoever runs the storefront: health, status, metrics, and a page.
//!
//! It has a listener of its own, which customers do not reach.

use std::net::SocketAddr;

use athena_cache::{Cache, Finding, Need};
use athena_cache_axum::{Caches, dashboard, health, loopback_only, metrics, status};
use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::request::Parts;

use crate::store::Store;

/// The routes of operators.
pub(crate) fn operators(store: Store, cache: &Cache) -> Router {
    // All instances share the database: if it made them not ready, a moment without it would take all of them out of
    // rotation together, with what each could still answer from its cache.
    cache.health_checks().add("database", Need::Quality, move || {
        let store = store.clone();
        async move {
            match store.ping().await {
                Ok(()) => Finding::healthy("it answers"),
                Err(error) => Finding::unhealthy(error),
            }
        }
    });
    let caches = Caches::from(cache).details(true);
    let page = dashboard(caches.clone()).actions(loopback_only(peer));
    Router::new()
        .nest("/health", health(caches.clone()))
        .merge(status(caches.clone()))
        .merge(metrics(caches))
        .nest("/athena", page.into_router())
}

fn peer(parts: &Parts) -> Option<SocketAddr> {
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| *peer)
}
