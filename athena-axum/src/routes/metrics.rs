//! What Prometheus scrapes.

use athena_cache_core::Cache;
use athena_cache_observe::prometheus::{CONTENT_TYPE, Exposition};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;

use super::document::document;
use crate::caches::Caches;

/// `GET /metrics`: the counters of these caches as text for Prometheus.
///
/// Each node by itself, with its address, only with [details](Caches::details). Nothing is asked of any node.
pub fn metrics<S: Clone + Send + Sync + 'static>(caches: impl Into<Caches>) -> Router<S> {
    let caches = caches.into();
    let scrape = move || {
        let reports: Vec<_> = caches.all.iter().map(Cache::report).collect();
        let text = Exposition::new().endpoints(caches.details).render(&reports);
        std::future::ready(document(StatusCode::OK, CONTENT_TYPE, text))
    };
    Router::new().route("/metrics", get(scrape))
}
