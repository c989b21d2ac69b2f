//! `/ha/status` and `/redis/cluster/health`.

use std::sync::Arc;

use athena_cache_core::{Cache, ServerStatus, Status};
use axum::Router;
use axum::body::Body;
use axum::extract::RawQuery;
use axum::http::{Response, StatusCode};
use axum::routing::get;
use serde::Serialize;

use super::document::{JSON, json};
use super::query::cache_of;
use crate::caches::Caches;

/// `GET /ha/status`, the whole document, and `GET /redis/cluster/health`, the nodes of it.
///
/// Both are 200 whatever the nodes say: one that does not answer is an entry. `?cache=…` names one of several; another
/// name is 404, and what else a query asks for is 400. Without [details](Caches::details) nodes are `node 1`, `node 2`.
pub fn status<S: Clone + Send + Sync + 'static>(caches: impl Into<Caches>) -> Router<S> {
    let caches = Arc::new(caches.into());
    let ask = |answer: fn(&Status) -> Response<Body>| {
        let caches = Arc::clone(&caches);
        move |RawQuery(query): RawQuery| async move {
            match cache_of(&caches, query.as_deref()) {
                Ok(place) => answer(&seen(&caches.all[place], caches.details).await),
                Err(refusal) => *refusal,
            }
        }
    };
    Router::new().route("/ha/status", get(ask(|status| json(StatusCode::OK, JSON, status)))).route(
        "/redis/cluster/health",
        get(ask(|status| json(StatusCode::OK, JSON, &ClusterHealth::of(status)))),
    )
}

/// The status, as far as it is shown.
pub(crate) async fn seen(cache: &Cache, details: bool) -> Status {
    let status = cache.status().await;
    if details { status } else { status.without_details() }
}

/// What the nodes say.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ClusterHealth<'s> {
    cluster_status: &'s [ServerStatus],
    total_nodes: Option<usize>,
    connected_nodes: Option<usize>,
}

impl<'s> ClusterHealth<'s> {
    fn of(status: &'s Status) -> Self {
        let cluster = &status.redis_cluster;
        Self {
            cluster_status: &status.nodes,
            total_nodes: cluster.total_nodes,
            connected_nodes: cluster.connected_nodes,
        }
    }
}
