//! What the page says is so: of caches without a backend, of users without tracking, of calls that Redis fails.

use std::time::Duration;

use athena_cache::Cache;
use athena_cache::backend::{Ability, Class};
use athena_cache::testing::{ChaosBackend, Fault, MemoryBackend};
use athena_cache_axum::{Caches, dashboard};
use axum::Router;
use tokio::time::sleep;

use crate::browser::{Browser, Page};
use crate::served::Served;

fn page_of(cache: &Cache) -> (Served, Page) {
    let shown = dashboard(Caches::from(cache).details(true));
    let served = Served::new(|| Router::new().nest("/athena", shown.into_router()));
    let page = Browser::shared().page();
    page.open(&served.url("/athena"));
    page.wait("state.view && document.querySelector('#safety .big')");
    (served, page)
}

fn says(page: &Page, part: &str, expected: &[&str], not: &[&str]) {
    let text = page.text(part);
    assert!(expected.iter().all(|it| text.contains(it)), "{part}: {text}");
    assert!(!not.iter().any(|it| text.contains(it)), "{part}: {text}");
}

#[test]
fn nothing_is_said_of_a_redis_that_is_not_there() {
    let (_served, page) = page_of(&Cache::in_memory("shop"));
    let safety = ["There is no Redis that they would have to reach.", "On its own"];
    says(&page, "#safety", &safety, &["All have reached", "waits for Redis"]);
    says(&page, "#figures", &["there is none"], &["no caller got an error"]);
    says(&page, "#sentence", &["Memory alone serves"], &[]);
}

#[test]
fn a_user_without_tracking_is_as_somebody_has_set_it_up() {
    let backend = ChaosBackend::new(MemoryBackend::new(), 1);
    backend.chaos().withhold(&[Ability::Announce]);
    let (_served, page) = page_of(&Cache::builder("shop").backend(backend).build().unwrap());
    page.wait("state.view.glance.level === 'calm'");
    says(&page, "#safety", &["For moments", "None waits for Redis."], &["Not trusted"]);
    says(&page, "#nodes", &["announces no changes", "serves"], &["does not allow", "not trusted"]);
    says(&page, "#answers", &["There is nothing to heal."], &["as soon as Redis announces"]);
}

#[test]
fn callers_who_got_an_error_of_redis_are_hurt_and_counted() {
    let backend = ChaosBackend::new(MemoryBackend::new(), 1);
    let chaos = backend.chaos();
    let cache = Cache::builder("shop").backend(backend).build().unwrap();
    let (served, page) = page_of(&cache);
    says(&page, "#figures", &["no caller got an error"], &[]);
    chaos.always(Fault::Error(Class::Unreachable));
    served.runtime.spawn(async move {
        for id in 0_u64.. {
            let load = async || Ok::<u64, athena_cache::Error>(id);
            let _ = cache.entry(format!("strict:{id}")).fail_fast().get_or_load(load).await;
            let _ = cache.entry(format!("plain:{id}")).get_or_load(load).await;
            sleep(Duration::from_millis(5)).await;
        }
    });
    page.wait("state.view.glance.callers.text.startsWith('Yes')");
    page.wait("document.getElementById('figures').innerText.includes('of calls')");
    says(&page, "#answers", &["get an error, since Redis cannot answer"], &["None got"]);
    says(&page, "#sentence", &["callers are hurt"], &[]);
    page.wait("document.getElementById('traffic').innerText.includes('failed by Redis')");
    assert_eq!(page.console(), [""; 0]);
}
