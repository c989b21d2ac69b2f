//! What the page asks for.

use std::pin::pin;
use std::time::{Duration, Instant};

use athena_cache::testing::MemoryBackend;
use athena_cache::{Cache, Settings, athena_cache};
use athena_cache_axum::{Actor, Caches, content_policy, dashboard};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures_util::future::join_all;
use tower::ServiceExt;

use crate::asked::get;
use crate::many::ManyNodes;

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
        serde_json::json!([
            "invalidate",
            "isolate",
            "look",
            "reconnect",
            "repair",
            "resume",
            "verify"
        ])
    );
    let acting = dashboard(Caches::from(&cache).details(true)).actions(|_| Ok(Actor::new("ada")));
    let in_detail = Router::new().nest("/athena", acting.into_router());
    let in_detail = get(&in_detail, "/athena/api/status").await.json();
    assert_eq!(
        in_detail["shown"]["actions"],
        serde_json::json!([
            "examine",
            "invalidate",
            "isolate",
            "look",
            "reconnect",
            "repair",
            "resume",
            "verify",
        ])
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
async fn nodes_and_processes_are_asked_once_for_all_who_look_at_the_same_time() {
    let mut settings = Settings::default();
    settings.fleet = Some(Duration::from_secs(600));
    let nodes = ManyNodes::new(2);
    let cache = Cache::builder("shop").settings(settings).backend(nodes.clone()).build().unwrap();
    let app = app(&cache);
    get(&app, "/athena/api/status").await;
    let (alone, listed) = (nodes.surveyed(), nodes.listed());
    assert!(alone > 0 && listed == 1, "{alone}, {listed}");
    // What was found out is no longer good.
    tokio::time::advance(Duration::from_secs(6)).await;
    join_all((0..20).map(|_| get(&app, "/athena/api/status"))).await;
    assert!(nodes.surveyed() <= 2 * alone, "{} after {alone}", nodes.surveyed());
    assert_eq!(nodes.listed(), 2);
    // The roster is read less often than nodes are asked.
    tokio::time::advance(Duration::from_secs(2)).await;
    get(&app, "/athena/api/status").await;
    assert_eq!(nodes.listed(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_roster_that_does_not_come_holds_up_nobody_and_is_said_to_be_missing() {
    let mut settings = Settings::default();
    settings.fleet = Some(Duration::from_secs(600));
    let nodes = ManyNodes::new(2);
    let cache = Cache::builder("shop").settings(settings).backend(nodes.clone()).build().unwrap();
    nodes.fall_silent();
    for (details, trouble) in [(true, "no answer in 500ms"), (false, "Redis cannot be asked")] {
        let page = dashboard(Caches::from(&cache).details(details)).into_router();
        let app = Router::new().nest("/athena", page);
        let asked = tokio::time::Instant::now();
        let json = get(&app, "/athena/api/status").await.json();
        assert_eq!(json["shown"]["fleet"]["trouble"], trouble);
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn of_other_processes_machines_and_what_they_were_told_are_shown_in_detail_only() {
    let store = MemoryBackend::new();
    let process = |entries| {
        let mut settings = Settings::default();
        settings.fleet = Some(Duration::from_secs(600));
        settings.memory.max_entries = entries;
        Cache::builder("shop").settings(settings).backend(store.clone()).build().unwrap()
    };
    let (one, other) = (process(100), process(200));
    for details in [false, true] {
        let page = dashboard(Caches::from(&one).details(details)).into_router();
        let app = Router::new().nest("/athena", page);
        let mut asked = 0;
        let fleet = loop {
            other.fleet().await.unwrap();
            let fleet = get(&app, "/athena/api/status").await.json()["shown"]["fleet"].clone();
            if fleet["processes"].as_array().unwrap().len() == 2 {
                break fleet;
            }
            asked += 1;
            assert!(asked < 100, "{fleet}");
            // The roster is good for a while.
            tokio::time::advance(Duration::from_secs(6)).await;
        };
        let host = one.status().await.process.host.filter(|_| details);
        for process in fleet["processes"].as_array().unwrap() {
            assert_eq!(process["host"].as_str(), host.as_deref(), "{fleet}");
        }
        let told = fleet["disagreements"].as_array().unwrap();
        assert!(!told.is_empty(), "{fleet}");
        assert!(told.iter().all(|it| it.as_str().unwrap().contains(": ") == details), "{fleet}");
    }
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
