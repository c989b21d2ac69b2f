//! Calls that nothing answers: looked up, leased, loaded, filled.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use athena_cache::{Cache, Memory};

use super::redis::{crowd, number};
use super::{Subjects, counts, labels};
use crate::effort;
use crate::names::Names;
use crate::peer::{Calls, Subject, amalgam, athena, bare, cached, hitbox, loads};
use crate::rounds::ratios;
use crate::stage::{Counts, Meter, Stage};
use crate::support::server::RedisServer;
use crate::table::Table;

const TASKS: [u64; 3] = [1, 16, 256];
const ROUNDS: usize = 11;
const ROUND: Duration = Duration::from_millis(80);
const CALLS: usize = 1_000;
/// Names that no section has used before.
static NEXT: AtomicU64 = AtomicU64::new(1_000_000_000);

/// Without memory, and with memory as the fallback; a runtime has to be entered.
fn caches(url: &str) -> [Cache; 2] {
    let off = athena::in_redis("miss-off", url, Memory::off());
    [off, athena::in_redis("miss", url, Memory::fallback_only(1_000))]
}

async fn peers(url: &str, [off, fallback]: [Cache; 2]) -> Subjects {
    vec![
        Arc::new(bare::Bare::connect(url).await),
        Arc::new(cached::InRedis::connect(url)),
        Arc::new(hitbox::InRedis::connect(url)),
        Arc::new(amalgam::InRedis::connect(url).await),
        Arc::new(athena::Shared { label: "athena with lease, memory off", cache: off }),
        Arc::new(athena::Shared {
            label: "athena with lease, memory as fallback",
            cache: fallback,
        }),
    ]
}

pub(crate) fn print(stage: &Stage) {
    let url = stage.server().url();
    let (subjects, caches) = stage.runtime().block_on(async {
        let caches = caches(&url);
        (peers(&url, caches.clone()).await, caches)
    });
    let mut table = Table::new(
        "Miss and fill, value of 200 bytes: calls per processor time of client and server, and the server's for one, \
         against bare GET and SET",
        labels(&subjects),
    );
    let measured = TASKS.map(|tasks| {
        let measure = |_, subject: usize| measure(stage, &subjects[subject], tasks);
        (tasks, ratios(ROUNDS, subjects.len(), measure))
    });
    for (tasks, [thrift, _]) in &measured {
        table.ratios(&number(*tasks), thrift);
    }
    for (tasks, [_, server]) in &measured {
        table.ratios(&format!("server, {tasks}"), server);
    }
    for cache in caches {
        let stats = cache.stats();
        assert_eq!((stats.fills, stats.unleased_loads), (stats.loads, 0), "{stats:?}");
    }
    let counts = stage.counts("miss");
    table.numbers("allocations", &counts[0]);
    table.numbers("bytes", &counts[1]);
    table.print();
}

pub(crate) fn count(meter: Meter) -> Counts {
    let server = RedisServer::start();
    let calls = u64::try_from(CALLS).expect("few");
    let fresh = || Names::from(NEXT.fetch_add(3 * calls, Ordering::Relaxed), 3 * calls);
    counts(meter, CALLS, async || peers(&server.url(), caches(&server.url())).await, fresh)
}

/// Misses per processor time of client and server, with what they leave to be done behind them, and the
/// server's processor time for one.
fn measure(stage: &Stage, subject: &Arc<dyn Subject>, tasks: u64) -> [f64; 2] {
    let next = Arc::new(AtomicU64::new(NEXT.fetch_add(10_000_000, Ordering::Relaxed)));
    let ran = loads();
    let (server, client) = (effort::of_server(stage.server()), effort::of_process());
    let count = stage.runtime().block_on(async {
        let fresh = |_| Calls::Fresh(Arc::clone(&next));
        let count = crowd(subject, tasks, fresh, Instant::now() + ROUND).await;
        Arc::clone(subject).settled().await;
        count
    });
    let client = effort::of_process() - client;
    let server = effort::of_server(stage.server()) - server;
    assert!((loads() - ran) as f64 >= count, "calls of {} were no misses", subject.label());
    [count / (client + server), server / count]
}
