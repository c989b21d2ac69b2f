//! Hits in Redis: values of 200 bytes, a key for each task.

use std::sync::Arc;
use std::time::{Duration, Instant};

use athena_cache::Memory;

use super::{Subjects, all_hits, counts, labels};
use crate::names::Names;
use crate::peer::{Calls, Subject, TEXT, amalgam, athena, bare, cached, hitbox};
use crate::rounds::ratios;
use crate::stage::{Counts, Meter, Stage};
use crate::support::proxy::{Direction, Mode, Proxy};
use crate::support::server::RedisServer;
use crate::table::Table;

const TASKS: [u64; 3] = [1, 16, 256];
const ROUNDS: usize = 11;
const ROUND: Duration = Duration::from_millis(60);
/// What the proxy adds to a round trip.
const DELAY: Duration = Duration::from_millis(1);
const CALLS: usize = 2_000;

async fn peers(url: &str, cached: Arc<dyn Subject>) -> Subjects {
    let cache = |namespace, memory| athena::in_redis(namespace, url, memory);
    vec![
        Arc::new(bare::Bare::connect(url).await),
        Arc::new(bare::Bare::connect_without_delay(url).await),
        cached,
        Arc::new(hitbox::InRedis::connect(url)),
        Arc::new(amalgam::InRedis::connect(url).await),
        Arc::new(athena::Shared {
            label: "athena, memory off",
            cache: cache("off", Memory::off()),
        }),
        Arc::new(athena::Shared {
            label: "athena, memory as fallback",
            cache: cache("fallback", Memory::fallback_only(1_000)),
        }),
        Arc::new(athena::SharedTagged {
            label: "athena, memory off, two tags",
            cache: cache("tagged", Memory::off()),
        }),
    ]
}

pub(crate) fn print(stage: &Stage) {
    let server = stage.server();
    let proxy = Proxy::start(server.port());
    proxy.set(Direction::ToClient, Mode::Delay(DELAY));
    let (near, far) = stage.runtime().block_on(async {
        let near = Arc::new(cached::InRedis::connect(&server.url()));
        let far = Arc::new(cached::InFarRedis::connect(&proxy.url()));
        (peers(&server.url(), near).await, peers(&proxy.url(), far).await)
    });
    let mut table = Table::new(
        "Hit in Redis, value of 200 bytes: throughput against that of bare GETs",
        labels(&near),
    );
    let names = Names::from(0, *TASKS.last().expect("some"));
    for (subjects, place) in [(&near, ""), (&far, ", 1 ms away")] {
        for subject in subjects {
            let calls = Arc::clone(subject).walk(names.clone(), 0, names.count());
            stage.runtime().block_on(calls);
            stage.runtime().block_on(Arc::clone(subject).settled());
        }
        for tasks in TASKS {
            let speed = |_, subject: usize| [speed(stage, &subjects[subject], &names, tasks)];
            table.ratios(
                &format!("{}{place}", number(tasks)),
                &ratios(ROUNDS, subjects.len(), speed)[0],
            );
        }
    }
    let counts = stage.counts("redis");
    table.numbers("allocations", &counts[0]);
    table.numbers("bytes", &counts[1]);
    table.print();
}

pub(crate) fn count(meter: Meter) -> Counts {
    let server = RedisServer::start();
    let url = server.url();
    let subjects = async || peers(&url, Arc::new(cached::InRedis::connect(&url))).await;
    counts(meter, CALLS, subjects, || Names::from(0, 16))
}

/// Hits a second of all tasks together.
fn speed(stage: &Stage, subject: &Arc<dyn Subject>, names: &Names, tasks: u64) -> f64 {
    let sent = || stage.server().info::<f64>("total_net_output_bytes");
    let before = sent();
    let (count, took) = all_hits(subject.label(), || {
        stage.runtime().block_on(async {
            let begun = Instant::now();
            let own = |task| Calls::Of(names.at(task).into());
            let count = crowd(subject, tasks, own, begun + ROUND).await;
            (count, begun.elapsed())
        })
    });
    assert!(sent() - before > count * TEXT as f64, "{} has not asked Redis", subject.label());
    count / took.as_secs_f64()
}

/// So many tasks, in words.
pub(super) fn number(tasks: u64) -> String {
    format!("{tasks} task{}", if tasks == 1 { "" } else { "s" })
}

/// Lets so many tasks call until then; tells how often they did, all together.
pub(super) async fn crowd(
    subject: &Arc<dyn Subject>,
    tasks: u64,
    calls: impl Fn(usize) -> Calls,
    end: Instant,
) -> f64 {
    let tasks = usize::try_from(tasks).expect("few");
    let start = |task| tokio::spawn(Arc::clone(subject).repeat(calls(task), end));
    let tasks: Vec<_> = (0..tasks).map(start).collect();
    let mut count = 0;
    for task in tasks {
        count += task.await.expect("it does not panic");
    }
    count as f64
}
