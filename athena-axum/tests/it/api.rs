//! What the page asks for.

use std::pin::pin;
use std::time::{Duration, Instant};

use athena_cache::{Cache, athena_cache};
use athena_cache_axum::{Actor, Caches, content_policy, dashboard};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use tower::ServiceExt;

use crate::asked::get;

#[athena_cache(ttl = "10s", name = "api::secret_of", cache = cache)]
async fn secret_of(cache: &Cache, name: &str) -> usize {
    name.len()
}

fn app(cache: &Cache) -> Router {
    Router::new().nest("/athena", dashboard(Caches::from(cache).details(true)).into_router())
}

#[tokio::test]
async fn the_page_comes_with_a_policy_and_is_kept_by_nobody() {
    let page = get(&app(&Cache::in_memory("shop")), "/athena").await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (StatusCode::OK, "text/html; charset=utf-8")
    );
    assert_eq!(page.header("content-security-policy"), content_policy());
    assert_eq!(content_policy().matches("'sha256-").count(), 2);
    assert!(!content_policy().contains("unsafe"), "{}", content_policy());
    let kept =
        ["cache-control", "x-content-type-options", "referrer-policy"].map(|it| page.header(it));
    assert_eq!(kept, ["no-store", "nosniff", "no-referrer"]);
}

#[tokio::test]
async fn what_is_shown_is_what_is_counted_and_holds_no_key() {
    let cache = Cache::in_memory("shop");
    let app = app(&cache);
    for _ in 0..3 {
        secret_of(&cache, "hunter2").await;
    }
    let answer = get(&app, "/athena/api/status").await;
    let json = answer.json();
    assert_eq!(json["sites"][0]["site"], "api::secret_of");
    assert_eq!([&json["sites"][0]["calls"], &json["sites"][0]["hits"]], [3, 2]);
    assert_eq!(json["shown"]["caches"], serde_json::json!(["shop"]));
    assert_eq!(json["shown"]["actions"], serde_json::json!([]), "nobody gave a guard");
    assert_eq!(json["shown"]["glance"]["level"], "calm");
    assert!(!answer.text.contains("hunter2"));
    let history = get(&app, "/athena/api/history").await.json();
    assert!(history["fine"].is_array() && history["coarse"].is_array());
    assert_eq!(get(&app, "/athena/api/status?cache=none").await.status, StatusCode::NOT_FOUND);
    let acting = dashboard(&cache).actions(|_| Ok(Actor::new("ada")));
    let acting = Router::new().nest("/athena", acting.into_router());
    let json = get(&acting, "/athena/api/status").await.json();
    assert_eq!(
        json["shown"]["actions"],
        serde_json::json!(["invalidate", "isolate", "look", "reconnect", "resume"])
    );
    assert_eq!(json["shown"]["status"]["process"]["host"], serde_json::Value::Null, "no details");
}

#[tokio::test(start_paused = true)]
async fn a_cache_is_asked_once_for_all_who_look_within_a_second() {
    let cache = Cache::in_memory("shop");
    let app = app(&cache);
    let shown = async || get(&app, "/athena/api/status").await.json()["shown"]["status"].clone();
    let first = shown().await;
    let at = Instant::now();
    while at.elapsed() < Duration::from_millis(2) {
        std::hint::spin_loop();
    }
    assert_eq!(shown().await, first);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_ne!(shown().await["timestamp"], first["timestamp"]);
}

#[tokio::test(start_paused = true)]
async fn a_viewer_is_told_each_second_and_let_go_after_half_a_minute() {
    let cache = Cache::in_memory("shop");
    let request = Request::get("/athena/api/live").body(Body::empty()).unwrap();
    let response = app(&cache).oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut events = pin!(response.into_body().into_data_stream());
    let (mut all, mut count) = (String::new(), 0);
    while let Some(event) = futures_util::StreamExt::next(&mut events).await {
        all += std::str::from_utf8(&event.unwrap()).unwrap();
        count += 1;
    }
    assert_eq!(count, 30);
    assert!(all.starts_with("retry: 1000\nevent: status\ndata: {"), "{}", &all[..80]);
    assert_eq!(
        [all.matches("event: status\n").count(), all.matches("event: sites\n").count()],
        [30, 6]
    );
    assert_eq!(all.matches("\n\n").count(), 30 + 6 + 6, "each event is one line of data");
}

#[tokio::test]
async fn a_cache_that_is_closed_lets_its_viewers_go() {
    let cache = Cache::in_memory("shop");
    let app = app(&cache);
    cache.close().await;
    assert_eq!(get(&app, "/athena/api/live").await.text, "", "nothing comes any more");
    assert_eq!(get(&app, "/athena/api/status").await.json()["shown"]["glance"]["level"], "trouble");
}
