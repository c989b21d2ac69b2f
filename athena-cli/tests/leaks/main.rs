//! Nothing that a cache shows holds what it must not: everything that says anything, at once, with faults under way.
//!
//! Needles stand for what callers and operators keep to themselves. They are planted, everything is read that anybody
//! could read, and none of them may be found in it, however it is written there.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![allow(unreachable_pub, missing_docs, dead_code, reason = "nobody depends on a test")]

#[path = "../ha/athena.rs"]
mod athena;
#[path = "../../../tests/support/mod.rs"]
mod support;

mod deployment;
mod heard;
mod needles;
mod outputs;
mod pages;
mod program;
mod service;

use std::panic::resume_unwind;
use std::thread;
use std::time::{Duration, Instant};

use athena_cache::{Cache, Health};
use tokio::task::block_in_place;

use self::deployment::{Deployment, Trouble};
use self::heard::Heard;
use self::needles::Needles;
use self::outputs::Outputs;

#[test]
fn nothing_that_is_shown_holds_what_must_not_be() {
    let heard = &Heard::listen();
    // Side by side, since most of it is waiting; what all of them say in one place is looked at in the end.
    let played: Vec<Needles> = thread::scope(|scope| {
        let begin = |trouble: Trouble| scope.spawn(move || rounds(heard, trouble));
        let players: Vec<_> = Trouble::ALL.into_iter().map(begin).collect();
        let ended = players.into_iter().map(std::thread::ScopedJoinHandle::join);
        ended.flat_map(|it| it.unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    let mut outputs = Outputs::default();
    heard.read(&mut outputs);
    outputs.assert_said(&["log", "event", "facade", "opentelemetry"]);
    for needles in &played {
        outputs.assert_holds_none(needles, &"what all of them say");
    }
}

fn rounds(heard: &Heard, trouble: Trouble) -> Vec<Needles> {
    let seed = |round| 100 * trouble as u64 + round;
    (0..trouble.rounds()).map(|round| check(heard, trouble, seed(round))).collect()
}

/// Plays a service that meets trouble, and looks at all that it says.
fn check(heard: &Heard, trouble: Trouble, seed: u64) -> Needles {
    let needles = Needles::of(seed);
    let outputs = everything(heard, trouble, seed, &needles);
    outputs.assert_holds_none(&needles, &(trouble, seed));
    outputs.assert_said(&[
        "error", "cache", "report", "status", "history", "timeline", "health", "metrics", "page",
        "layer", "action", "refusal", "fleet",
    ]);
    if trouble.has_servers() {
        outputs.assert_said(&["athena", "redis", "config", "sentinels"]);
    }
    needles
}

/// All that it says of its own.
fn everything(heard: &Heard, trouble: Trouble, seed: u64, needles: &Needles) -> Outputs {
    let mut outputs = Outputs::default();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut deployment = Deployment::start(trouble, seed, needles, &mut outputs);
        let cache = deployment.cache(heard, needles);
        service::calls(&cache, needles, &mut outputs).await;
        deployment.worsen();
        until_it_shows(&cache, trouble).await;
        service::calls(&cache, needles, &mut outputs).await;
        outputs::of_the_cache(&cache, &mut outputs).await;
        pages::read(&cache, needles, &mut outputs).await;
        deployment.read(&mut outputs).await;
        if let Some(url) = deployment.url(needles) {
            block_in_place(|| program::read(&url, needles, &mut outputs));
        }
        deployment.mend();
        cache.close().await;
        service::calls(&cache, needles, &mut outputs).await;
    });
    outputs
}

/// Waits until the trouble is one of the things that are told.
async fn until_it_shows(cache: &Cache, trouble: Trouble) {
    let deadline = Instant::now() + support::PATIENCE;
    while trouble.shows() && cache.health_checks().report().await.status == Health::Healthy {
        assert!(Instant::now() < deadline, "nothing is told of {trouble:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
