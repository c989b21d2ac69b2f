//! What the calls of a request came to, in its response.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::{ChaosBackend, Fault, ManualClock, MemoryBackend};
use athena_cache::{Cache, CacheOutcomes, athena_cache};
use athena_cache_axum::CacheLayer;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use axum::routing::get;
use tokio::sync::Notify;
use tower::{Layer, Service, ServiceExt, service_fn};

#[athena_cache(ttl = "10s", grace = "1h", name = "layer::price", skip(down), cache = cache)]
async fn price(cache: &Cache, id: u8, down: bool) -> Result<u8, &'static str> {
    if down { Err("down") } else { Ok(id) }
}

fn world() -> (Cache, ManualClock) {
    let clock = ManualClock::new();
    (Cache::builder("layer").clock(&clock).build().unwrap(), clock)
}

/// The response of a service that makes these calls, under a layer.
async fn answered<F: Future>(layer: CacheLayer, calls: impl Fn() -> F) -> Response<()> {
    let service = service_fn(|_: Request<()>| {
        let calls = calls();
        async {
            calls.await;
            Ok::<_, Infallible>(Response::new(()))
        }
    });
    layer.layer(service).oneshot(Request::new(())).await.unwrap()
}

fn said(headers: &HeaderMap) -> [&str; 2] {
    ["x-athena-cache", "age"].map(|name| headers.get(name).map_or("", |it| it.to_str().unwrap()))
}

#[tokio::test]
async fn the_headers_tell_the_worst_and_the_oldest() {
    let (cache, clock) = world();
    let layer = CacheLayer::new().worst_outcome().age();
    let none = answered(layer, || ready(())).await;
    assert_eq!(said(none.headers()), ["", ""], "no call");
    let miss = answered(layer, || price(&cache, 1, false)).await;
    assert_eq!(said(miss.headers()), ["MISS", ""]);
    clock.advance(Duration::from_secs(4));
    let hit = answered(layer, || price(&cache, 1, false)).await;
    assert_eq!(said(hit.headers()), ["HIT", "4"]);
    assert_eq!(hit.extensions().get::<CacheOutcomes>().unwrap().fresh, 1);
    let two = answered(layer, || async {
        let _ = (price(&cache, 1, false).await, price(&cache, 2, false).await);
    });
    assert_eq!(said(two.await.headers()), ["MISS", ""], "one of two was loaded");
    clock.advance(Duration::from_secs(36));
    let stale = answered(layer, || price(&cache, 1, true)).await;
    assert_eq!(said(stale.headers()), ["STALE", "40"]);
    cache.close().await;
    let closed = answered(layer, || price(&cache, 1, false)).await;
    assert_eq!(said(closed.headers()), ["BYPASS", ""]);
}

#[tokio::test]
async fn headers_are_the_services_own_unless_they_are_asked_for() {
    let (cache, _) = world();
    for _ in 0..2 {
        let answer = answered(CacheLayer::new(), || price(&cache, 1, false)).await;
        assert!(answer.headers().is_empty(), "{:?}", answer.headers());
    }
    let answer = answered(CacheLayer::new(), || price(&cache, 1, false)).await;
    assert_eq!(answer.extensions().get::<CacheOutcomes>().unwrap().fresh, 1, "for other layers");
    let worst = answered(CacheLayer::new().worst_outcome(), || price(&cache, 1, false)).await;
    assert_eq!(said(worst.headers()), ["HIT", ""]);
    let age = answered(CacheLayer::new().age(), || price(&cache, 1, false)).await;
    assert_eq!(said(age.headers()), ["", "0"]);
}

#[athena_cache(ttl = "10s", name = "layer::strict", fallback = FailFast, cache = cache)]
async fn strict(cache: &Cache, id: u8) -> Result<u8, athena_cache::Error> {
    Ok(id)
}

#[tokio::test]
async fn a_call_that_got_an_error_of_the_cache_is_the_worst() {
    let backend = ChaosBackend::new(MemoryBackend::new(), 1);
    let chaos = backend.chaos();
    let cache = Cache::builder("layer").backend(backend).build().unwrap();
    chaos.always(Fault::Error(Class::Unreachable));
    let layer = CacheLayer::new().worst_outcome().age().cache_status();
    let answer = answered(layer, || async { strict(&cache, 1).await.unwrap_err() }).await;
    assert_eq!(said(answer.headers()), ["ERROR", ""]);
    assert_eq!(answer.headers()["cache-status"], "athena; detail=unavailable");
    let outcomes = answer.extensions().get::<CacheOutcomes>().unwrap();
    assert_eq!((outcomes.failed, outcomes.calls()), (1, 1));
}

#[tokio::test]
async fn what_is_asked_for_is_told_besides() {
    let (cache, clock) = world();
    let layer = CacheLayer::new().cache_status().server_timing();
    let status =
        |response: &Response<()>| response.headers()["cache-status"].to_str().unwrap().to_owned();
    let miss = answered(layer, || price(&cache, 1, false)).await;
    assert_eq!(status(&miss), "athena; fwd=miss");
    let hit = answered(layer, || price(&cache, 1, false)).await;
    assert_eq!(status(&hit), "athena; hit");
    assert_eq!(hit.headers()["server-timing"], "athena;desc=\"1 call, 1 hit\"");
    clock.advance(Duration::from_secs(20));
    let stale = answered(layer, || price(&cache, 1, true)).await;
    assert_eq!(status(&stale), "athena; fwd=stale");
    let names: Vec<_> = stale.headers().keys().map(axum::http::HeaderName::as_str).collect();
    assert_eq!(names, ["cache-status", "server-timing"], "and nothing else");
}

#[tokio::test]
async fn those_who_join_a_load_say_so() {
    let (cache, go) = (Cache::in_memory("layer"), Notify::new());
    let layer = CacheLayer::new().worst_outcome().cache_status();
    let call = || async {
        let load = async || {
            go.notified().await;
            Ok::<_, Infallible>(1_u8)
        };
        cache.entry("slow").get_or_load(load).await
    };
    let (first, second, ()) = tokio::join!(answered(layer, call), answered(layer, call), async {
        tokio::task::yield_now().await;
        go.notify_one();
    });
    assert_eq!(first.headers()["cache-status"], "athena; fwd=miss");
    assert_eq!(second.headers()["cache-status"], "athena; fwd=miss; collapsed");
    assert_eq!(said(second.headers()), ["MISS", ""]);
}

#[tokio::test]
async fn a_spawned_task_is_not_of_the_request() {
    let (cache, _clock) = world();
    let apart = answered(CacheLayer::new(), || {
        let cache = cache.clone();
        async move { tokio::spawn(async move { price(&cache, 1, false).await }).await }
    });
    assert_eq!(said(apart.await.headers()), ["", ""]);
}

#[tokio::test]
async fn a_handler_has_the_last_word_and_an_error_tells_as_well() {
    let (cache, _clock) = world();
    let own = async |State(cache): State<Cache>| {
        let _ = price(&cache, 1, false).await;
        ([("x-athena-cache", "OURS"), ("age", "7")], StatusCode::INTERNAL_SERVER_ERROR, "no")
    };
    let failed = async |State(cache): State<Cache>| {
        let _ = price(&cache, 2, true).await;
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let mut app = Router::new()
        .route(
            "/own",
            get(async move |cache| {
                let (h, s, b) = own(cache).await;
                (s, h, b)
            }),
        )
        .route("/failed", get(failed))
        .layer(CacheLayer::new().worst_outcome().age())
        .with_state(cache);
    let mut ask = async |path: &str| {
        let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
        app.call(request).await.unwrap()
    };
    let own = ask("/own").await;
    assert_eq!(
        (said(own.headers()), own.status()),
        (["OURS", "7"], StatusCode::INTERNAL_SERVER_ERROR)
    );
    assert_eq!(said(ask("/failed").await.headers()), ["MISS", ""]);
    assert_eq!(ask("/nowhere").await.status(), StatusCode::NOT_FOUND);
}
