//! The processes that share a namespace, on the page: `p7`.

use std::time::Duration;

use athena_cache::testing::MemoryBackend;
use athena_cache::{Cache, Settings};
use athena_cache_axum::dashboard;
use axum::Router;

use crate::browser::Browser;
use crate::served::Served;

#[test]
fn p7_who_is_there_who_is_missing_and_what_they_disagree_about() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let store = MemoryBackend::new();
    let process = |grace: u64| {
        let mut settings = Settings::default();
        (settings.fleet, settings.grace) =
            (Some(Duration::from_secs(1)), Duration::from_secs(grace));
        let builder = Cache::builder("shop").settings(settings).backend(store.clone());
        runtime.block_on(async { builder.build().unwrap() })
    };
    let (one, two, other) = (process(0), process(0), process(60));
    let id = |cache: &Cache| runtime.block_on(cache.status()).process.id;
    let (gone, told) = (id(&two), id(&other));
    let served = Served::new(|| Router::new().nest("/athena", dashboard(&one).into_router()));
    let page = Browser::shared().page();
    page.open(&served.url("/athena"));
    page.wait("document.getElementById('fleet-count').innerText === '3 of 3 are there'");
    page.wait(&format!(
        "[...document.querySelectorAll('#fleet-body li')].some(it => it.innerText.includes('settings') && !it.innerText.includes({gone:?} + ' has'))"
    ));
    assert_eq!(page.eval("document.querySelectorAll('#fleet-body tbody tr').length"), 3);
    drop(two);
    page.wait(&format!(
        "[...document.querySelectorAll('#fleet-body tbody tr')].some(it => it.innerText.includes({gone:?}) && it.innerText.includes('missing'))"
    ));
    page.wait("document.getElementById('fleet-count').innerText === '2 of 3 are there'");
    drop((told, other));
}
