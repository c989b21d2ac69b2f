//! What announcements cost those who read: calls that Redis answers, and calls that it does not, with and
//! without them. What such calls cost against bare commands is printed beside the peers (`benches/peers`).
//!
//! Every task has a key of its own, since calls of one key at one time share a round trip. Rounds
//! alternate, so that noise meets both sides.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use athena_cache::{Cache, Memory, Redis, RedisConfig, athena_cache};
use redis::aio::MultiplexedConnection;

use crate::spread::Spread;
use crate::support::server::RedisServer;
use crate::used;

const TASKS: [usize; 3] = [1, 16, 256];
const ROUNDS: usize = 11;
const ROUND: Duration = Duration::from_millis(250);

#[athena_cache(ttl = "1h", key = "product:{number}", cache = cache)]
async fn product(cache: &Cache, number: u64) -> Result<String, Infallible> {
    Ok(text(number))
}

/// 200 bytes.
fn text(number: u64) -> String {
    number.to_string().repeat(200)[..200].to_owned()
}

/// One operation, repeated by a task.
#[derive(Clone)]
enum Subject {
    /// A bare `GET`.
    Get(MultiplexedConnection),
    /// A call that Redis answers.
    Hit(Cache),
    /// A call that nothing answers: looked up, leased, loaded, filled.
    Miss(Cache, Arc<AtomicU64>),
}

impl Subject {
    async fn once(&mut self, task: u64) {
        let value: String = match self {
            Self::Get(connection) => {
                redis::cmd("GET").arg(task).query_async(connection).await.unwrap()
            }
            Self::Hit(cache) => product(cache, task).await.unwrap(),
            Self::Miss(cache, next) => {
                product(cache, next.fetch_add(1, Ordering::Relaxed)).await.unwrap()
            }
        };
        assert_eq!(value.len(), 200);
    }
}

/// What one round came to.
struct Round {
    /// Operations a second, of all tasks together.
    speed: f64,
    /// Seconds of the server's processor per operation.
    effort: f64,
}

async fn round(server: &RedisServer, subject: &Subject, tasks: u64) -> Round {
    let before = used(server);
    let begun = Instant::now();
    let end = begun + ROUND;
    let repeat = |task| {
        let mut subject = subject.clone();
        tokio::spawn(async move {
            let mut count = 0_u32;
            while Instant::now() < end {
                subject.once(task).await;
                count += 1;
            }
            count
        })
    };
    let mut count = 0.0;
    for task in (0..tasks).map(repeat).collect::<Vec<_>>() {
        count += f64::from(task.await.unwrap());
    }
    if let Subject::Miss(cache, _) = subject {
        cache.settle().await;
    }
    let took = begun.elapsed().as_secs_f64();
    Round { speed: count / took, effort: (used(server) - before) / count }
}

/// Compares two subjects, round by round.
async fn compare(server: &RedisServer, ours: &Subject, theirs: &Subject, meaning: &str) {
    for tasks in TASKS {
        let tasks = u64::try_from(tasks).unwrap();
        let (mut speed, mut effort) = (Spread::default(), Spread::default());
        for _ in 0..ROUNDS {
            let theirs = round(server, theirs, tasks).await;
            let ours = round(server, ours, tasks).await;
            speed.add(ours.speed / theirs.speed);
            effort.add(ours.effort / theirs.effort);
        }
        println!(
            "{:.2}  throughput of {meaning}, {tasks} tasks; the server works {:.2} times as long",
            speed.median(),
            effort.median()
        );
    }
}

pub(crate) fn print() {
    tokio::runtime::Runtime::new().unwrap().block_on(print_all());
}

async fn print_all() {
    let server = RedisServer::start();
    let client = redis::Client::open(format!("{}?protocol=resp3", server.url())).unwrap();
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut tracked = client.get_multiplexed_async_connection().await.unwrap();
    let mut tracking = redis::cmd("CLIENT");
    tracking.arg("TRACKING").arg("ON").arg("NOLOOP");
    let () = tracking.query_async(&mut tracked).await.unwrap();
    let (told, untold) = (cache(&server, "told", true), cache(&server, "untold", false));
    for task in 0..256_u64 {
        let set = redis::cmd("SET").arg(task).arg(text(task)).to_owned();
        let () = set.query_async(&mut connection.clone()).await.unwrap();
        for cache in [&told, &untold] {
            product(cache, task).await.unwrap();
        }
    }
    told.settle().await;
    untold.settle().await;

    let get = Subject::Get(connection);
    let tracked = Subject::Get(tracked);
    compare(&server, &tracked, &get, "bare GETs with tracking to that without").await;
    let hit = Subject::Hit(told.clone());
    let untold_hit = Subject::Hit(untold.clone());
    compare(&server, &hit, &untold_hit, "hits in Redis with tracking to that without").await;

    let next = Arc::new(AtomicU64::new(1_000));
    let miss = Subject::Miss(told.clone(), Arc::clone(&next));
    let untold_miss = Subject::Miss(untold.clone(), next);
    compare(&server, &miss, &untold_miss, "misses with tracking to that without").await;
    for cache in [told, untold] {
        let stats = cache.stats();
        assert!(stats.backend_hits > 0);
        assert_eq!((stats.fills, stats.unleased_loads), (stats.loads, 0), "{stats:?}");
        cache.close().await;
    }
}

/// A cache in which Redis answers, since memory would first.
fn cache(server: &RedisServer, namespace: &str, tracking: bool) -> Cache {
    let redis = Redis::new(RedisConfig::new(server.url()).tracking(tracking)).unwrap();
    let memory = Memory::fallback_only(1_000);
    Cache::builder(namespace).backend(redis).memory(memory).build().unwrap()
}
