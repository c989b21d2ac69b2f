//! What probes ask.

use std::sync::Arc;

use athena_cache_core::{Health, HealthReport};
use axum::Router;
use axum::body::Body;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::get;
use futures_util::future::join_all;

use super::document::{JSON, document, json, refusal};
use crate::caches::Caches;

const NEUTRAL: &str = "application/health+json";

/// `GET /`, `/live`, `/ready` and `/startup`, to be nested under a path such as `/health`.
///
/// | path | is 200 | else 503 |
/// |---|---|---|
/// | `/` | healthy or degraded, with what the checks found | unhealthy |
/// | `/live` | as long as the process answers; never looks at the backend | |
/// | `/ready` | unless unhealthy | |
/// | `/startup` | once every primary was reached, or 5 s have passed | before |
///
/// The document is the one that health pages of ASP.NET read, which leaves out what was not found out, or
/// `application/health+json` where `Accept` asks for it.
/// Sentences and figures, which name addresses, are in it only with [details](Caches::details). Of several caches the
/// worst decides, and each check is named `namespace/check`. A report is good for a second, so that probes do not load
/// the nodes.
pub fn health<S: Clone + Send + Sync + 'static>(caches: impl Into<Caches>) -> Router<S> {
    let caches = Arc::new(caches.into());
    let (all, ready, startup) = (Arc::clone(&caches), Arc::clone(&caches), caches);
    let report = async move |headers: HeaderMap| match found(&all).await {
        Some(report) => answer(report, &headers),
        None => refusal(StatusCode::NOT_FOUND, "there is no cache"),
    };
    // Side by side: a probe waits no longer than for one of them.
    let ready = async move || {
        let each = ready.all.iter().map(async |cache| cache.health_checks().is_ready().await);
        probe(join_all(each).await.into_iter().all(|is_ready| is_ready))
    };
    let startup =
        async move || probe(startup.all.iter().all(|it| it.health_checks().has_started()));
    Router::new()
        .route("/", get(report))
        .route("/live", get(async || probe(true)))
        .route("/ready", get(ready))
        .route("/startup", get(startup))
}

fn probe(passes: bool) -> Response<Body> {
    let (status, text) = if passes {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not yet\n")
    };
    document(status, "text/plain; charset=utf-8", text)
}

/// What the checks of all caches found, side by side; `None` where there is no cache.
async fn found(caches: &Caches) -> Option<HealthReport> {
    let is_one = caches.all.len() == 1;
    let reports = caches.all.iter().map(async |cache| {
        let mut report = HealthReport::clone(&*cache.health_checks().report().await);
        if !is_one {
            let named = |(check, entry)| (format!("{}/{check}", cache.namespace()), entry);
            report.entries = report.entries.into_iter().map(named).collect();
        }
        report
    });
    let all = join_all(reports).await.into_iter().reduce(worst)?;
    Some(if caches.details { all } else { all.without_details() })
}

fn worst(mut all: HealthReport, more: HealthReport) -> HealthReport {
    all.status = all.status.max(more.status);
    all.took = all.took.max(more.took);
    all.at = all.at.max(more.at);
    all.entries.extend(more.entries);
    all
}

fn answer(report: HealthReport, headers: &HeaderMap) -> Response<Body> {
    let status = match report.status {
        Health::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::OK,
    };
    let accepts = headers.get_all(ACCEPT).iter().filter_map(|it| it.to_str().ok());
    let is_neutral = accepts
        .flat_map(|it| it.split(','))
        .any(|it| it.split(';').next().unwrap_or_default().trim() == NEUTRAL);
    if is_neutral {
        json(status, NEUTRAL, &report.neutral())
    } else {
        json(status, JSON, &report.known())
    }
}
