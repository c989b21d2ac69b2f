//! Functions that are not `async`: the same answers, in whatever thread they are called.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use athena_cache::testing::{ChaosBackend, Fault as Chaotic, ManualClock, MemoryBackend};
use athena_cache::{Cache, athena_cache, athena_invalidate};
use futures_util::FutureExt as _;
use tokio::runtime::{Builder, Handle};
use tokio::task::{block_in_place, spawn_blocking};

use crate::world::{Fault, Log, TTL, World};

/// A source that counts how often it is asked, and answers with the count.
#[derive(Debug, Default)]
struct Counter(AtomicU32);

impl Counter {
    fn next(&self) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

#[athena_cache(ttl = "10s", key = "price:{id}", skip(source), cache = cache)]
fn price(cache: &Cache, source: &Counter, id: u32) -> Result<u32, Fault> {
    if id == 0 {
        return Err(Fault::NotFound);
    }
    let loaded = Some(source.next()).ok_or(Fault::Down)?;
    Ok(loaded + id)
}

#[athena_cache(ttl = "10s", refresh = "50%", soft_timeout = "1s", cache = cache, skip(source))]
fn kept_fresh(cache: &Cache, source: &Arc<Counter>, name: &str) -> String {
    format!("{name} {}", source.next())
}

#[athena_invalidate(keys = ["price:{id}"], cache = cache)]
fn set_price(cache: &Cache, id: u32) -> Result<(), Fault> {
    if id == 0 { Err(Fault::NotFound) } else { Ok(()) }
}

fn with_backend() -> Cache {
    Cache::builder("test").backend(MemoryBackend::new()).build().unwrap()
}

/// What a thread outside of any runtime comes to.
fn outside<T: Send>(code: impl FnOnce() -> T + Send) -> T {
    thread::scope(|threads| threads.spawn(code).join().unwrap())
}

#[test]
fn it_answers_in_a_thread_without_a_runtime() {
    for cache in [Cache::in_memory("test"), with_backend()] {
        let source = Counter::default();
        for _ in 0..3 {
            assert_eq!(price(&cache, &source, 1), Ok(2));
        }
        assert_eq!(source.count(), 1);
        assert_eq!(price(&cache, &source, 0), Err(Fault::NotFound), "its own error");
        assert_eq!(price(&cache, &source, 0), Err(Fault::NotFound));
    }
}

#[tokio::test]
async fn it_answers_in_a_thread_for_code_that_waits_and_shares_its_values() {
    let backend = MemoryBackend::new();
    let cache = || Cache::builder("test").backend(backend.clone()).build().unwrap();
    let (one, other, source) = (cache(), cache(), Arc::new(Counter::default()));
    let call = |cache: &Cache| {
        let (cache, source) = (cache.clone(), Arc::clone(&source));
        spawn_blocking(move || price(&cache, &source, 1))
    };
    assert_eq!(call(&one).await.unwrap(), Ok(2));
    one.settle().await;
    assert_eq!(call(&other).await.unwrap(), Ok(2));
    assert_eq!(other.stats().backend_hits, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_thread_outside_uses_the_runtime_that_the_cache_was_built_in() {
    let backend = MemoryBackend::new();
    let cache = || Cache::builder("test").backend(backend.clone()).build().unwrap();
    let (one, other, source) = (cache(), cache(), Counter::default());
    assert_eq!(outside(|| price(&one, &source, 1)), Ok(2));
    one.settle().await;
    assert_eq!(one.stats().fills, 1, "a task has stored it");
    assert_eq!(outside(|| price(&other, &source, 1)), Ok(2));
}

#[athena_cache(ttl = "10s", cache = cache)]
fn sees_a_runtime(cache: &Cache, id: u32) -> bool {
    let _ = id;
    Handle::try_current().is_ok()
}

#[test]
fn a_thread_outside_stays_there_for_the_function_whatever_has_become_of_the_runtime() {
    for runtime in [
        Builder::new_multi_thread().worker_threads(1).build(),
        Builder::new_current_thread().build(),
    ] {
        let runtime = runtime.unwrap();
        let (one, other) = runtime.block_on(async { (with_backend(), with_backend()) });
        let source = Counter::default();
        assert!(!sees_a_runtime(&one, 1), "the runtime is there");
        assert_eq!(price(&one, &source, 1), Ok(2));
        drop(runtime);
        assert!(!sees_a_runtime(&other, 1), "it was shut down");
        assert_eq!((price(&other, &source, 1), set_price(&other, 1)), (Ok(3), Ok(())));
        assert_eq!(price(&other, &source, 1), Ok(4));
    }
}

#[test]
fn a_thread_outside_loads_by_itself_what_others_have_reloaded_for_them() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let clock = ManualClock::new();
    let building = async { Cache::builder("test").clock(&clock).build().unwrap() };
    let (cache, source) = (runtime.block_on(building), Arc::new(Counter::default()));
    assert_eq!(kept_fresh(&cache, &source, "a"), "a 1");
    clock.advance(TTL / 2);
    assert_eq!(kept_fresh(&cache, &source, "a"), "a 1", "nobody would run a refresh");
    clock.advance(TTL / 2);
    assert_eq!(kept_fresh(&cache, &source, "a"), "a 2");
}

#[tokio::test]
async fn a_task_is_left_as_it_was() {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    sender.send(1).unwrap();
    let cache = with_backend();
    sees_a_runtime(&cache, 1);
    set_price(&cache, 1).unwrap();
    assert_eq!(receiver.recv().now_or_never(), Some(Some(1)), "what is there can be taken");
}

#[tokio::test]
async fn in_a_task_memory_answers_and_nothing_else_is_waited_for() {
    let (log, source) = (Log::default(), Counter::default());
    let _logging = log.set();
    let cache = Cache::in_memory("test");
    for _ in 0..2 {
        assert_eq!(price(&cache, &source, 1), Ok(2), "it loads and keeps without waiting");
    }
    let cache = with_backend();
    assert_eq!(price(&cache, &source, 1), Ok(3));
    assert_eq!(price(&cache, &source, 1), Ok(4), "it does not wait for the backend");
    assert_eq!(cache.stats().bypassed, 2);
    let told = log.lines().iter().filter(|line| line.contains("was called in a task")).count();
    assert_eq!(told, 1, "once");
}

#[tokio::test]
async fn in_a_task_no_load_of_somebody_else_is_waited_for() {
    let cache = Cache::in_memory("test");
    let (begun, (open, gate)) = (Arc::new(tokio::sync::Notify::new()), mpsc::channel());
    let other = {
        let (cache, begun) = (cache.clone(), Arc::clone(&begun));
        spawn_blocking(move || slow(&cache, &begun, &gate))
    };
    begun.notified().await;
    let (opened, own_gate) = mpsc::channel();
    drop(opened);
    assert_eq!(slow(&cache, &begun, &own_gate), 7, "while the other one goes on");
    drop(open);
    assert_eq!(other.await.unwrap(), 7);
}

/// Ends once the other end of the gate is gone.
#[athena_cache(ttl = "10s", key = "slow", skip(begun, gate), cache = cache)]
fn slow(cache: &Cache, begun: &tokio::sync::Notify, gate: &Receiver<()>) -> u8 {
    begun.notify_one();
    let _ = gate.recv();
    7
}

#[test]
fn threads_that_want_the_same_share_one_load() {
    let (cache, source) = (Cache::in_memory("test"), Counter::default());
    thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| assert_eq!(price(&cache, &source, 1), Ok(2)));
        }
    });
    assert_eq!(source.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_hands_its_tasks_on_may_wait() {
    let (cache, source) = (with_backend(), Counter::default());
    assert_eq!(block_in_place(|| price(&cache, &source, 1)), Ok(2));
    assert_eq!(cache.stats().bypassed, 0);
}

#[tokio::test]
async fn a_refresh_runs_in_a_thread_of_its_own() {
    let clock = ManualClock::new();
    let cache = Cache::builder("test").clock(&clock).build().unwrap();
    let source = Arc::new(Counter::default());
    let call = || {
        let (cache, source) = (cache.clone(), Arc::clone(&source));
        spawn_blocking(move || kept_fresh(&cache, &source, "a"))
    };
    assert_eq!(call().await.unwrap(), "a 1");
    clock.advance(TTL / 2);
    assert_eq!(call().await.unwrap(), "a 1", "the current value, at once");
    cache.settle().await;
    assert_eq!((source.count(), cache.stats().refreshes), (2, 1));
    assert_eq!(call().await.unwrap(), "a 2");
}

#[tokio::test]
async fn an_invalidation_counts_wherever_it_is_called() {
    let (cache, source) = (with_backend(), Arc::new(Counter::default()));
    let load = || {
        let (cache, source) = (cache.clone(), Arc::clone(&source));
        spawn_blocking(move || price(&cache, &source, 1))
    };
    assert_eq!(load().await.unwrap(), Ok(2));
    let here = cache.clone();
    spawn_blocking(move || set_price(&here, 1)).await.unwrap().unwrap();
    assert_eq!(load().await.unwrap(), Ok(3));
    outside(|| set_price(&cache, 1)).unwrap();
    assert_eq!(load().await.unwrap(), Ok(4));
    set_price(&cache, 1).unwrap();
    assert_eq!(load().await.unwrap(), Ok(5), "in a task as well");
    assert_eq!(set_price(&cache, 0), Err(Fault::NotFound));
}

#[test]
fn a_backend_that_hangs_is_waited_for_as_long_as_a_thread_may_be() {
    let backend = ChaosBackend::new(MemoryBackend::new(), 1);
    backend.chaos().always(Chaotic::Hang);
    let mut builder = Cache::builder("test").backend(backend);
    builder = builder.resilience({
        let mut limits = athena_cache::Resilience::guide();
        limits.blocking_deadline = Duration::from_millis(50);
        limits
    });
    let cache = builder.build().unwrap();
    // Else it would take ten seconds, and ten more.
    let (ended, end) = mpsc::channel();
    thread::spawn(move || ended.send(price(&cache, &Counter::default(), 1)));
    assert_eq!(end.recv_timeout(Duration::from_secs(9)), Ok(Ok(2)));
}

#[test]
fn a_cache_in_scope_is_used_by_functions_that_name_none() {
    #[athena_cache(ttl = "10s")]
    fn doubled(number: u32) -> u32 {
        number * 2
    }
    let cache = Cache::in_memory("test");
    cache.sync_scope(|| {
        assert_eq!((doubled(2), doubled(2)), (4, 4));
    });
    assert_eq!(cache.stats().memory_hits, 1);
}

#[tokio::test]
async fn a_refresh_finds_the_cache_that_its_caller_is_in_the_scope_of() {
    #[athena_cache(ttl = "1s")]
    fn half(number: u32) -> u32 {
        number / 2
    }
    #[athena_cache(ttl = "10s", refresh = "50%")]
    fn halved(number: u32) -> u32 {
        half(number)
    }
    let world = World::in_memory();
    for (after, misses) in [(0, 2), (6, 3)] {
        world.advance(Duration::from_secs(after));
        let cache = world.cache.clone();
        let call = spawn_blocking(move || cache.sync_scope(|| halved(8)));
        assert_eq!(call.await.unwrap(), 4);
        world.cache.settle().await;
        assert_eq!(world.cache.stats().misses, misses);
    }
}

struct Shop {
    cache: Cache,
    source: Counter,
}

trait Prices {
    fn of<T: serde::Serialize + Clone>(&self, what: T) -> Option<u32>;
}

impl Shop {
    #[athena_cache(ttl = "10s", cache = self.cache, skip(self))]
    fn total(&self, parts: &[u32]) -> u32 {
        self.source.next() + parts.iter().sum::<u32>()
    }
}

impl Prices for Shop {
    #[athena_cache(ttl = "10s", negative_ttl = "5s", cache = self.cache, skip(self))]
    fn of<T: serde::Serialize + Clone>(&self, what: T) -> Option<u32> {
        let _ = what;
        (self.source.next() > 1).then_some(1)
    }
}

#[test]
fn methods_traits_and_generics_are_cached_as_well() {
    let shop = Shop { cache: Cache::in_memory("test"), source: Counter::default() };
    assert_eq!((shop.of("a"), shop.of("a")), (None, None));
    assert_eq!((shop.of(1_u8), shop.of(1_u8)), (Some(1), Some(1)));
    assert_eq!((shop.total(&[1, 2]), shop.total(&[1, 2])), (6, 6));
    assert_eq!(shop.source.count(), 3);
}

#[athena_cache(ttl = "10s", cache = cache)]
fn fibonacci(cache: &Cache, number: u64) -> u64 {
    if number < 2 { number } else { fibonacci(cache, number - 1) + fibonacci(cache, number - 2) }
}

#[test]
fn a_function_may_call_itself() {
    let cache = Cache::in_memory("test");
    assert_eq!(fibonacci(&cache, 60), 1_548_008_755_920);
}
