//! What the page costs a large service: `cargo bench -p athena-cache-axum --features dashboard --bench page`.
//!
//! 200 nodes, 256 functions, an hour of history, 50 viewers. What is to stay small are the last lines: what a viewer more
//! costs, and what all of them cost a core. It needs Linux, and takes half a minute.

#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]
#![allow(clippy::print_stdout, reason = "it talks to its reader")]
#![allow(missing_docs, reason = "nobody depends on a benchmark")]

#[path = "../tests/support/many.rs"]
#[allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "shared with tests")]
mod many;

use std::fs;
use std::future::Future;
use std::time::{Duration, Instant};

use athena_cache::testing::ManualClock;
use athena_cache::{Cache, athena_cache};
use athena_cache_axum::{Caches, dashboard, metrics};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use futures_util::StreamExt;
use tower::ServiceExt;

use many::ManyNodes;

const VIEWERS: usize = 50;
const WATCHED: Duration = Duration::from_secs(10);
/// Steps of an hour, as they are kept.
const STEPS: u32 = 720;

/// 16 modules of 16 functions.
macro_rules! modules {
    ($($module:ident)*) => {
        $(mod $module { functions! { f0 f1 f2 f3 f4 f5 f6 f7 f8 f9 fa fb fc fd fe ff } })*

        async fn call_all(cache: &Cache, id: u64) {
            $($module::call_all(cache, id).await;)*
        }
    };
}

macro_rules! functions {
    ($($function:ident)*) => {
        use athena_cache::{Cache, athena_cache};

        $(
            #[athena_cache(ttl = "1h", cache = cache)]
            async fn $function(cache: &Cache, id: u64) -> u64 {
                id
            }
        )*

        pub(super) async fn call_all(cache: &Cache, id: u64) {
            $($function(cache, id).await;)*
        }
    };
}

modules! { m0 m1 m2 m3 m4 m5 m6 m7 m8 m9 ma mb mc md me mf }

#[athena_cache(ttl = "1h", cache = cache)]
async fn beyond(cache: &Cache, id: u64) -> u64 {
    id
}

#[tokio::main]
async fn main() {
    let clock = ManualClock::new();
    let cache = Cache::builder("shop").clock(&clock).backend(ManyNodes::new(100)).build().unwrap();
    for step in 0..STEPS {
        call_all(&cache, u64::from(step % 4)).await;
        beyond(&cache, 1).await;
        clock.advance(Duration::from_secs(5));
        cache.history();
    }
    let shown = Caches::from(&cache).details(true);
    let app =
        Router::new().merge(metrics(shown.clone())).nest("/athena", dashboard(shown).into_router());
    let report = cache.report();
    println!(
        "{} functions, {} nodes that serve and as many beside",
        report.sites.len(),
        report.nodes.len()
    );

    println!("a report: {:?}", timed(|| async { drop(cache.report()) }).await);
    for (what, path) in [
        ("a scrape", "/metrics"),
        ("the page", "/athena"),
        ("all that is shown, for as long as it is good", "/athena/api/status"),
        ("the history", "/athena/api/history"),
    ] {
        let bytes = get(&app, path).await;
        println!("{what}: {:?}, {} KiB", timed(|| get(&app, path)).await, bytes / 1024);
    }
    let status = timed(|| async { drop(cache.status().await) }).await;
    println!("a status: {status:?}");

    let (one, bytes) = watched(&app, 1).await;
    let (all, _) = watched(&app, VIEWERS).await;
    println!("a viewer is sent {} KiB a second", bytes / 1024 / WATCHED.as_secs());
    println!(
        "{VIEWERS} viewers against one: {:.1} × its time",
        all.as_secs_f64() / one.as_secs_f64()
    );
    println!(
        "{VIEWERS} viewers: {:.1} % of a core",
        100.0 * all.as_secs_f64() / WATCHED.as_secs_f64()
    );
}

/// The mean of a hundred.
async fn timed<F: Future>(work: impl Fn() -> F) -> Duration {
    let begin = Instant::now();
    for _ in 0..100 {
        work().await;
    }
    begin.elapsed() / 100
}

async fn get(app: &Router, path: &str) -> usize {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    to_bytes(response.into_body(), usize::MAX).await.unwrap().len()
}

/// What so many viewers cost the processor while they look on, and what each is sent.
async fn watched(app: &Router, viewers: usize) -> (Duration, u64) {
    let before = used();
    let viewers = (0..viewers).map(|_| {
        let app = app.clone();
        tokio::spawn(async move {
            let request = Request::get("/athena/api/live").body(Body::empty()).unwrap();
            let mut events = app.oneshot(request).await.unwrap().into_body().into_data_stream();
            let (end, mut bytes) = (tokio::time::Instant::now() + WATCHED, 0);
            while let Ok(Some(event)) = tokio::time::timeout_at(end, events.next()).await {
                bytes += event.unwrap().len() as u64;
            }
            bytes
        })
    });
    let mut sent = 0;
    for viewer in viewers.collect::<Vec<_>>() {
        sent = viewer.await.unwrap();
    }
    (used().saturating_sub(before), sent)
}

/// Processor time of this process; the kernel counts it in hundredths of a second.
fn used() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit(')').next().unwrap();
    let ticks = after_name.split_whitespace().skip(11).take(2).map(|it| it.parse::<u64>().unwrap());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}
