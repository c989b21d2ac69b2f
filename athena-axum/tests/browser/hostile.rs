//! Names that are made to be read as something else, and scripts that are not the page's: `p1`.

use athena_cache::Cache;
use athena_cache_axum::dashboard;
use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde_json::json;

use crate::browser::Browser;
use crate::served::Served;

/// The page of the real router, on what is made up to harm it.
fn served(name: &str) -> Served {
    let cache = Cache::in_memory("shop");
    let sites = json!([{ "site": name, "calls": 3, "hits": 2, "stale": 0, "degraded": 0, "misses": 1, "joined": 0,
        "bypassed": 0, "failures": 0, "timeouts": 0, "refreshes": 0, "loadP50": null, "loadP99": 1.5 }]);
    let event = format!("event: sites\ndata: {sites}\n\n");
    Served::new(|| {
        let page = dashboard(&cache).into_router();
        let made_up = Router::new().route(
            "/made-up/api/live",
            get(move || async move { ([("content-type", "text/event-stream")], event) }),
        );
        Router::new()
            .nest("/athena", page.clone())
            .merge(made_up)
            .merge(framed())
            .route_service("/made-up", page_of(page))
    })
}

/// A page elsewhere that would show ours inside of it.
fn framed() -> Router {
    Router::new().route("/frame", get(async || Html("<iframe src=/athena></iframe>")))
}

/// The page alone, at another path.
fn page_of(page: Router) -> axum::routing::MethodRouter<(), std::convert::Infallible> {
    get(async move || {
        let request = axum::http::Request::get("/").body(axum::body::Body::empty()).unwrap();
        tower::ServiceExt::oneshot(page, request).await.unwrap()
    })
}

#[test]
fn p1_the_console_is_empty_and_nothing_else_is_asked_for() {
    let served = served("shop::product");
    let page = Browser::shared().page();
    page.open(&served.url("/athena"));
    page.wait("state.view && document.getElementById('live').innerText === 'Live'");
    assert_eq!(page.text("h1"), "shop");
    assert_eq!(page.console(), [""; 0]);
    let own = served.url("/athena");
    let foreign: Vec<_> = page
        .requests()
        .into_iter()
        .filter(|url| !url.starts_with(&own) && url != "about:blank")
        .collect();
    assert_eq!(foreign, [""; 0]);
}

#[test]
fn p1_an_injected_script_is_refused() {
    let served = served("shop::product");
    let page = Browser::shared().page();
    page.open(&served.url("/athena"));
    page.wait("state.view");
    let refused = |script: &str| {
        page.eval(&format!("(() => {{ try {{ {script}; return 'done'; }} catch (error) {{ return error.name; }} }})()"))
    };
    assert_eq!(refused("document.body.innerHTML = '<b>x</b>'"), "TypeError");
    let add = "const it = document.createElement('script'); it.append('window.harmed = true'); document.body.append(it)";
    assert_eq!(refused(add), "done");
    assert_eq!(page.eval("window.harmed ?? null"), serde_json::Value::Null);
    assert_eq!(
        page.eval("fetch('https://example.com/').then(() => 'sent', () => 'refused')"),
        "refused"
    );
    let style = "const it = document.createElement('div'); it.setAttribute('style', 'color: red'); document.body.append(it); return it.style.length";
    assert_eq!(refused(style), 0, "no style but the page's own");
    assert!(
        page.console().iter().any(|it| it.contains("Content Security Policy")),
        "the browser says so"
    );
    page.open(&served.url("/frame"));
    page.wait("document.querySelector('iframe')");
    let inside = "(() => { try { return frames[0].document.title; } catch (error) { return error.name; } })()";
    page.wait(&format!("{inside} === 'SecurityError'"));
}

#[test]
fn p1_a_name_is_a_text_whatever_it_looks_like() {
    for name in ["<img src=x onerror=window.harmed=1>".to_owned(), "x".repeat(10_000)] {
        let served = served(&name);
        let page = Browser::shared().page();
        page.open(&served.url("/made-up"));
        page.wait("document.querySelector('#sites tbody th')");
        let shown = page.text("#sites tbody th");
        assert!(name.starts_with(shown.trim_end_matches('…')) && shown.len() > 20, "{shown}");
        assert_eq!(page.eval("[document.images.length, window.harmed ?? null]"), json!([0, null]));
        page.size(320, 800);
        assert_eq!(page.eval("document.documentElement.scrollWidth"), 320);
    }
}
