//! Whom an action does not obey: what may be forged, and whom the guard does not let in.

use std::sync::atomic::Ordering;

use athena_cache::BreakerState;
use axum::body::Body;
use axum::http::{Request, StatusCode};

use crate::actions::World;
use crate::asked::{ask, get};

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
    let with_charset = ("content-type", "Application/JSON; charset=utf-8");
    assert_eq!(
        world.send("isolate", &[with_charset, action], body).await.status,
        StatusCode::ACCEPTED
    );
    // HTTP/2 has the host in its target.
    for (target, status) in [
        ("https://ops.example/athena/actions/isolate", StatusCode::ACCEPTED),
        ("https://other.example/athena/actions/isolate", StatusCode::FORBIDDEN),
    ] {
        let request = [json, action, own_origin]
            .into_iter()
            .fold(Request::post(target), |request, (name, value)| request.header(name, value));
        let answer = ask(&world.app, request.body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.status, status, "{target}: {}", answer.text);
    }
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
