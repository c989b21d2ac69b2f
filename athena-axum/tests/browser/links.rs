//! How the page hears of changes, and what it does if nothing comes: `p5`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use athena_cache::Cache;
use athena_cache_axum::dashboard;
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};

use crate::browser::Browser;
use crate::served::Served;

#[test]
fn p5_it_asks_where_no_events_come_and_hears_again_as_soon_as_they_do() {
    let [events, service] = [true, true].map(|it| Arc::new(AtomicBool::new(it)));
    let (lets_events, answers) = (Arc::clone(&events), Arc::clone(&service));
    let cut = move |request: Request, next: Next| {
        let is_live = request.uri().path().ends_with("/live");
        let passes =
            answers.load(Ordering::SeqCst) && (lets_events.load(Ordering::SeqCst) || !is_live);
        async move {
            let refused = || StatusCode::BAD_GATEWAY.into_response();
            let response: Response = if passes { next.run(request).await } else { refused() };
            response
        }
    };
    let cache = Cache::in_memory("shop");
    events.store(false, Ordering::SeqCst);
    let served = Served::new(|| {
        Router::new().nest("/athena", dashboard(&cache).into_router()).layer(from_fn(cut))
    });
    let page = Browser::shared().page();
    page.open(&served.url("/athena"));
    page.wait("document.getElementById('live').innerText === 'Asking every 2 s'");
    assert_eq!(page.text("h1"), "shop");
    events.store(true, Ordering::SeqCst);
    // Tried again at most 10 s later; a test need not wait for that.
    page.eval("link.back = 0");
    page.wait("document.getElementById('live').innerText === 'Live'");
    assert_eq!(page.eval("link.timer"), serde_json::Value::Null, "it asks no more");
    service.store(false, Ordering::SeqCst);
    page.eval("listen()");
    page.wait("document.getElementById('live').innerText.startsWith('No answer since ')");
    assert_eq!(page.text("h1"), "shop", "what was known stays");
    service.store(true, Ordering::SeqCst);
    page.wait("['Live', 'Asking every 2 s'].includes(document.getElementById('live').innerText)");
    page.eval("Object.defineProperty(document, 'hidden', { value: true, configurable: true }); document.dispatchEvent(new Event('visibilitychange'))");
    page.wait("document.getElementById('live').innerText === 'Paused'");
    assert_eq!(
        page.eval("[link.source, link.timer]"),
        serde_json::json!([null, null]),
        "a hidden page asks nothing"
    );
    let asked = page.requests().len();
    page.eval("new Promise(done => setTimeout(done, 2500))");
    assert_eq!(page.requests().len(), asked);
    page.eval("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))");
    page.wait("document.getElementById('live').innerText === 'Live'");
}
