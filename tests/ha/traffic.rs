//! Many callers all the time, while the server is killed, frozen and started again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use athena_cache::{BreakerState, Cache, athena_cache};
use tokio::task::{JoinSet, spawn_blocking};

use crate::support::proxy::{BOTH, Mode, Proxy};
use crate::support::server::RedisServer;
use crate::world::{Origin, Setup, eventually, healthy, price};

const CALLERS: u32 = 32;
const KEYS: u32 = 50;
/// What a busy machine may add to a call.
const MARGIN: Duration = Duration::from_secs(3);

/// Callers who go on until they are told to stop.
struct Traffic {
    cache: Cache,
    shared: Arc<Shared>,
    callers: JoinSet<()>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    calls: AtomicU64,
    errors: AtomicU64,
    wrong: AtomicU64,
    slowest_ms: AtomicU64,
}

impl Traffic {
    fn start(cache: &Cache) -> Self {
        let shared = Arc::<Shared>::default();
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            callers.spawn(call(cache.clone(), Arc::clone(&shared), caller));
        }
        Self { cache: cache.clone(), shared, callers }
    }

    /// Waits until the callers have got so many answers more.
    async fn goes_on(&self, calls: u64) {
        let aim = self.calls() + calls;
        eventually("the calls go on", async || self.calls() >= aim).await;
    }

    /// Waits until Redis has answered so many calls more.
    async fn hits(&self, hits: u64) {
        let aim = self.cache.stats().backend_hits + hits;
        eventually("redis answers", async || self.cache.stats().backend_hits >= aim).await;
    }

    fn calls(&self) -> u64 {
        self.shared.calls.load(Ordering::SeqCst)
    }

    /// Ends the callers and checks what they got.
    async fn stop(self, slowest: Duration) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.callers.join_all().await;
        let count = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        assert_eq!(count(&self.shared.errors), 0, "errors");
        assert_eq!(count(&self.shared.wrong), 0, "wrong values");
        let took = Duration::from_millis(count(&self.shared.slowest_ms));
        assert!(took <= slowest, "the slowest call took {took:?}");
    }
}

async fn call(cache: Cache, shared: Arc<Shared>, caller: u32) {
    let origin = Origin::default();
    let mut round = caller;
    while !shared.stop.load(Ordering::SeqCst) {
        let id = round % KEYS;
        round = round.wrapping_add(7);
        let start = Instant::now();
        match price(&cache, &origin, id).await {
            Ok(price) if price.id == id => {}
            Ok(_) => drop(shared.wrong.fetch_add(1, Ordering::SeqCst)),
            Err(_) => drop(shared.errors.fetch_add(1, Ordering::SeqCst)),
        }
        let took = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        shared.slowest_ms.fetch_max(took, Ordering::SeqCst);
        shared.calls.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn opens(cache: &Cache) {
    eventually("the breaker opens", async || cache.breaker() == Some(BreakerState::Open)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a01_a73_killed_and_restarted_under_load_no_caller_notices() {
    let mut server = RedisServer::start();
    let setup = Setup::brisk();
    let deadline = setup.settings.resilience.deadline;
    let cache = setup.cache("shop", &server.url());
    let traffic = Traffic::start(&cache);
    traffic.hits(100).await;
    for _ in 0..2 {
        server.kill();
        opens(&cache).await;
        traffic.goes_on(1_000).await;
        server.restart();
        healthy(&cache).await;
        traffic.hits(100).await;
    }
    traffic.stop(deadline + MARGIN).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a01_a20_frozen_and_thawed_under_load_no_caller_waits_longer_than_the_deadline() {
    let server = RedisServer::start();
    let setup = Setup::brisk();
    let deadline = setup.settings.resilience.deadline;
    let cache = setup.cache("shop", &server.url());
    let traffic = Traffic::start(&cache);
    traffic.hits(100).await;
    for _ in 0..2 {
        server.freeze();
        opens(&cache).await;
        traffic.goes_on(1_000).await;
        server.thaw();
        traffic.hits(100).await;
    }
    traffic.stop(deadline + MARGIN).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_while_the_breaker_is_open_a_frozen_server_costs_nothing() {
    let server = RedisServer::start();
    let setup = Setup::brisk().but(|resilience| {
        resilience.breaker.recovery_time = Duration::from_secs(600);
        resilience.breaker.max_recovery_time = Duration::from_secs(600);
    });
    let cache = setup.cache("shop", &server.url());
    let traffic = Traffic::start(&cache);
    traffic.hits(100).await;
    server.freeze();
    opens(&cache).await;
    // Those that were on their way when it opened still wait for their attempt.
    traffic.goes_on(u64::from(CALLERS)).await;
    let origin = Origin::default();
    let mut times = Vec::new();
    for id in 0..500 {
        let start = Instant::now();
        price(&cache, &origin, id).await.unwrap();
        times.push(start.elapsed());
    }
    times.sort();
    // Not more of them: the machine may stand still now and then.
    let p90 = times[times.len() * 9 / 10];
    assert!(p90 < Duration::from_millis(50), "{p90:?}");
    assert_eq!(cache.breaker(), Some(BreakerState::Open));
    server.thaw();
    traffic.stop(Duration::from_secs(1) + MARGIN).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b20_once_the_server_is_known_to_be_down_calls_do_not_queue() {
    let mut server = RedisServer::start();
    let cache = Setup::brisk().cache("shop", &server.url());
    let origin = Origin::default();
    price(&cache, &origin, 0).await.unwrap();
    server.kill();
    crate::world::degraded(&cache).await;
    let mut callers = JoinSet::new();
    for caller in 0..4_u32 {
        let (cache, origin) = (cache.clone(), origin.clone());
        callers.spawn(async move {
            let mut times = Vec::new();
            for call in 0..500 {
                let start = Instant::now();
                price(&cache, &origin, 1 + caller * 500 + call).await.unwrap();
                times.push(start.elapsed());
            }
            times
        });
    }
    let mut times = callers.join_all().await.concat();
    times.sort();
    assert_eq!(origin.loads(), 2001);
    let p90 = times[times.len() * 9 / 10];
    assert!(p90 < Duration::from_millis(50), "{p90:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b06_connections_that_the_server_closes_are_replaced_and_no_caller_notices() {
    let server = RedisServer::start();
    let setup = Setup::brisk();
    let deadline = setup.settings.resilience.deadline;
    let cache = setup.cache("shop", &server.url());
    let traffic = Traffic::start(&cache);
    traffic.hits(100).await;
    for _ in 0..100 {
        server.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
        traffic.goes_on(20).await;
    }
    traffic.hits(100).await;
    traffic.stop(deadline + MARGIN).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b15_a_server_that_becomes_slow_is_not_asked_more_often_for_it() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let setup = Setup::brisk().but(|resilience| {
        resilience.attempt_timeout = Duration::from_millis(200);
        resilience.retry.after_timeout = true;
        resilience.retry.delay = Duration::from_millis(1);
        resilience.breaker.enabled = false;
    });
    let cache = setup.cache("shop", &proxy.url());
    let traffic = Traffic::start(&cache);
    traffic.hits(100).await;
    let before = cache.stats();
    let slow = Instant::now();
    for direction in BOTH {
        proxy.set(direction, Mode::Delay(Duration::from_millis(150)));
    }
    // A hit is one operation, a miss three: it is looked for, leased, and filled.
    let earlier = before.backend_hits + 3 * before.misses;
    // A fifth of all operations, and three in a second, of which ten seconds may be saved up.
    let allowed = |failures| (failures + earlier) / 5 + 3 * (10 + slow.elapsed().as_secs());
    let failures = || cache.stats().backend_failures.values().sum::<u64>();
    // Without a limit every second one would be an operation that is tried again.
    while allowed(failures()) >= failures() / 2 {
        traffic.goes_on(100).await;
    }
    let (retries, failures) = (cache.stats().retries - before.retries, failures());
    proxy.heal();
    traffic.stop(Duration::from_secs(1) + MARGIN).await;
    let allowed = allowed(failures);
    assert!(retries <= allowed, "{retries} retries, {failures} failures, {earlier} before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a20_r8_a_call_ends_at_its_deadline_whatever_the_retries() {
    let server = RedisServer::start();
    let setup = Setup::patient().but(|resilience| {
        resilience.attempt_timeout = Duration::from_millis(300);
        resilience.deadline = Duration::from_secs(1);
        resilience.retry.after_timeout = true;
        resilience.retry.read_attempts = 100;
        resilience.retry.write_attempts = 100;
        resilience.breaker.enabled = false;
    });
    let cache = setup.cache("shop", &server.url());
    let origin = Origin::default();
    price(&cache, &origin, 0).await.unwrap();
    cache.settle().await;
    server.freeze();
    for id in 1..4 {
        let start = Instant::now();
        price(&cache, &origin, id).await.unwrap();
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(300), "{took:?}");
        assert!(took < Duration::from_secs(1) + MARGIN, "{took:?}");
    }
    assert!(cache.stats().retries > 0);
    server.thaw();
}

#[athena_cache(ttl = "10m", skip(origin), cache = cache)]
fn blocking_price(cache: &Cache, origin: &AtomicU32, id: u32) -> u32 {
    origin.fetch_add(1, Ordering::SeqCst);
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a20_a_thread_waits_for_less_long_than_a_future_whatever_the_retries() {
    let server = RedisServer::start();
    let setup = Setup::patient().but(|resilience| {
        resilience.attempt_timeout = Duration::from_secs(10);
        resilience.blocking_deadline = Duration::from_secs(1);
        resilience.retry.after_timeout = true;
        resilience.retry.read_attempts = 100;
        resilience.breaker.enabled = false;
    });
    let cache = setup.cache("shop", &server.url());
    let origin = Arc::new(AtomicU32::new(0));
    let call = |id| {
        let (cache, origin) = (cache.clone(), Arc::clone(&origin));
        move || blocking_price(&cache, &origin, id)
    };
    spawn_blocking(call(0)).await.unwrap();
    cache.settle().await;
    spawn_blocking(call(0)).await.unwrap();
    assert_eq!((cache.stats().backend_hits, origin.load(Ordering::SeqCst)), (1, 1));
    server.freeze();
    let start = Instant::now();
    let outside = thread::spawn(call(2));
    assert_eq!(spawn_blocking(call(1)).await.unwrap(), 1);
    assert_eq!(spawn_blocking(|| outside.join().unwrap()).await.unwrap(), 2);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(1) + MARGIN, "{took:?}");
    server.thaw();
}
