//! What the page shows while real servers fail: `p4`, and the pictures of `p8`.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fs};

use athena_cache::{Cache, Redis, Settings};
use athena_cache_axum::{Caches, dashboard};
use axum::Router;

use crate::browser::{Browser, Page};
use crate::served::Served;
use crate::shop;
use crate::support::sentinel::SentinelGroup;
use crate::support::wait_for;

/// How much later than the counters the page may know.
const SOON: Duration = Duration::from_secs(2);

/// Set for pictures of a service that has run for a while, as in the README.
const PATIENT: &str = "ATHENA_PICTURES";

/// Kept for people, who look at them: CI does not compare.
fn picture(page: &Page, name: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    fs::create_dir_all(&folder).unwrap();
    for scheme in ["light", "dark"] {
        page.prefers(&[("prefers-color-scheme", scheme)]);
        let path: PathBuf = folder.join(format!("{name}-{scheme}.png"));
        page.picture(&path, 1_180);
    }
    page.prefers(&[]);
}

fn serving(page: &Page) -> String {
    let frame =
        "[...document.querySelectorAll('.node.serves strong')].map(it => it.innerText).join()";
    page.eval(frame).as_str().unwrap().to_owned()
}

#[test]
fn p4_the_frame_moves_with_a_failover_and_what_is_shown_is_what_was_counted() {
    let mut group = SentinelGroup::start();
    let url = group.url();
    let mut settings = Settings::default();
    // The servers of tests keep nothing.
    settings.health.expect_persistence = false;
    let builder = Cache::builder("shop").settings(settings);
    let cache = builder.backend(Redis::from_url(&url).unwrap()).build().unwrap();
    let shown = Caches::from(&cache).details(true);
    let served = Served::new(|| Router::new().nest("/athena", dashboard(shown).into_router()));
    shop::open(&served, &cache);
    let page = Browser::shared().page();
    page.open(&served.url("/athena"));
    page.wait("state.view?.status.performance.requests && state.history.fine.length > 1");
    if env::var_os(PATIENT).is_some() {
        thread::sleep(Duration::from_secs(150));
    }
    page.wait("document.querySelectorAll('.replicas li').length === 2");
    page.wait("state.view.glance.level === 'calm'");
    page.wait("[...document.querySelectorAll('.replicas li')].every(it => it.innerText.includes('behind'))");
    let primary = group.primary();
    let first = serving(&page);
    assert!(first.ends_with(&group.node(primary).port().to_string()), "{first}");
    page.eval("document.getElementById('t-traffic').click()");
    figures_are_those_of_the_report(&page, &cache);
    page.eval("document.getElementById('t-traffic').click()");
    picture(&page, "calm");

    group.node_mut(primary).kill();
    page.wait("state.view.glance.level !== 'calm' && document.querySelector('[data-level=trouble] .wire')");
    picture(&page, "failover");
    wait_for("the cache counts a failover", || (cache.stats().failovers > 0).then_some(()));
    let counted = Instant::now();
    page.wait("state.view.status.failover.failoverCount === 1");
    page.wait(
        "[...document.querySelectorAll('#events .kind')].some(it => it.innerText === 'failover')",
    );
    page.wait(&format!("document.querySelector('.node.serves strong').innerText !== {first:?}"));
    assert!(counted.elapsed() < SOON, "{:?}", counted.elapsed());
    let spoken = page.text("#spoken");
    assert!(spoken.starts_with("Redis"), "a change of state is spoken: {spoken:?}");

    for node in 0..3 {
        group.node_mut(node).kill();
    }
    page.wait("state.view.glance.sentence.startsWith('Redis is away') && document.querySelector('#answers').innerText.includes('Not without help')");
    // What it takes to tell: that the calls go on.
    page.wait("state.view.glance.callers.text.startsWith('They may wait')");
    picture(&page, "gone");
    assert_eq!(page.console(), [""; 0]);
}

fn figures_are_those_of_the_report(page: &Page, cache: &Cache) {
    let before = cache.report();
    page.eval("new Promise(done => { const seen = state.sites; setInterval(() => seen !== state.sites && done(), 20); })");
    let shown = page.eval("Object.fromEntries(state.sites.map(it => [it.site, it.calls]))");
    let after = cache.report();
    for (early, late) in before.sites.iter().zip(&after.sites) {
        let calls = shown[early.site].as_u64().unwrap();
        assert!((early.calls()..=late.calls()).contains(&calls), "{}", early.site);
    }
    let rows =
        page.eval("[...document.querySelectorAll('#sites tbody th')].map(it => it.innerText)");
    let mut names: Vec<_> =
        rows.as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    names.sort_unstable();
    let mut sites: Vec<_> = after.sites.iter().map(|it| it.site).collect();
    sites.sort_unstable();
    assert_eq!(names, sites);
    let table = page.text("#traffic-table tbody tr th");
    let latest = page.eval("clock(state.history.fine.at(-1).at, true)");
    assert_eq!(Some(&*table), latest.as_str());
}
