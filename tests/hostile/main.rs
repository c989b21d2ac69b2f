//! A server that lies, floods, drips and claims, at every stage of a connection: functions answer as without a
//! cache, within their limits, and the process stays what it was.
//!
//! A program of its own, with one test: what its memory and its log come to is told of the whole process.

#![allow(clippy::expect_used, reason = "a test that cannot go on panics")]

#[path = "../support/mod.rs"]
mod support;

mod lies;
mod stage;

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use athena_cache::{Cache, Redis, RedisConfig, Settings, athena_cache};
use stage::{STAGES, Scene};
use tracing_subscriber::filter::LevelFilter;

const MIB: u64 = 1 << 20;
/// Above what the process takes without a cache.
const MOST_MEMORY: u64 = 64 * MIB;
/// What a busy machine may add to a call.
const MARGIN: Duration = Duration::from_secs(2);
const CALLS: u32 = 8;

#[athena_cache(key = "product:{id}", cache = cache)]
async fn product(cache: &Cache, id: u32) -> Result<u32, io::ErrorKind> {
    Ok(id * 7)
}

#[test]
fn whatever_a_server_says_functions_answer_and_the_process_stays_what_it_was() {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    let told = listen();
    std::panic::set_hook(Box::new(|panic| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        eprintln!("{panic}");
    }));
    let begun = Instant::now();
    let mut count = 0;
    for stage in STAGES {
        for (name, lie) in stage.lies() {
            count += 1;
            let scene = Scene::start(stage, lie);
            forget_peak();
            let floor = memory("VmRSS:");
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(call(&scene, &format!("{name}, {stage:?}")));
            support::wait_for(&format!("no task is left: {name}, {stage:?}"), || {
                (runtime.metrics().num_alive_tasks() == 0).then_some(())
            });
            let taken = memory("VmHWM:").saturating_sub(floor);
            assert!(taken < MOST_MEMORY, "{} MiB: {name}, {stage:?}", taken / MIB);
            let records = std::mem::take(&mut *told.lock().unwrap_or_else(PoisonError::into_inner));
            let records = String::from_utf8_lossy(&records);
            assert!(records.lines().all(|line| line.len() < 3_000), "{name}, {stage:?}: {records}");
            let is_forged = |line: &str| line.starts_with("2026-01-01");
            assert!(!records.lines().any(is_forged), "{name}, {stage:?}: {records}");
            assert!(records.lines().count() < 12, "{name}, {stage:?}: {records}");
            assert_eq!(PANICS.load(Ordering::SeqCst), 0, "{name}, {stage:?}");
            assert!(scene.has_lied(), "nobody heard it: {name}, {stage:?}");
        }
    }
    eprintln!("{count} lies at {} stages in {:?}", STAGES.len(), begun.elapsed());
}

/// Calls a function some times: it answers as without a cache.
async fn call(scene: &Scene, what: &str) {
    let mut settings = Settings::default();
    settings.resilience.attempt_timeout = Duration::from_millis(60);
    settings.resilience.deadline = Duration::from_millis(120);
    settings.resilience.write_deadline = Duration::from_millis(120);
    let deadline = settings.resilience.deadline;
    let config = RedisConfig::new(scene.url())
        .connect_timeout(Duration::from_millis(300))
        .response_timeout(Duration::from_millis(60))
        .heartbeat(Duration::from_millis(20))
        .max_reply(8 * MIB);
    let redis = Redis::new(config).expect("the settings are good");
    let cache = Cache::builder("shop").settings(settings).backend(redis).build().expect("good");
    for id in 0..CALLS {
        let begun = Instant::now();
        assert_eq!(product(&cache, id % 3).await, Ok(id % 3 * 7), "{what}");
        let took = begun.elapsed();
        assert!(took < deadline + MARGIN, "{took:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let most = 40;
    assert!(scene.accepted() <= most, "{} connections: {what}", scene.accepted());
    cache.close().await;
}

/// What the process takes, by the name that the system has for it.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

/// Has the system measure the most that is taken from now on.
fn forget_peak() {
    // Where it does not, more is measured than there is.
    drop(std::fs::write("/proc/self/clear_refs", "5"));
}

/// Collects what is told at level warn and above.
fn listen() -> Arc<Mutex<Vec<u8>>> {
    let told: Arc<Mutex<Vec<u8>>> = Arc::default();
    let writer = Arc::clone(&told);
    let builder = tracing_subscriber::fmt().with_max_level(LevelFilter::WARN).with_ansi(false);
    builder.with_writer(move || Sink(Arc::clone(&writer))).init();
    told
}

struct Sink(Arc<Mutex<Vec<u8>>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
