//! An outage of Redis, seen by the callers of a cached function.
//!
//! Fifty tasks call it all the time. After four seconds Redis is killed or frozen, after eight it is
//! back. Nobody gets an error or a wrong value; the table says what it cost.
//!
//! Run it with `cargo run --release --example outage [kill|freeze]`; it starts a redis-server of its
//! own and ends it. Without an argument it does both.
#![expect(clippy::print_stdout, reason = "it talks to its reader")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::error::Error;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use athena_cache::{
    BreakerState, Cache, Event, Memory, Observer, Redis, Resilience, Source, Stats, athena_cache,
    of,
};
use support::server::RedisServer;
use tokio::task::JoinSet;
use tokio::time::sleep;

const TASKS: u64 = 50;
/// Keys that all tasks ask for.
const WARM_KEYS: u64 = 200;
/// One call in this many asks for a key that nobody has asked for before.
const COLD_SHARE: u64 = 10;
const BREAK_AT: Duration = Duration::from_secs(4);
const RETURN_AT: Duration = Duration::from_secs(8);
const END_AT: Duration = Duration::from_secs(12);

/// The value tells its key, so that a wrong one is seen.
#[athena_cache(ttl = "500ms", key = "price:{id}", cache = cache)]
async fn price(cache: &Cache, id: u64) -> Result<String, athena_cache::Error> {
    Ok(format!("price of {id}"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outage {
    /// The process is gone, and returns empty.
    Kill,
    /// The process stands still: connections stay open, nothing answers.
    Freeze,
}

/// What a call falls into, by the time at which it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Healthy,
    /// Redis is away, and the breaker is not open.
    Undetected,
    /// Redis is away, the breaker is open or tries one call.
    Open,
    Returned,
}

const PHASES: [Phase; 4] = [Phase::Healthy, Phase::Undetected, Phase::Open, Phase::Returned];

fn main() -> Result<(), Box<dyn Error>> {
    let outages = match std::env::args().nth(1).as_deref() {
        None => vec![Outage::Kill, Outage::Freeze],
        Some("kill") => vec![Outage::Kill],
        Some("freeze") => vec![Outage::Freeze],
        Some(other) => {
            return Err(format!("unknown outage `{other}`, expected kill or freeze").into());
        }
    };
    let version = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
    if let Err(error) = version {
        return Err(format!("this needs redis-server on the PATH: {error}").into());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut harmless = true;
    for outage in outages {
        harmless &= runtime.block_on(run(outage))?;
    }
    if harmless { Ok(()) } else { Err("callers noticed the outage".into()) }
}

/// Plays one outage; tells whether callers got the right values, all of them.
async fn run(outage: Outage) -> Result<bool, Box<dyn Error>> {
    let mut server = RedisServer::start();
    let opening = Opening::default();
    // As the first tier memory would answer most calls, and hide what becomes of those that ask Redis.
    let cache = Cache::builder("outage")
        .backend(Redis::from_url(server.url())?)
        .memory(Memory::fallback_only(10_000))
        .observer(opening.clone())
        .build()?;
    println!("\n{outage:?} after {BREAK_AT:?}, back after {RETURN_AT:?}, {TASKS} tasks");
    let scene = Arc::new(Scene::new(cache.clone()));
    let callers: JoinSet<_> = (0..TASKS).map(|task| call(Arc::clone(&scene), task)).collect();

    scene.play_until(BREAK_AT, "redis answers").await;
    scene.enter(Phase::Undetected);
    let broken = Instant::now();
    match outage {
        Outage::Kill => server.kill(),
        Outage::Freeze => server.freeze(),
    }
    let detected = scene.detected(&opening).await;
    scene.enter(Phase::Open);
    scene.play_until(RETURN_AT, "redis is away").await;
    match outage {
        Outage::Kill => server.restart(),
        Outage::Freeze => server.thaw(),
    }
    scene.enter(Phase::Returned);
    let returned = scene.first_hit().await;
    scene.play_until(END_AT, "redis is back").await;
    scene.stop.store(true, Ordering::SeqCst);
    let tallies = callers.join_all().await;

    let report = Report {
        detected: detected.map(|at| at.saturating_duration_since(broken)),
        returned,
        stats: cache.stats(),
        total: Tally::sum(tallies),
    };
    report.print();
    cache.close().await;
    Ok(report.total.errors == 0 && report.total.wrong == 0)
}

/// Notes when the breaker opens for the first time.
#[derive(Debug, Clone, Default)]
struct Opening(Arc<Mutex<Option<Instant>>>);

impl Opening {
    fn at(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Opening {
    fn observe(&self, event: &Event<'_>) {
        if let Event::Breaker { to: BreakerState::Open, .. } = event {
            let mut at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            at.get_or_insert_with(Instant::now);
        }
    }
}

/// What the tasks and the one who breaks things share.
struct Scene {
    cache: Cache,
    start: Instant,
    stop: AtomicBool,
    phase: AtomicU8,
    calls: AtomicU64,
    next_cold: AtomicU64,
    first_hit: Mutex<Option<Instant>>,
}

impl Scene {
    fn new(cache: Cache) -> Self {
        Self {
            cache,
            start: Instant::now(),
            stop: AtomicBool::new(false),
            phase: AtomicU8::new(Phase::Healthy as u8),
            calls: AtomicU64::new(0),
            next_cold: AtomicU64::new(WARM_KEYS),
            first_hit: Mutex::new(None),
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::SeqCst);
    }

    fn phase(&self) -> Phase {
        PHASES[usize::from(self.phase.load(Ordering::SeqCst))]
    }

    /// Lets the tasks go on, and says twice a second how.
    async fn play_until(&self, end: Duration, what: &str) {
        while self.start.elapsed() < end {
            let before = self.calls.load(Ordering::SeqCst);
            let step = Duration::from_millis(500).min(end.saturating_sub(self.start.elapsed()));
            let begun = Instant::now();
            sleep(step).await;
            let calls = self.calls.load(Ordering::SeqCst) - before;
            let rate = u128::from(calls) * 1_000 / begun.elapsed().as_millis().max(1);
            let (at, breaker) = (self.start.elapsed().as_secs_f64(), self.breaker().name());
            println!("  {at:4.1} s  {what:<15}  breaker {breaker:<9}  {rate:>7} calls/s");
        }
    }

    /// Waits until the breaker has opened, for as long as the outage lasts.
    async fn detected(&self, opening: &Opening) -> Option<Instant> {
        while self.start.elapsed() < RETURN_AT {
            if let Some(at) = opening.at() {
                return Some(at);
            }
            sleep(Duration::from_millis(1)).await;
        }
        None
    }

    /// Waits for the first answer of the returned Redis.
    async fn first_hit(&self) -> Option<Duration> {
        let begun = Instant::now();
        while self.start.elapsed() < END_AT {
            let hit = *self.first_hit.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(hit) = hit {
                return Some(hit.saturating_duration_since(begun));
            }
            sleep(Duration::from_millis(1)).await;
        }
        None
    }

    fn note_hit(&self) {
        let mut first = self.first_hit.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(Instant::now);
    }

    fn breaker(&self) -> BreakerState {
        self.cache.breaker().unwrap_or(BreakerState::Disabled)
    }
}

/// One task: calls until it is told to stop.
async fn call(scene: Arc<Scene>, task: u64) -> Tally {
    let mut tally = Tally::default();
    let mut round = task;
    while !scene.stop.load(Ordering::SeqCst) {
        round += 1;
        let id = match round % COLD_SHARE {
            0 => scene.next_cold.fetch_add(1, Ordering::SeqCst),
            _ => (round * 31 + task) % WARM_KEYS,
        };
        let phase = scene.phase();
        let begun = Instant::now();
        let seen = of(price(&scene.cache, id)).observe().await;
        let took = begun.elapsed();
        tally.times[phase as usize].push(took);
        match seen.and_then(|seen| seen.value.map(|value| (value, seen.outcome))) {
            Ok((value, outcome)) => {
                tally.wrong += u64::from(value != format!("price of {id}"));
                if phase == Phase::Returned && outcome.source == Source::Backend {
                    scene.note_hit();
                }
            }
            Err(_) => tally.errors += 1,
        }
        scene.calls.fetch_add(1, Ordering::SeqCst);
        sleep(Duration::from_millis(2)).await;
    }
    tally
}

/// What callers got.
#[derive(Debug, Default)]
struct Tally {
    errors: u64,
    wrong: u64,
    /// By phase.
    times: [Vec<Duration>; PHASES.len()],
}

impl Tally {
    fn sum(tallies: Vec<Self>) -> Self {
        let mut total = Self::default();
        for mut tally in tallies {
            total.errors += tally.errors;
            total.wrong += tally.wrong;
            for (all, times) in total.times.iter_mut().zip(&mut tally.times) {
                all.append(times);
            }
        }
        total.times.iter_mut().for_each(|times| times.sort());
        total
    }
}

/// What is printed at the end.
struct Report {
    detected: Option<Duration>,
    returned: Option<Duration>,
    stats: Stats,
    total: Tally,
}

impl Report {
    fn print(&self) {
        let Self { stats, total, .. } = self;
        let calls: usize = total.times.iter().map(Vec::len).sum();
        println!("\n  calls {calls}, errors {}, wrong values {}", total.errors, total.wrong);
        println!("\n  time of a call, of which the function takes none:");
        println!("  {:<44}  {:>7}  {:>9}  {:>9}  {:>9}", "", "calls", "p50", "p99", "worst");
        for (phase, times) in PHASES.iter().zip(&total.times) {
            let name = match phase {
                Phase::Healthy => "before",
                Phase::Undetected => "redis away, not yet detected",
                Phase::Open => "redis away, detected (with its probes)",
                Phase::Returned => "redis back",
            };
            let at = |share: usize| {
                let place = (times.len() * share / 100).min(times.len().saturating_sub(1));
                times.get(place).map_or_else(|| "-".to_owned(), |time| millis(*time))
            };
            let (count, p50, p99, worst) = (times.len(), at(50), at(99), at(100));
            println!("  {name:<44}  {count:>7}  {p50:>9}  {p99:>9}  {worst:>9}");
        }
        let limits = Resilience::default();
        println!(
            "  limits: {} for one attempt, {} for one call",
            millis(limits.attempt_timeout),
            millis(limits.deadline)
        );
        let time = |time: Option<Duration>| time.map_or_else(|| "never".to_owned(), millis);
        println!("\n  from the break to the open breaker      {}", time(self.detected));
        println!("  from the return to the first hit there  {}", time(self.returned));
        println!(
            "  hits: redis {}, memory {} (while redis could not answer); loads {}",
            stats.backend_hits, stats.degraded_hits, stats.loads
        );
        println!("  failures by class: {:?}", stats.backend_failures);
    }
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
