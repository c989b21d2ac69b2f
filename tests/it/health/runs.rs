//! Runs of checks: each within its limit, once for all who ask, and never twice side by side.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use athena_cache::{Finding, Health, HealthChecks, Need, Settings};

use super::{SECOND, description};
use crate::world::{World, until};

#[tokio::test]
async fn a57_a_check_that_panics_or_hangs_is_its_own_trouble() {
    let world = World::in_memory();
    let checks = world.cache.health_checks();
    checks.add("panics", Need::Quality, || async { panic!("of a user") });
    checks.add("panics at once", Need::Quality, panics_at_once);
    checks.add("hangs", Need::Quality, pending);
    checks.add("works", Need::Quality, || async { Finding::healthy("fine") });
    let asked = checks.clone();
    let report = tokio::spawn(async move { asked.report().await });
    while world.clock.sleepers() < 1 {
        tokio::task::yield_now().await;
    }
    world.advance(SECOND);
    let report = report.await.unwrap();
    assert_eq!(report.status, Health::Degraded);
    assert_eq!(description(&report, "hangs"), "no answer in 1s");
    for name in ["panics", "panics at once"] {
        assert_eq!(description(&report, name), "the check panicked: of a user");
    }
    assert_eq!(report.entries["works"].status, Some(Health::Healthy));
}

fn panics_at_once() -> std::future::Ready<Finding> {
    panic!("of a user")
}

/// Adds a check that takes a moment; how often it ran.
fn counted(checks: &HealthChecks) -> Arc<AtomicUsize> {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    checks.add("counted", Need::Quality, move || {
        let counted = Arc::clone(&counted);
        async move {
            tokio::task::yield_now().await;
            counted.fetch_add(1, Ordering::Relaxed);
            Finding::healthy("fine")
        }
    });
    runs
}

#[tokio::test]
async fn a57_a_hundred_who_ask_at_once_run_it_once_and_so_does_who_asks_within_a_second() {
    let world = World::in_memory();
    let checks = world.cache.health_checks();
    let runs = counted(&checks);
    futures_util::future::join_all((0..100).map(|_| checks.report())).await;
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    world.advance(SECOND - Duration::from_millis(1));
    checks.report().await;
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    world.advance(Duration::from_millis(1));
    checks.report().await;
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a57_one_who_asks_and_leaves_keeps_nobody_from_an_answer() {
    let world = World::in_memory();
    let checks = world.cache.health_checks();
    checks.add("hangs", Need::Quality, pending);
    let [leaves, stays] = [(); 2].map(|()| {
        let checks = checks.clone();
        tokio::spawn(async move { checks.report().await.status })
    });
    while world.clock.sleepers() < 1 {
        tokio::task::yield_now().await;
    }
    leaves.abort();
    let _ = leaves.await;
    while world.clock.sleepers() < 1 {
        tokio::task::yield_now().await;
    }
    world.advance(SECOND);
    assert_eq!(stays.await.unwrap(), Health::Degraded);
}

#[tokio::test]
async fn who_asks_while_a_report_is_made_is_given_that_however_short_it_is_good_for() {
    let world = World::with(|builder| {
        let mut settings = Settings::default();
        settings.health.cache_for = Duration::ZERO;
        builder.settings(settings)
    });
    let checks = world.cache.health_checks();
    let runs = counted(&checks);
    futures_util::future::join_all((0..100).map(|_| checks.report())).await;
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    checks.report().await;
    assert_eq!(runs.load(Ordering::Relaxed), 2, "who asks later is not given an old one");
}

#[tokio::test]
async fn a_report_without_a_check_that_was_added_meanwhile_is_kept_for_nobody() {
    let world = World::in_memory();
    let checks = world.cache.health_checks();
    let (tell, told) = tokio::sync::oneshot::channel();
    let told = Arc::new(tokio::sync::Mutex::new(Some(told)));
    checks.add("slow", Need::Quality, move || {
        let told = Arc::clone(&told);
        async move {
            if let Some(told) = told.lock().await.take() {
                told.await.unwrap();
            }
            Finding::healthy("fine")
        }
    });
    let asked = checks.clone();
    let first = tokio::spawn(async move { asked.report().await });
    while world.clock.sleepers() < 1 {
        tokio::task::yield_now().await;
    }
    checks.add("new", Need::Quality, || async { Finding::healthy("fine") });
    tell.send(()).unwrap();
    assert_eq!(first.await.unwrap().entries.len(), 1);
    assert_eq!(checks.report().await.entries.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_that_holds_up_its_thread_is_not_begun_again_before_it_has_ended() {
    let world = World::in_memory();
    let checks = world.cache.health_checks();
    let (free, held) = std::sync::mpsc::channel::<()>();
    let held = Arc::new(std::sync::Mutex::new(held));
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    checks.add("holds up", Need::Quality, move || {
        counted.fetch_add(1, Ordering::SeqCst);
        let held = Arc::clone(&held);
        async move {
            let _ = held.lock().unwrap().recv();
            Finding::healthy("at last")
        }
    });
    let late = async || {
        // The report before is good no more.
        world.advance(2 * SECOND);
        let asked = checks.clone();
        let report = tokio::spawn(async move { asked.report().await });
        until("it has begun", || runs.load(Ordering::SeqCst) > 0).await;
        while !report.is_finished() {
            world.advance(2 * SECOND);
            tokio::task::yield_now().await;
        }
        description(&report.await.unwrap(), "holds up")
    };
    assert_eq!(late().await, "no answer in 1s");
    for _ in 0..3 {
        assert_eq!(late().await, "it still runs, since an earlier report");
    }
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    free.send(()).unwrap();
    drop(free);
    // As soon as it has ended it is begun again.
    while late().await != "at last" {}
    assert!(runs.load(Ordering::SeqCst) >= 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_for_a_check_that_still_runs_is_a_part_of_its_limit() {
    let world = World::in_memory();
    let checks = world.cache.health_checks();
    let (free, held) = std::sync::mpsc::channel::<()>();
    let held = Arc::new(std::sync::Mutex::new(held));
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    checks.add("holds up", Need::Quality, move || {
        let (held, run) = (Arc::clone(&held), counted.fetch_add(1, Ordering::SeqCst));
        async move {
            if run == 0 {
                let _ = held.lock().unwrap().recv();
            }
            pending().await
        }
    });
    let begun = || {
        let asked = checks.clone();
        tokio::spawn(async move { asked.report().await })
    };
    let first = begun();
    until("it has begun", || runs.load(Ordering::SeqCst) == 1).await;
    until("it has a limit", || world.clock.sleepers() > 0).await;
    world.advance(SECOND);
    until("nobody waits for a thread", || first.is_finished()).await;
    // That report is good no more.
    world.advance(2 * SECOND);
    let sleepers = world.clock.sleepers();
    let second = begun();
    until("it waits for its turn", || world.clock.sleepers() > sleepers).await;
    world.advance(Duration::from_millis(600));
    free.send(()).unwrap();
    until("it is its turn", || runs.load(Ordering::SeqCst) == 2).await;
    world.advance(Duration::from_millis(400));
    until("its second is over", || second.is_finished()).await;
    assert_eq!(description(&second.await.unwrap(), "holds up"), "no answer in 1s");
}
