//! What may be done on the page, and who is refused: `p6`.

use athena_cache::{Cache, OccurrenceKind};
use athena_cache_axum::{Actor, dashboard};
use axum::Router;
use axum::response::Html;
use axum::routing::get;

use crate::browser::Browser;
use crate::many::ManyNodes;
use crate::served::Served;

#[test]
fn p6_without_a_guard_nothing_on_the_page_acts() {
    let cache = Cache::in_memory("shop");
    let served = Served::new(|| Router::new().nest("/athena", dashboard(&cache).into_router()));
    let page = Browser::shared().page();
    page.open(&served.url("/athena"));
    page.wait("state.view && document.getElementById('live').innerText === 'Live'");
    assert_eq!(
        page.eval(
            "[...document.querySelectorAll('button')].filter(it => it.closest('#todo')).length"
        ),
        0
    );
    let sent = "fetch('/athena/actions/resume', { method: 'POST', headers: { 'content-type': 'application/json', 'x-athena-action': 'resume' }, body: '{\"cache\":\"shop\"}' }).then(it => it.status)";
    assert_eq!(page.eval(sent), 404);
}

#[test]
fn p6_with_a_guard_the_name_is_asked_for_and_a_forged_request_is_refused() {
    let cache = Cache::builder("shop").backend(ManyNodes::new(1)).build().unwrap();
    let page_router = dashboard(&cache).actions(|_| Ok(Actor::new("ada")));
    let served = Served::new(|| Router::new().nest("/athena", page_router.into_router()));
    let elsewhere = Served::new(|| Router::new().route("/", get(async || Html("<form></form>"))));
    let page = Browser::shared().page();
    page.open(&served.url("/athena"));
    page.wait("[...document.querySelectorAll('#todo button')].length === 6");
    page.eval("document.querySelectorAll('#todo button').values().find(it => it.innerText === 'Isolate…').focus()");
    page.key("Enter");
    page.wait("document.querySelector('dialog[open]')");
    assert_eq!(
        page.eval("document.querySelector('dialog .do').disabled"),
        true,
        "not before the name is there"
    );
    page.key("Tab");
    page.write("shop");
    page.wait("!document.querySelector('dialog .do').disabled");
    page.key("Enter");
    page.wait("document.querySelector('dialog [role=alert]').innerText.startsWith('isolated')");
    page.key("Escape");
    page.wait("[...document.querySelectorAll('#events li')].some(it => it.innerText.includes('isolate') && it.innerText.includes('action'))");
    page.wait("state.view.glance.sentence.startsWith('Redis is left alone on purpose')");
    let acted = |cache: &Cache| {
        cache
            .timeline()
            .into_iter()
            .filter(|it| it.kind == OccurrenceKind::Action)
            .map(|it| it.actor)
            .collect::<Vec<_>>()
    };
    assert_eq!(acted(&cache), [Some("ada".to_owned())]);

    page.open(&elsewhere.url("/"));
    let send = |kind: &str, headers: &str| {
        let url = served.url("/athena/actions/resume");
        page.eval(&format!("fetch({url:?}, {{ method: 'POST', mode: {kind:?}, headers: {headers}, body: '{{\"cache\":\"shop\"}}' }}).then(it => it.type, () => 'refused')"))
    };
    assert_eq!(
        send("cors", "{ 'content-type': 'application/json', 'x-athena-action': 'resume' }"),
        "refused"
    );
    assert_eq!(
        send("no-cors", "{}"),
        "opaque",
        "it is sent, and what comes back is nobody's business"
    );
    assert_eq!(acted(&cache).len(), 1, "and nothing was done");
}
