//! Reads through the backend against bare `GET`s, on the same kind of connection to the same server.
//!
//! Prints ratios of throughput within one run; the rounds alternate, so that noise meets both sides.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints and may panic")]

#[path = "../../tests/support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use athena_cache_core::backend::{Backend, Generation, Item, Lookup};
use athena_cache_redis::Redis;
use redis::aio::MultiplexedConnection;

use support::server::RedisServer;

const ROUNDS: usize = 15;
const ROUND: Duration = Duration::from_millis(300);

/// One operation, repeated by a task.
#[derive(Clone)]
enum Subject {
    Get(MultiplexedConnection),
    Read(Arc<Redis>, Arc<[String]>),
}

impl Subject {
    async fn once(&mut self) {
        match self {
            Self::Get(connection) => {
                let mut get = redis::cmd("GET");
                let bytes: Vec<u8> = get.arg("ns:{k:foo}:3").query_async(connection).await.unwrap();
                assert_eq!(bytes.len(), 200);
            }
            Self::Read(redis, generations) => {
                let lookups = [Lookup { value: "ns:{k:foo}:3", generations }];
                let found = redis.read(&lookups).await.unwrap();
                assert!(found[0].value.is_some());
            }
        }
    }
}

/// Operations per second of many tasks together.
async fn throughput(subject: &Subject, tasks: usize) -> f64 {
    let end = Instant::now() + ROUND;
    let tasks: Vec<_> = (0..tasks)
        .map(|_| {
            let mut subject = subject.clone();
            tokio::spawn(async move {
                let mut count = 0_u32;
                while Instant::now() < end {
                    subject.once().await;
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

async fn compare(name: &str, get: &Subject, read: &Subject, tasks: usize) {
    let (mut gets, mut reads, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        gets.push(throughput(get, tasks).await);
        reads.push(throughput(read, tasks).await);
        ratios.push(reads[reads.len() - 1] / gets[gets.len() - 1]);
    }
    let median = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let (gets, reads, ratio) = (median(&mut gets), median(&mut reads), median(&mut ratios));
    println!("{tasks:>4} tasks  GET {gets:>8.0}/s  {name:<18} {reads:>8.0}/s  ratio {ratio:.2}");
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let server = RedisServer::start();
    let redis = Arc::new(Redis::from_url(server.url()).unwrap());
    let item = Item { value: "ns:{k:foo}:3", bytes: &[7; 200], life: Duration::from_secs(3600) };
    redis.insert(item, "ns:{k:foo}:l", &[]).await.unwrap();
    let names = ["ns:*".to_owned(), "ns:#a".to_owned(), "ns:#b".to_owned()];
    let renewed: Vec<_> = names.iter().cloned().zip((1..).map(Generation::new)).collect();
    redis.renew(&renewed).await.unwrap();

    let client = redis::Client::open(format!("{}?protocol=resp3", server.url())).unwrap();
    let get = Subject::Get(client.get_multiplexed_async_connection().await.unwrap());
    for tasks in [1, 16, 256] {
        for (name, count) in [("read", 0), ("read + namespace", 1), ("read + 2 tags", 3)] {
            let read = Subject::Read(Arc::clone(&redis), names[..count].into());
            compare(name, &get, &read, tasks).await;
        }
        compare("GET", &get, &get, tasks).await;
    }
}
