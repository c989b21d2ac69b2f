//! What a service answers over HTTP.

use std::convert::Infallible;

use athena_cache::Cache;
use athena_cache_axum::{Actor, CacheLayer, Caches, dashboard, health, metrics, status};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response};
use axum::routing::get;
use std::time::Duration;
use tokio::time::timeout;
use tower::ServiceExt;

use super::needles::{Needles, Reader, each_byte};
use super::outputs::Outputs;
use super::service;

/// Everything that can be read or refused; a route that hangs is one that fails.
const PATHS: [&str; 13] = [
    "/health",
    "/health/live",
    "/health/ready",
    "/health/startup",
    "/ha/status",
    "/redis/cluster/health",
    "/metrics",
    "/athena",
    "/athena/api/status",
    "/athena/api/history",
    "/athena/api/live",
    "/athena/actions/isolate",
    "/athena/none",
];

/// So much of a stream is read: all kinds of events come at once.
const OF_STREAM: usize = 1;

pub async fn read(cache: &Cache, needles: &Needles, outputs: &mut Outputs) {
    for (details, reader) in [(false, Reader::Anyone), (true, Reader::Operator)] {
        let app = app(cache, details, needles);
        // Twice: what was done meanwhile is in the timeline.
        for _ in 0..2 {
            for path in PATHS {
                let place = if path.starts_with("/athena") { "page" } else { "health" };
                let text = get_text(&app, path, "*/*").await;
                outputs.add(format!("{place} {path} (details: {details})"), reader, text);
            }
            act(&app, needles, reader, outputs).await;
        }
        let neutral = get_text(&app, "/health", "application/health+json").await;
        outputs.add("health in neutral form", reader, neutral);
        refused(&app, needles, reader, outputs).await;
    }
    headers(cache, needles, outputs).await;
}

fn app(cache: &Cache, details: bool, needles: &Needles) -> Router {
    let shown = || Caches::from(cache).details(details);
    let actor = needles.user.clone();
    let page = dashboard(shown()).actions(move |_| Ok(Actor::new(&actor)));
    Router::new()
        .nest("/health", health(shown()))
        .merge(status(shown()))
        .merge(metrics(shown()))
        .nest("/athena", page.into_router())
}

/// What somebody has done, and what is wrong with what they ask for.
async fn act(app: &Router, needles: &Needles, reader: Reader, outputs: &mut Outputs) {
    let Needles { key, tag, asked, .. } = needles;
    let json = |text: &str| serde_json::Value::from(text).to_string();
    let (key, tag, asked) = (json(key), json(tag), json(asked));
    for (action, body) in [
        ("invalidate", format!(r#"{{"cache":"leaks","what":"entry","name":{key}}}"#)),
        ("invalidate", format!(r#"{{"cache":"leaks","what":"tag","name":{tag}}}"#)),
        ("invalidate", format!(r#"{{"cache":"leaks","what":{asked},"name":{key}}}"#)),
        ("invalidate", format!(r#"{{"cache":"leaks","what":"everything","confirm":{asked}}}"#)),
        ("invalidate", format!(r#"{{"cache":{asked},"what":"tag","name":{tag}}}"#)),
        ("invalidate", format!(r#"{{"cache":"leaks",{asked}:1}}"#)),
        ("look", format!(r#"{{"cache":"leaks","name":{key}}}"#)),
        ("look", format!(r#"{{"cache":"leaks","name":"f:{{{}"}}"#, core(&needles.asked))),
        ("reconnect", r#"{"cache":"leaks"}"#.to_owned()),
        ("isolate", format!(r#"{{"cache":"leaks","seconds":{asked}}}"#)),
        ("isolate", r#"{"cache":"leaks","seconds":60}"#.to_owned()),
        ("resume", r#"{"cache":"leaks"}"#.to_owned()),
    ] {
        let request = Request::post(format!("/athena/actions/{action}"));
        let request =
            request.header("x-athena-action", action).header("content-type", "application/json");
        let text = answer(app, request.body(Body::from(body.clone())).unwrap()).await;
        outputs.add(format!("action {action} {body}"), reader, text);
    }
}

/// What of a needle can stand in a header.
fn core(needle: &str) -> String {
    needle.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// What nobody knows, or may.
async fn refused(app: &Router, needles: &Needles, reader: Reader, outputs: &mut Outputs) {
    let encoded = each_byte(&needles.asked, "%");
    for path in PATHS {
        for query in
            [format!("cache={encoded}"), format!("{encoded}=1"), format!("cache=%ff{encoded}")]
        {
            let text = get_text(app, &format!("{path}?{query}"), "*/*").await;
            outputs.add(format!("refusal {path}"), reader, text);
        }
    }
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let request = Request::builder().method(method).uri(format!("/athena/actions/{encoded}"));
        let request = request.header("x-athena-action", core(&needles.asked));
        outputs.add(
            "refusal of an action",
            reader,
            answer(app, request.body(Body::empty()).unwrap()).await,
        );
    }
}

/// What responses of the service itself say of their calls.
async fn headers(cache: &Cache, needles: &Needles, outputs: &mut Outputs) {
    let (cache, needles) = (cache.clone(), needles.clone());
    let calls = move || {
        let (cache, needles) = (cache.clone(), needles.clone());
        async move {
            service::calls(&cache, &needles, &mut Outputs::default()).await;
            Ok::<_, Infallible>("done")
        }
    };
    let layer = CacheLayer::new().cache_status().server_timing();
    let app =
        Router::new().route("/", get(async move || calls().await.unwrap_or_default())).layer(layer);
    outputs.add("layer", Reader::Anyone, get_text(&app, "/", "*/*").await);
}

async fn get_text(app: &Router, path: &str, accept: &str) -> String {
    answer(app, Request::get(path).header("accept", accept).body(Body::empty()).unwrap()).await
}

/// Status, headers and body; of what does not end, its beginning.
async fn answer(app: &Router, request: Request<Body>) -> String {
    let asked = format!("{request:?}");
    let response = timeout(super::support::PATIENCE, app.clone().oneshot(request)).await;
    let response: Response<Body> =
        response.unwrap_or_else(|_| panic!("no answer: {asked}")).unwrap();
    let (parts, body) = response.into_parts();
    let mut text = format!("{} {:?}\n", parts.status, parts.headers);
    let is_stream = parts.headers.get("content-type").is_some_and(|it| it == "text/event-stream");
    let mut stream = std::pin::pin!(body.into_data_stream());
    let mut left = if is_stream { OF_STREAM } else { usize::MAX };
    while left > 0 {
        let next =
            timeout(Duration::from_secs(5), futures_util::StreamExt::next(&mut stream)).await;
        let Some(bytes) = next.expect("it goes on or ends") else { break };
        text += &String::from_utf8_lossy(&bytes.unwrap());
        left -= 1;
    }
    text
}
