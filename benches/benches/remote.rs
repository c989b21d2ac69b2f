//! Hits in Redis through the attribute, against bare `GET`s on the same kind of connection.
//!
//! Every task has a key of its own, since hits of one key at one time share a round trip. Rounds
//! alternate, so that noise meets both sides.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use athena_cache::{Cache, Memory, Redis, athena_cache};
use redis::aio::MultiplexedConnection;

use crate::report;
use crate::support::server::RedisServer;

const TASKS: [usize; 3] = [1, 16, 256];
const ROUNDS: usize = 11;
const ROUND: Duration = Duration::from_millis(250);

#[athena_cache(ttl = "1h")]
async fn product(task: usize) -> Result<String, Infallible> {
    Ok(task.to_string().repeat(200)[..200].to_owned())
}

/// One operation, repeated by a task.
#[derive(Clone)]
enum Subject {
    Get(MultiplexedConnection),
    Hit,
}

impl Subject {
    async fn once(&mut self, task: usize) {
        let value: String = match self {
            Self::Get(connection) => {
                redis::cmd("GET").arg(task).query_async(connection).await.unwrap()
            }
            Self::Hit => product(task).await.unwrap(),
        };
        assert_eq!(value.len(), 200);
    }
}

/// Operations per second of many tasks together.
async fn throughput(subject: &Subject, tasks: usize) -> f64 {
    let end = Instant::now() + ROUND;
    let tasks: Vec<_> = (0..tasks)
        .map(|task| {
            let mut subject = subject.clone();
            tokio::spawn(async move {
                let mut count = 0_u32;
                while Instant::now() < end {
                    subject.once(task).await;
                    count += 1;
                }
                count
            })
        })
        .collect();
    let mut total = 0.0;
    for task in tasks {
        total += f64::from(task.await.unwrap());
    }
    total / ROUND.as_secs_f64()
}

pub(crate) fn bench() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(compare());
}

async fn compare() {
    let server = RedisServer::start();
    let redis = Redis::from_url(server.url()).unwrap();
    // Else memory would answer.
    let memory = Memory::fallback_only(1_000);
    let cache = Cache::builder("bench").backend(redis).memory(memory).build().unwrap();
    cache.install();
    let client = redis::Client::open(format!("{}?protocol=resp3", server.url())).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    for task in 0..TASKS[2] {
        let value = product(task).await.unwrap();
        let set = redis::cmd("SET").arg(task).arg(value).to_owned();
        let () = set.query_async(&mut connection).await.unwrap();
    }
    cache.settle().await;
    let get = Subject::Get(connection);
    for tasks in TASKS {
        let mut ratios = Vec::new();
        for _ in 0..ROUNDS {
            let bare = throughput(&get, tasks).await;
            ratios.push(throughput(&Subject::Hit, tasks).await / bare);
        }
        ratios.sort_by(f64::total_cmp);
        let ratio = ratios[ROUNDS / 2];
        report::fact(format!(
            "{ratio:.2}  throughput of hits in Redis to that of bare GETs, {tasks} tasks"
        ));
    }
    assert!(cache.stats().backend_hits > 0);
    cache.close().await;
}
