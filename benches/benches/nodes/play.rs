//! One play: a start, a while in which nothing happens, a failover.

use std::fmt;
use std::time::{Duration, Instant};

use athena_cache::backend::Backend;
use athena_cache::{Redis, RedisConfig};
use tokio::time::sleep;

use crate::fake::Fakes;
use crate::used::processor_time;

const CALM: Duration = Duration::from_secs(30);
/// How long a primary is gone before its replica takes its place.
const ELECTION: Duration = Duration::from_millis(500);
/// What is watched after a failover.
const AFTER: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(120);

/// What each part of a play costs.
#[derive(Debug)]
pub(crate) struct Phases {
    pub(crate) start: Cost,
    pub(crate) calm: Cost,
    pub(crate) failover: Cost,
    /// When a promoted node serves, after its promotion.
    pub(crate) noticed: Duration,
}

/// Processor time here, and bytes that nodes sent about their cluster.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    cpu: Duration,
    sent: u64,
}

impl Cost {
    /// How often that of fewer nodes it is, per node.
    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    pub(crate) fn against(&self, fewer: &Self, nodes: usize, of: usize) -> (f64, f64) {
        let share = of as f64 / nodes as f64;
        let cpu = self.cpu.as_secs_f64() / fewer.cpu.as_secs_f64();
        let sent = self.sent as f64 / fewer.sent.max(1) as f64;
        (cpu * share, sent * share)
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0?}, {} kB", self.cpu, self.sent / 1_000)
    }
}

/// Measures from one moment on.
struct Meter<'a> {
    fakes: &'a Fakes,
    cpu: Duration,
    sent: u64,
}

impl<'a> Meter<'a> {
    fn start(fakes: &'a Fakes) -> Self {
        let sent = fakes.sent();
        Self { fakes, cpu: processor_time(), sent }
    }

    fn stop(self) -> Cost {
        let cpu = processor_time().checked_sub(self.cpu).unwrap_or_default();
        Cost { cpu, sent: self.fakes.sent() - self.sent }
    }
}

/// Plays with so many nodes.
pub(crate) fn measure(nodes: usize) -> Phases {
    let fakes = Fakes::start(nodes);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.unwrap().block_on(play(&fakes, nodes / 2))
}

async fn play(fakes: &Fakes, primaries: usize) -> Phases {
    let meter = Meter::start(fakes);
    let redis = Redis::new(RedisConfig::new(fakes.url(10))).unwrap();
    redis.connect().await.unwrap();
    // Looked at once each: looking at all of them again and again would cost more than connecting.
    for node in redis.nodes() {
        until("it is connected", || redis.is_ready(node)).await;
    }
    assert_eq!(redis.nodes().len(), primaries);
    let start = meter.stop();

    let meter = Meter::start(fakes);
    sleep(CALM).await;
    let calm = meter.stop();
    let calm = Cost { cpu: calm.cpu * 2, sent: calm.sent * 2 };

    let former = redis.node("{a}");
    let meter = Meter::start(fakes);
    fakes.kill(&redis.endpoint(former));
    sleep(ELECTION).await;
    let promoted = Instant::now();
    fakes.promote(&redis.endpoint(former));
    until("another node serves", || {
        redis.node("{a}") != former && redis.is_ready(redis.node("{a}"))
    })
    .await;
    let noticed = promoted.elapsed();
    sleep(AFTER).await;
    let failover = meter.stop();
    redis.close().await;
    Phases { start, calm, failover, noticed }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        sleep(Duration::from_millis(2)).await;
    }
}
