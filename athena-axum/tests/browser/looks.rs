//! How the page looks: for people.

use std::path::Path;
use std::time::Duration;

use athena_cache::{Cache, athena_cache};
use athena_cache_axum::{Actor, Caches, dashboard};
use axum::Router;

use crate::browser::Browser;
use crate::many::ManyNodes;
use crate::served::Served;

#[athena_cache(ttl = "10s", grace = "1h", name = "shop::products", cache = cache)]
async fn products(cache: &Cache, id: u64) -> Result<u64, String> {
    tokio::time::sleep(Duration::from_millis(id % 40)).await;
    Ok(id)
}

#[athena_cache(ttl = "1m", name = "shop::search", cache = cache)]
async fn search(cache: &Cache, id: u64) -> Result<u64, String> {
    tokio::time::sleep(Duration::from_millis(3)).await;
    if id % 50 == 0 { Err("no".into()) } else { Ok(id) }
}

#[test]
#[ignore = "for people"]
fn looks() {
    let nodes: u32 = std::env::var("NODES").ok().and_then(|it| it.parse().ok()).unwrap_or(3);
    let backend = ManyNodes::new(nodes);
    let cache = Cache::builder("shop").backend(backend.clone()).build().unwrap();
    let shown = cache.clone();
    let served = Served::new(move || {
        Router::new().nest(
            "/athena",
            dashboard(Caches::from(&shown).details(true))
                .actions(|_| Ok(Actor::new("ada")))
                .into_router(),
        )
    });
    served.runtime.spawn({
        let cache = cache.clone();
        async move {
            let mut round = 0_u64;
            loop {
                round += 1;
                let _ = products(&cache, round * 7 % 60).await;
                let _ = search(&cache, round * 13 % 140).await;
                for _ in 0..200 {
                    let _ = products(&cache, round % 5).await;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    });
    let page = Browser::shared().page();
    page.open(&served.url("/athena"));
    page.wait("state.view && state.history.fine.length > 1");
    if std::env::var("STOP").is_ok() {
        backend.stop(1);
        std::thread::sleep(Duration::from_secs(6));
    }
    page.wait("state.history.fine.length > 2");
    for scheme in ["light", "dark"] {
        page.prefers(&[("prefers-color-scheme", scheme)]);
        let tall = page.eval("document.documentElement.scrollHeight").as_u64().unwrap();
        page.picture(Path::new(&format!("/tmp/page-{scheme}.png")), tall as u32);
    }
    page.size(320, 800);
    let tall = page.eval("document.documentElement.scrollHeight").as_u64().unwrap();
    page.picture(Path::new("/tmp/page-narrow.png"), tall as u32);
    eprintln!("{:?} wide {}", page.console(), page.eval("document.documentElement.scrollWidth"));
}
