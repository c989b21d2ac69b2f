//! What acts, and whom it does not obey.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use athena_cache::testing::MemoryBackend;
use athena_cache::{BreakerState, Cache, OccurrenceKind};
use athena_cache_axum::{Actor, dashboard};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};

use crate::asked::{Answer, ask, get};

struct World {
    cache: Cache,
    app: Router,
    /// How often the guard was asked.
    asked: Arc<AtomicUsize>,
}

impl World {
    fn new() -> Self {
        Self::guarded(|| Ok(Actor::new("ada")))
    }

    fn guarded(guard: impl Fn() -> Result<Actor, StatusCode> + Send + Sync + 'static) -> Self {
        let cache = Cache::builder("shop").backend(MemoryBackend::new()).build().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let page = dashboard(&cache).actions(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            guard()
        });
        Self { app: Router::new().nest("/athena", page.into_router()), cache, asked }
    }

    async fn act(&self, action: &str, body: &str) -> Answer {
        self.send(
            action,
            &[("content-type", "application/json"), ("x-athena-action", action)],
            body,
        )
        .await
    }

    async fn send(&self, action: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::post(format!("/athena/actions/{action}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        ask(&self.app, request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// What stands in the timeline as done.
    fn acted(&self) -> Vec<(String, Option<String>)> {
        let acted =
            self.cache.timeline().into_iter().filter(|it| it.kind == OccurrenceKind::Action);
        acted.map(|it| (it.text, it.actor)).collect()
    }
}

#[tokio::test]
async fn what_is_done_is_done_by_somebody_and_stands_in_the_timeline() {
    let world = World::new();
    let cache = &world.cache;
    cache.entry("a").tags(["all"]).insert(1_u8).await.unwrap();
    cache.entry("b").tags(["all"]).insert(1_u8).await.unwrap();
    let answer = world.act("invalidate", r#"{"cache":"shop","what":"entry","name":"a"}"#).await;
    assert_eq!((answer.status, &answer.json()["done"]), (StatusCode::ACCEPTED, &true.into()));
    assert_eq!(cache.entry("a").get::<u8>().await.unwrap(), None);
    assert_eq!(cache.entry("b").get::<u8>().await.unwrap(), Some(1));
    world.act("invalidate", r#"{"cache":"shop","what":"tag","name":"all"}"#).await;
    assert_eq!(cache.entry("b").get::<u8>().await.unwrap(), None);
    cache.entry("c").insert(1_u8).await.unwrap();
    world.act("invalidate", r#"{"cache":"shop","what":"everything","confirm":"shop"}"#).await;
    assert_eq!(cache.entry("c").get::<u8>().await.unwrap(), None);
    world.act("isolate", r#"{"cache":"shop","seconds":60}"#).await;
    assert_eq!(cache.breaker(), Some(BreakerState::Isolated));
    world.act("resume", r#"{"cache":"shop"}"#).await;
    assert_ne!(cache.breaker(), Some(BreakerState::Isolated));
    let acted = world.acted();
    assert_eq!(acted.len(), 5);
    assert!(
        acted.iter().all(|(text, actor)| actor.as_deref() == Some("ada") && !text.contains("all")),
        "{acted:?}"
    );
}

#[tokio::test]
async fn connections_are_made_anew_unless_redis_is_left_alone_on_purpose() {
    let store = MemoryBackend::new();
    let cache = Cache::builder("shop").backend(store.clone()).build().unwrap();
    let page = dashboard(&cache).actions(|_| Ok(Actor::new("ada")));
    let app = Router::new().nest("/athena", page.into_router());
    let world = World { app, cache, asked: Arc::default() };
    let replaced = || world.cache.stats().reconnects;
    let answer = world.act("reconnect", r#"{"cache":"shop"}"#).await;
    assert_eq!((answer.status, &answer.json()["done"]), (StatusCode::ACCEPTED, &true.into()));
    assert_eq!(replaced(), 1);
    world.cache.isolate(std::time::Duration::from_secs(60));
    let answer = world.act("reconnect", r#"{"cache":"shop"}"#).await;
    assert_eq!(&answer.json()["done"], &serde_json::Value::from(false), "{}", answer.text);
    assert_eq!((replaced(), world.cache.breaker()), (1, Some(BreakerState::Isolated)));
    let answer = world.act("reconnect", r#"{"cache":"shop","now":true}"#).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn an_entry_is_looked_at_and_what_it_holds_is_not_shown() {
    let world = World::new();
    let entry = world.cache.entry("user:secret").ttl(std::time::Duration::from_secs(60));
    entry.tags(["tag:secret"]).insert("the secret value".to_owned()).await.unwrap();
    world.cache.settle().await;
    let look = async |name: &str| {
        let body = format!(r#"{{"cache":"shop","name":"{name}"}}"#);
        let answer = world.act("look", &body).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
        assert!(
            !answer.text.contains("secret") && !answer.text.contains("memory"),
            "{}",
            answer.text
        );
        answer.json()
    };
    let json = look("user:secret").await;
    let found = &json["found"]["values"][0];
    assert_eq!((&json["done"], &found["envelope"]["kind"]), (&true.into(), &"value".into()));
    assert_eq!(
        (&found["envelope"]["ttlMs"], &found["envelope"]["tags"]),
        (&60_000.into(), &1.into())
    );
    assert!(json["text"].as_str().unwrap().starts_with("one value: "), "{json}");
    assert_eq!(look("user:none").await["text"], "nothing is stored");
    assert_eq!(look("f:a{secret").await["text"], "it is no key");
    world.cache.isolate(std::time::Duration::from_secs(60));
    assert_eq!(look("user:secret").await["done"], false, "nothing is sent");
    assert_eq!(world.acted().len(), 4, "who looks is told");
    let answer = world.act("look", r#"{"cache":"shop"}"#).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn what_may_be_forged_is_refused_before_anybody_is_asked() {
    let world = World::new();
    let (json, action) = (("content-type", "application/json"), ("x-athena-action", "isolate"));
    let (host, own_origin) = (("host", "ops.example"), ("origin", "https://ops.example"));
    let body = r#"{"cache":"shop","seconds":60}"#;
    for (headers, status) in [
        (&[json] as &[_], StatusCode::FORBIDDEN),
        (&[json, ("x-athena-action", "resume")], StatusCode::FORBIDDEN),
        (&[json, action, ("x-athena-action", "isolate")], StatusCode::FORBIDDEN),
        (&[json, action, ("sec-fetch-site", "cross-site")], StatusCode::FORBIDDEN),
        (&[json, action, ("sec-fetch-site", "same-site")], StatusCode::FORBIDDEN),
        (&[json, action, ("sec-fetch-site", "none")], StatusCode::FORBIDDEN),
        (&[json, action, host, ("origin", "https://evil.test")], StatusCode::FORBIDDEN),
        (&[json, action, host, ("origin", "https://ops.example:8443")], StatusCode::FORBIDDEN),
        (&[json, action, host, ("origin", "null")], StatusCode::FORBIDDEN),
        (&[json, action, host, own_origin, own_origin], StatusCode::FORBIDDEN),
        // Whatever else it says: a proxy in front of us may have answered a preflight.
        (
            &[
                json,
                action,
                host,
                ("sec-fetch-site", "same-origin"),
                ("origin", "http://evil.test"),
            ],
            StatusCode::FORBIDDEN,
        ),
        (&[json, action, own_origin], StatusCode::FORBIDDEN),
        (&[action], StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (
            &[action, ("content-type", "application/x-www-form-urlencoded")],
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (&[action, ("content-type", "text/plain")], StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        let answer = world.send("isolate", headers, body).await;
        assert_eq!(answer.status, status, "{headers:?}: {}", answer.text);
    }
    assert_eq!(world.asked.load(Ordering::SeqCst), 0);
    assert_eq!((world.acted(), world.cache.breaker()), (vec![], Some(BreakerState::Closed)));
    let own = [json, action, ("sec-fetch-site", "same-origin")];
    assert_eq!(world.send("isolate", &own, body).await.status, StatusCode::ACCEPTED);
    let own = [json, action, host, own_origin];
    assert_eq!(world.send("isolate", &own, body).await.status, StatusCode::ACCEPTED);
    let read = get(&world.app, "/athena/actions/isolate").await;
    assert_eq!(read.status, StatusCode::METHOD_NOT_ALLOWED, "a link does nothing");
    let preflight =
        Request::options("/athena/actions/isolate").header("origin", "http://evil.example");
    let preflight = ask(&world.app, preflight.body(Body::empty()).unwrap()).await;
    assert_eq!(preflight.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn a_guard_has_the_last_word() {
    for (said, expected) in [
        (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED),
        (StatusCode::FORBIDDEN, StatusCode::FORBIDDEN),
        (StatusCode::OK, StatusCode::FORBIDDEN),
    ] {
        let world = World::guarded(move || Err(said));
        let answer = world.act("isolate", r#"{"cache":"shop","seconds":60}"#).await;
        assert_eq!(answer.status, expected);
        assert_eq!((world.acted(), world.cache.breaker()), (vec![], Some(BreakerState::Closed)));
    }
}

#[tokio::test]
async fn a_body_says_exactly_what_is_meant_or_nothing_is_done() {
    let world = World::new();
    world.cache.entry("a").insert(1_u8).await.unwrap();
    let long = format!(r#"{{"cache":"shop","what":"entry","name":"{}"}}"#, "n".repeat(1_025));
    let huge = format!(r#"{{"cache":"shop","what":"entry","name":"{}"}}"#, "n".repeat(5_000));
    for (action, body, status, part) in [
        ("invalidate", "", StatusCode::UNPROCESSABLE_ENTITY, "expected"),
        ("invalidate", "[]", StatusCode::UNPROCESSABLE_ENTITY, "expected"),
        (
            "invalidate",
            r#"{"cache":"shop","what":"everything"}"#,
            StatusCode::UNPROCESSABLE_ENTITY,
            "confirm",
        ),
        (
            "invalidate",
            r#"{"cache":"shop","what":"everything","confirm":"Shop"}"#,
            StatusCode::UNPROCESSABLE_ENTITY,
            "confirm",
        ),
        (
            "invalidate",
            r#"{"cache":"shop","what":"entry","name":""}"#,
            StatusCode::UNPROCESSABLE_ENTITY,
            "empty",
        ),
        (
            "invalidate",
            r#"{"cache":"shop","what":"entry","name":"a","more":1}"#,
            StatusCode::UNPROCESSABLE_ENTITY,
            "expected",
        ),
        ("invalidate", &long, StatusCode::UNPROCESSABLE_ENTITY, "1024"),
        ("invalidate", &huge, StatusCode::PAYLOAD_TOO_LARGE, "4 KiB"),
        (
            "invalidate",
            r#"{"cache":"mail","what":"entry","name":"a"}"#,
            StatusCode::NOT_FOUND,
            "`shop`",
        ),
        (
            "isolate",
            r#"{"cache":"shop","seconds":0}"#,
            StatusCode::UNPROCESSABLE_ENTITY,
            "1 to 3600",
        ),
        (
            "isolate",
            r#"{"cache":"shop","seconds":3601}"#,
            StatusCode::UNPROCESSABLE_ENTITY,
            "1 to 3600",
        ),
        (
            "isolate",
            r#"{"cache":"shop","seconds":-1}"#,
            StatusCode::UNPROCESSABLE_ENTITY,
            "1 to 3600",
        ),
        ("resume", r#"{"cache":"shop","seconds":1}"#, StatusCode::UNPROCESSABLE_ENTITY, "expected"),
    ] {
        let answer = world.act(action, body).await;
        assert_eq!(answer.status, status, "{action} {body}: {}", answer.text);
        assert!(answer.text.contains(part), "{action} {body}: {}", answer.text);
    }
    assert_eq!((world.acted(), world.cache.breaker()), (vec![], Some(BreakerState::Closed)));
    assert_eq!(world.cache.entry("a").get::<u8>().await.unwrap(), Some(1));
}
