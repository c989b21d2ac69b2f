//! What is wrong with servers, on the page: what the doctor finds, for those who may know.

use std::time::Duration;

use athena_cache::{Cache, OccurrenceKind};
use athena_cache_axum::{Actor, Caches, dashboard};
use athena_cache_observe::doctor::{Diagnosis, Facts};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures_util::future::join_all;

use crate::asked::{Answer, ask};
use crate::many::ManyNodes;

fn app(cache: &Cache, details: bool) -> Router {
    let page = dashboard(Caches::from(cache).details(details)).actions(|_| Ok(Actor::new("ada")));
    Router::new().nest("/athena", page.into_router())
}

async fn examine(app: &Router, body: &str) -> Answer {
    let request = Request::post("/athena/actions/examine")
        .header("content-type", "application/json")
        .header("x-athena-action", "examine");
    ask(app, request.body(Body::from(body.to_owned())).unwrap()).await
}

async fn examine_shop(app: &Router) -> serde_json::Value {
    let answer = examine(app, r#"{"cache":"shop"}"#).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    answer.json()
}

fn shop() -> (Cache, ManyNodes) {
    let nodes = ManyNodes::new(3);
    (Cache::builder("shop").backend(nodes.clone()).build().unwrap(), nodes)
}

#[tokio::test]
async fn what_the_doctor_finds_is_on_the_page_with_the_line_to_change() {
    let (cache, nodes) = shop();
    nodes.stop(1);
    let app = app(&cache, true);
    let told = examine_shop(&app).await;
    assert_eq!((&told["done"], &told["text"]), (&true.into(), &"faults: 1, warnings: 0".into()));
    let [finding] = &told["diagnosis"]["findings"].as_array().unwrap()[..] else {
        panic!("{told}")
    };
    assert_eq!((&finding["check"], &finding["level"]), (&"reached".into(), &"fault".into()));
    assert!(finding["fix"].as_str().unwrap().starts_with("start it"), "{finding}");
    assert!(!told["diagnosis"]["unknown"].as_array().unwrap().is_empty(), "no names are listed");
    // To the letter: there is one set of rules.
    let operator = cache.operator().unwrap();
    let facts = Facts::ask(&*operator, "shop", Duration::from_secs(2)).await;
    let mut said = told["diagnosis"].clone();
    said.as_object_mut().unwrap().remove("agoMs").expect("how old it is");
    assert_eq!(said, serde_json::to_value(Diagnosis::of(&facts)).unwrap());
    let acted: Vec<_> =
        cache.timeline().into_iter().filter(|it| it.kind == OccurrenceKind::Action).collect();
    assert_eq!((acted.len(), acted[0].actor.as_deref()), (1, Some("ada")));
    assert_eq!(acted[0].text, "examine the servers");
    let wrong = examine(&app, r#"{"cache":"shop","all":true}"#).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn without_details_or_without_a_guard_nobody_is_examined() {
    let (cache, nodes) = shop();
    let unguarded = dashboard(Caches::from(&cache).details(true));
    let unguarded = Router::new().nest("/athena", unguarded.into_router());
    for app in [app(&cache, false), unguarded] {
        let answer = examine(&app, r#"{"cache":"shop"}"#).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(nodes.examined(), 0);
}

#[tokio::test(start_paused = true)]
async fn servers_are_examined_once_for_all_who_ask_within_ten_seconds() {
    let (cache, nodes) = shop();
    let app = app(&cache, true);
    let all = join_all((0..10).map(|_| examine_shop(&app))).await;
    assert!(all.iter().all(|told| told["diagnosis"]["agoMs"] == 0), "{all:?}");
    assert_eq!(nodes.examined(), 1);
    tokio::time::advance(Duration::from_millis(9_500)).await;
    assert_eq!(examine_shop(&app).await["diagnosis"]["agoMs"], 9_500);
    assert_eq!(nodes.examined(), 1);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(examine_shop(&app).await["diagnosis"]["agoMs"], 0);
    assert_eq!(nodes.examined(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_asks_is_told_in_time_what_could_not_be_found_out() {
    let (cache, nodes) = shop();
    nodes.fall_silent();
    let app = app(&cache, true);
    let at = tokio::time::Instant::now();
    let all = join_all((0..3).map(|_| examine_shop(&app))).await;
    assert!(at.elapsed() < Duration::from_secs(7), "{:?}", at.elapsed());
    for told in all {
        assert_eq!((&told["done"], &told["text"]), (&false.into(), &"no answer in 6s".into()));
        assert_eq!(told.get("diagnosis"), None);
    }
    assert_eq!(nodes.examined(), 1);
}

#[tokio::test]
async fn where_nobody_can_be_asked_it_is_said_why() {
    let (cache, nodes) = shop();
    cache.isolate(Duration::from_secs(60));
    let told = examine_shop(&app(&cache, true)).await;
    assert_eq!(told["text"], "nobody is asked: Redis is isolated, end that first");
    assert_eq!(nodes.examined(), 0);
    let alone = Cache::in_memory("shop");
    assert_eq!(alone.operator().map(drop), None);
    assert_eq!(examine_shop(&app(&alone, true)).await["text"], "this cache has no backend");
}
