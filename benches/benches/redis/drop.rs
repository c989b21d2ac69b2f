//! How soon an entry leaves the memory of one process once another one invalidates it, against the time
//! of a bare round trip.
//!
//! Either process is a runtime on a thread of its own, with connections of its own.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use athena_cache::{Cache, Redis, Source};
use tokio::runtime::{Builder, Runtime};

use crate::spread::Spread;
use crate::support::server::RedisServer;

const TIMES: u64 = 2_000;
const ENTRY: &str = "entry";
/// How often the other process looks whether its memory still has the entry.
const GLANCE: Duration = Duration::from_micros(20);

pub(crate) fn print() {
    let server = RedisServer::start();
    let truth = Arc::new(AtomicU64::new(0));
    let (warm, is_warm) = mpsc::channel();
    let (gone, is_gone) = mpsc::channel();
    let reader = {
        let (url, truth) = (server.url(), Arc::clone(&truth));
        std::thread::spawn(move || runtime().block_on(read(&url, &truth, &warm, &gone)))
    };
    let runtime = runtime();
    let cache = cache(&runtime, &server.url());
    let (mut bare, mut dropped, mut after) =
        (Spread::default(), Spread::default(), Spread::default());
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = runtime.block_on(client.get_multiplexed_async_connection()).unwrap();
    for version in 1..=TIMES {
        is_warm.recv().unwrap();
        let asked = Instant::now();
        let get = redis::cmd("GET").arg(ENTRY).to_owned();
        let _: Option<String> = runtime.block_on(get.query_async(&mut connection)).unwrap();
        bare.add(asked.elapsed().as_secs_f64());
        truth.store(version, Ordering::SeqCst);
        let begun = Instant::now();
        let _ = runtime.block_on(cache.invalidate(ENTRY));
        let done = Instant::now();
        let gone: Instant = is_gone.recv().unwrap();
        dropped.add(gone.saturating_duration_since(begun).as_secs_f64());
        after.add(gone.saturating_duration_since(done).as_secs_f64());
    }
    reader.join().unwrap();
    let unit = bare.median();
    for (name, share) in [("half", 0.5), ("99 %", 0.99)] {
        println!(
            "{:.1}  times a bare GET until an entry has left the memory of another process, counted from \
             the call of `invalidate`, and {:.1} from its return: {name} of {TIMES} took no longer",
            dropped.at(share) / unit,
            after.at(share) / unit
        );
    }
    println!("{:.1}  times its median takes the slowest 1 % of bare GETs", bare.at(0.99) / unit);
}

/// Keeps the entry in memory, and tells when it was there for the last time.
async fn read(url: &str, truth: &AtomicU64, warm: &mpsc::Sender<()>, gone: &mpsc::Sender<Instant>) {
    let redis = Redis::from_url(url).unwrap();
    let cache = Cache::builder("drop").backend(redis).build().unwrap();
    for version in 1..=TIMES {
        while call(&cache, truth).await != (Source::Memory, version - 1) {
            cache.settle().await;
        }
        warm.send(()).unwrap();
        loop {
            let begun = Instant::now();
            if call(&cache, truth).await.0 != Source::Memory {
                gone.send(begun).unwrap();
                break;
            }
            // It leaves the processors to those who are measured; this thread has nothing else to do.
            std::thread::sleep(GLANCE);
            tokio::task::yield_now().await;
        }
    }
}

async fn call(cache: &Cache, truth: &AtomicU64) -> (Source, u64) {
    let load = async || Ok::<_, Infallible>(truth.load(Ordering::SeqCst));
    let seen = cache.entry(ENTRY).ttl(Duration::from_secs(3_600)).observe(load).await;
    let Ok(value) = seen.value;
    (seen.outcome.source, value)
}

fn cache(runtime: &Runtime, url: &str) -> Cache {
    let _entered = runtime.enter();
    Cache::builder("drop").backend(Redis::from_url(url).unwrap()).build().unwrap()
}

/// One thread, which looks for what has arrived between any two steps of its tasks.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().event_interval(1).build().unwrap()
}
