//! Health, status and metrics, as routes.

use std::sync::Arc;

use athena_cache::testing::{ChaosBackend, Fault, MemoryBackend};
use athena_cache::{Cache, Finding, Memory, Need, athena_cache, backend::Class};
use athena_cache_axum::{Caches, health, metrics, status};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use tokio::sync::Barrier;

use crate::asked::{ask, get};

#[athena_cache(ttl = "10s", name = "routes::secret_of", cache = cache)]
async fn secret_of(cache: &Cache, name: &str) -> usize {
    name.len()
}

fn app(caches: impl Into<Caches>) -> Router {
    let caches = caches.into();
    Router::new()
        .nest("/health", health(caches.clone()))
        .merge(status(caches.clone()))
        .merge(metrics(caches))
}

#[tokio::test]
async fn probes_say_ok_or_not_yet() {
    let cache = Cache::in_memory("shop");
    let app = app(&cache);
    for path in ["/health/live", "/health/ready", "/health/startup"] {
        let answer = get(&app, path).await;
        assert_eq!((answer.status, &*answer.text), (StatusCode::OK, "ok\n"), "{path}");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let cache = Cache::in_memory("closed");
    let app = self::app(&cache);
    cache.close().await;
    assert_eq!(get(&app, "/health/live").await.status, StatusCode::OK, "a restart heals nothing");
    assert_eq!(get(&app, "/health/ready").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(get(&app, "/health").await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a58_the_document_is_what_health_pages_read_or_the_neutral_one() {
    let cache = Cache::in_memory("shop");
    cache
        .health_checks()
        .add("disk", Need::Quality, async || Finding::degraded("2 GiB free on secret-host"));
    let hidden = app(&cache);
    let answer = get(&hidden, "/health").await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (StatusCode::OK, "application/json")
    );
    assert_eq!(answer.json()["status"], "Degraded");
    assert_eq!(answer.json()["entries"]["disk"]["status"], "Degraded");
    assert!(!answer.text.contains("secret-host"), "details are off");
    let shown = app(Caches::from(&cache).details(true));
    let json = get(&shown, "/health").await.json();
    assert_eq!(json["entries"]["disk"]["description"], "2 GiB free on secret-host");
    for accept in ["application/health+json", "text/html, application/health+json;q=0.9"] {
        let request = Request::get("/health").header("accept", accept).body(Body::empty()).unwrap();
        let neutral = ask(&shown, request).await;
        assert_eq!(neutral.header("content-type"), "application/health+json");
        assert_eq!(neutral.json()["status"], "warn");
    }
}

#[tokio::test]
async fn of_several_caches_the_worst_decides_and_each_is_asked_by_its_name() {
    let (shop, mail) = (Cache::in_memory("shop"), Cache::in_memory("mail:eu"));
    mail.health_checks().add("disk", Need::Ready, async || Finding::unhealthy("full"));
    let app = app(&[&shop, &mail]);
    let all = get(&app, "/health").await;
    assert_eq!(
        (all.status, all.json()["status"].as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, Some("Unhealthy"))
    );
    assert_eq!(all.json()["entries"]["mail:eu/disk"]["status"], "Unhealthy");
    assert_eq!(get(&app, "/health/ready").await.status, StatusCode::SERVICE_UNAVAILABLE);
    for (path, expected) in [
        ("/ha/status", Ok("shop")),
        ("/ha/status?cache=mail%3Aeu", Ok("mail:eu")),
        (
            "/ha/status?cache=none",
            Err((StatusCode::NOT_FOUND, "expected one of `shop`, `mail:eu`")),
        ),
        ("/ha/status?node=1", Err((StatusCode::BAD_REQUEST, "expected `cache`"))),
        ("/ha/status?cache=%ff", Err((StatusCode::BAD_REQUEST, "percent-encoded"))),
    ] {
        let answer = get(&app, path).await;
        match expected {
            Ok(name) => assert_eq!(answer.json()["process"]["namespace"], name, "{path}"),
            Err((status, part)) => {
                assert_eq!(answer.status, status, "{path}");
                assert!(answer.text.contains(part), "{path}: {}", answer.text);
            }
        }
    }
    let text = get(&app, "/metrics").await.text;
    assert!(["shop", "mail:eu"].iter().all(|it| text.contains(&format!("cache=\"{it}\""))));
}

#[tokio::test]
async fn caches_are_asked_side_by_side() {
    let (shop, mail) = (Cache::in_memory("shop"), Cache::in_memory("mail"));
    // Neither finds anything before the other one is asked.
    let both = Arc::new(Barrier::new(2));
    for cache in [&shop, &mail] {
        let both = Arc::clone(&both);
        cache.health_checks().add("meets", Need::Ready, move || {
            let both = Arc::clone(&both);
            async move {
                both.wait().await;
                Finding::healthy("the other one is asked as well")
            }
        });
    }
    let app = app(&[&shop, &mail]);
    assert_eq!(get(&app, "/health/ready").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_was_not_found_out_is_no_entry_of_health_pages_and_null_in_the_document() {
    let cache = Cache::in_memory("shop");
    cache.health_checks().add("moon", Need::Ready, async || Finding::unknown("it is cloudy"));
    cache.health_checks().add("sun", Need::Ready, async || Finding::healthy("it shines"));
    let app = app(&cache);
    let page = get(&app, "/health").await;
    assert_eq!((page.status, &page.json()["status"]), (StatusCode::OK, &"Healthy".into()));
    let entries = page.json()["entries"].clone();
    assert_eq!(entries.as_object().unwrap().keys().collect::<Vec<_>>(), ["sun"]);
    let whole = get(&app, "/ha/status").await.json();
    assert!(whole["overallHealth"]["entries"]["moon"]["status"].is_null(), "{whole}");
    let metrics = get(&app, "/metrics").await.text;
    let status = |check: &str| format!("health_status{{cache=\"shop\",check=\"{check}\"}}");
    let is_told = ["sun", "moon"].map(|check| metrics.contains(&status(check)));
    assert_eq!(is_told, [true, false], "{metrics}");
}

#[tokio::test]
async fn a22_one_node_that_fails_is_an_entry_and_never_a_failed_request() {
    let backend = ChaosBackend::new(MemoryBackend::new(), 1);
    let chaos = backend.chaos();
    let cache = Cache::builder("shop").backend(backend).memory(Memory::default()).build().unwrap();
    let app = app(Caches::from(&cache).details(true));
    chaos.always(Fault::Error(Class::Unreachable));
    let answer = get(&app, "/ha/status").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["overallHealth"]["status"], "Degraded");
    let nodes = get(&app, "/redis/cluster/health").await;
    assert_eq!(nodes.status, StatusCode::OK);
    let listed = nodes.json()["clusterStatus"].as_array().unwrap().len();
    assert!(
        listed > 0
            && nodes.json().get("totalNodes").is_some()
            && nodes.json().get("connectedNodes").is_some()
    );
}

#[tokio::test]
async fn nothing_shown_holds_a_key_and_addresses_only_with_details() {
    let cache = Cache::builder("shop").backend(MemoryBackend::new()).build().unwrap();
    secret_of(&cache, "hunter2").await;
    cache.entry("hunter2").tags(["hunter2-tag"]).insert("hunter2-value".to_owned()).await.unwrap();
    for details in [false, true] {
        let app = app(Caches::from(&cache).details(details));
        for path in ["/health", "/ha/status", "/redis/cluster/health", "/metrics"] {
            let text = get(&app, path).await.text;
            assert!(!text.contains("hunter2"), "{path}: {text}");
        }
        let nodes = get(&app, "/redis/cluster/health").await.json();
        let expected = if details { "memory" } else { "node 1" };
        assert_eq!(nodes["clusterStatus"][0]["endpoint"], expected);
    }
}

#[tokio::test]
async fn a_router_of_another_state_takes_them_and_no_cache_is_no_panic() {
    let none: Vec<Cache> = Vec::new();
    let app: Router<u8> = Router::new().merge(status(none.clone())).nest("/health", health(none));
    let app = app.with_state(7);
    assert_eq!(get(&app, "/ha/status").await.status, StatusCode::NOT_FOUND);
    assert_eq!(get(&app, "/health").await.status, StatusCode::NOT_FOUND);
}
