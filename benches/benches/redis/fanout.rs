//! What it costs that many processes hold the same entries: ten thousand keys are invalidated while
//! nobody, one process, or ten hold them in memory.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use athena_cache::{Cache, Invalidated, Memory, Redis};
use tokio::task::JoinSet;

use crate::spread::Spread;
use crate::support::server::RedisServer;
use crate::used;

const KEYS: usize = 10_000;
const PROCESSES: [usize; 3] = [0, 1, 10];
const ROUNDS: usize = 5;
const WRITERS: usize = 64;
/// No more at a time than may wait for Redis to take them.
const PART: usize = 500;

/// What the invalidation of all keys came to.
struct Cost {
    /// Seconds until all were invalidated.
    took: f64,
    /// Seconds of the server's processor.
    effort: f64,
    /// Bytes that the server sent.
    sent: f64,
    /// Seconds until nobody held any of them any more, counted from the last invalidation.
    until_dropped: f64,
    /// Bytes of the server's memory for who holds what.
    memory: f64,
}

pub(crate) fn print() {
    tokio::runtime::Runtime::new().unwrap().block_on(print_all());
}

async fn print_all() {
    let server = RedisServer::start();
    let writer = cache(&server);
    let holders: Vec<_> = (0..PROCESSES[2]).map(|_| cache(&server)).collect();
    let mut all: [[Spread; 5]; 2] = Default::default();
    for _ in 0..ROUNDS {
        let nobody = cost(&server, &writer, &holders[..PROCESSES[0]]).await;
        for (place, processes) in PROCESSES[1..].iter().enumerate() {
            let cost = cost(&server, &writer, &holders[..*processes]).await;
            #[expect(clippy::cast_precision_loss, reason = "both are small")]
            let copies = (KEYS * processes) as f64;
            let [took, effort, sent, memory, dropped] = &mut all[place];
            took.add(cost.took / nobody.took);
            effort.add(cost.effort / nobody.effort);
            sent.add((cost.sent - nobody.sent) / copies);
            memory.add((cost.memory - nobody.memory) / copies);
            dropped.add(cost.until_dropped / cost.took);
        }
    }
    for (processes, [took, effort, sent, memory, dropped]) in PROCESSES[1..].iter().zip(&all) {
        println!("{KEYS} keys invalidated, processes that hold them in memory: {processes}");
        println!("  {:.2}  times as long as with nobody who holds them", took.median());
        println!("  {:.2}  times the server's processor time", effort.median());
        println!("  {:.0}  bytes sent per key and process", sent.median());
        println!("  {:.0}  bytes of the server's memory per key and process", memory.median());
        println!(
            "  {:.2}  of that time more until the last of them was dropped everywhere",
            dropped.median()
        );
    }
}

async fn cost(server: &RedisServer, writer: &Cache, holders: &[Cache]) -> Cost {
    let names: Vec<_> = (0..KEYS).map(|number| format!("key:{number}")).collect();
    load(writer, &names).await;
    writer.settle().await;
    let before = server.info::<f64>("used_memory");
    for holder in holders {
        load(holder, &names).await;
        assert_eq!(holder.stats().loads, 0);
        assert_eq!(held(holder, &names).await, names.len());
    }
    let memory = server.info::<f64>("used_memory") - before;
    let (effort, sent) = (used(server), server.info::<f64>("total_net_output_bytes"));
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for part in names.chunks(KEYS.div_ceil(WRITERS)) {
        let (writer, part) = (writer.clone(), part.to_vec());
        tasks.spawn(async move {
            for name in part {
                assert_eq!(writer.invalidate(&name).await, Invalidated::Done);
            }
        });
    }
    tasks.join_all().await;
    let done = Instant::now();
    let mut dropped = done;
    for holder in holders {
        loop {
            let looked = Instant::now();
            if held(holder, &names).await == 0 {
                break;
            }
            dropped = looked;
        }
    }
    let until_dropped = (dropped - done).as_secs_f64();
    Cost {
        took: (done - begun).as_secs_f64(),
        effort: used(server) - effort,
        sent: server.info::<f64>("total_net_output_bytes") - sent,
        until_dropped,
        memory,
    }
}

/// Lets a process load what Redis does not have, and keep all of it in memory.
async fn load(cache: &Cache, names: &[String]) {
    let load = |names: Vec<String>| {
        let value = |name: String| (name, [0_u64; 8]);
        let values: HashMap<_, _> = names.into_iter().map(value).collect();
        async { Ok::<_, Infallible>(values) }
    };
    for part in names.chunks(PART) {
        let Ok(_) = cache.batch(part).ttl(Duration::from_secs(3_600)).get_or_load_many(load).await;
        cache.settle().await;
    }
}

/// How many of the entries a process holds in memory.
async fn held(cache: &Cache, names: &[String]) -> usize {
    let before = cache.stats().memory_hits;
    let _: HashMap<String, [u64; 8]> = cache.batch(names).get_many().await.unwrap();
    usize::try_from(cache.stats().memory_hits - before).unwrap()
}

fn cache(server: &RedisServer) -> Cache {
    let redis = Redis::from_url(server.url()).unwrap();
    let memory = Memory::bounded(20_000);
    Cache::builder("fanout").backend(redis).memory(memory).build().unwrap()
}
