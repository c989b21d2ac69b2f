//! Values and weighers of users that panic, or ask the cache, whenever the cache runs their code.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use athena_cache::testing::MemoryBackend;
use athena_cache::{Cache, Memory};
use futures_util::FutureExt;

use crate::world::{Fault, Remote, TTL, World, others_rest};

fn in_time<T: Send + 'static>(what: &str, run: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let _ = sender.send(run());
    });
    match receiver.recv_timeout(Duration::from_secs(20)) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{what}: hangs for ever"),
        Err(mpsc::RecvTimeoutError::Disconnected) => panic!("{what}: panicked"),
    }
}

/// Panics when it is dropped, once armed.
#[derive(Clone)]
struct Bomb {
    armed: Arc<AtomicBool>,
    _probe: Arc<()>,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(
            !self.armed.swap(false, Ordering::SeqCst),
            "a value that panics when it is dropped"
        );
    }
}

#[tokio::test]
async fn memory_stays_bounded_after_a_value_panicked_when_it_was_evicted() {
    let world = World::with(|builder| builder.memory(Memory::bounded(10)));
    let (probe, armed) = (Arc::new(()), Arc::new(AtomicBool::new(false)));
    for number in 0..10 {
        let bomb = Bomb { armed: Arc::clone(&armed), _probe: Arc::clone(&probe) };
        world.cache.entry(number.to_string()).in_memory().insert(bomb).await.unwrap();
    }
    let _ = world.cache.stats();
    armed.store(true, Ordering::SeqCst);
    let quiet = Arc::new(AtomicBool::new(false));
    for number in 0..10_000 {
        let bomb = Bomb { armed: Arc::clone(&quiet), _probe: Arc::clone(&probe) };
        let entry = world.cache.entry(format!("more:{number}")).in_memory();
        let entered = AssertUnwindSafe(entry.insert(bomb)).catch_unwind().await;
        assert!(entered.is_ok(), "the panic of another entry's value reached a caller");
    }
    let entries = world.cache.stats().memory_entries;
    assert!(!armed.load(Ordering::SeqCst), "it was never dropped");
    assert!(Arc::strong_count(&probe) < 100, "{} kept, {entries} told", Arc::strong_count(&probe));
}

/// Does something with the cache when it is dropped.
#[derive(Clone)]
struct Calls {
    does: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl Drop for Calls {
    fn drop(&mut self) {
        if let Some(does) = self.does.take()
            && Arc::strong_count(&does) == 1
        {
            does();
        }
    }
}

fn drop_that_calls(act: fn(&Cache), end: fn(&Cache)) {
    in_time("a value whose drop calls the cache", move || {
        let world = World::with(|builder| builder.memory(Memory::bounded(10)));
        let cache = world.cache.clone();
        for number in 0..200 {
            let inner = cache.clone();
            let does: Arc<dyn Fn() + Send + Sync> = Arc::new(move || act(&inner));
            let value = Calls { does: Some(does) };
            let entry = cache.entry((number % 50).to_string()).in_memory();
            entry.insert(value).now_or_never().unwrap().unwrap();
        }
        end(&cache);
    });
}

#[test]
fn a_value_whose_drop_asks_for_stats_is_evicted() {
    drop_that_calls(|cache| drop(cache.stats()), |cache| drop(cache.stats()));
}

#[test]
fn a_value_whose_drop_invalidates_its_own_key_is_replaced_by_a_load() {
    in_time("a load that replaces such a value", || {
        let world = World::in_memory();
        let cache = world.cache.clone();
        let inner = cache.clone();
        let does: Arc<dyn Fn() + Send + Sync> = Arc::new(move || {
            let _ = inner.entry("k").in_memory().invalidate().now_or_never();
        });
        let value = Calls { does: Some(does) };
        let load = || async { Ok::<_, Fault>(value) };
        let first = cache.entry("k").in_memory().ttl(TTL).get_or_load(load).now_or_never();
        drop(first);
        world.advance(TTL * 2);
        let load = || async { Ok::<_, Fault>(Calls { does: None }) };
        let second = cache.entry("k").in_memory().ttl(TTL).get_or_load(load).now_or_never();
        assert!(second.is_some_and(|it| it.is_ok()));
    });
}

#[test]
fn a_value_whose_drop_invalidates_its_own_key_is_replaced_by_an_insert() {
    in_time("an insert that replaces such a value", || {
        let world = World::in_memory();
        let cache = world.cache.clone();
        let inner = cache.clone();
        let does: Arc<dyn Fn() + Send + Sync> = Arc::new(move || {
            let _ = inner.entry("k").in_memory().invalidate().now_or_never();
        });
        let entry = || cache.entry("k").in_memory().ttl(TTL);
        entry().insert(Calls { does: Some(does) }).now_or_never().unwrap().unwrap();
        entry().insert(Calls { does: None }).now_or_never().unwrap().unwrap();
    });
}

#[test]
fn a_weigher_may_invalidate_the_entry() {
    in_time("a weigher that invalidates", || {
        let cell: Arc<OnceLock<Cache>> = Arc::default();
        let inner = Arc::clone(&cell);
        let mut memory = Memory::default();
        memory.max_bytes = Some(100_000);
        let world = World::with(|builder| {
            builder.memory(memory).weigh(move |text: &String| {
                if let Some(cache) = inner.get() {
                    let _ = cache.invalidate("k").now_or_never();
                }
                text.len()
            })
        });
        let _ = cell.set(world.cache.clone());
        let load = || async { Ok::<_, Fault>("x".to_owned()) };
        let loaded = world.cache.entry("k").ttl(TTL).get_or_load(load).now_or_never();
        assert_eq!(loaded, Some(Ok("x".to_owned())));
    });
}

#[tokio::test]
async fn a_value_that_panics_when_it_is_dropped_does_not_keep_an_invalidation_from_others() {
    for by_tag in [false, true] {
        let remote = Remote::tiered();
        let (cache, other) = (&remote.world.cache, remote.neighbour());
        let (probe, armed) = (Arc::new(()), Arc::new(AtomicBool::new(false)));
        let bomb = Bomb { armed: Arc::clone(&armed), _probe: Arc::clone(&probe) };
        other.entry("k").ttl(TTL).tags(["t"]).insert(1_u32).await.unwrap();
        cache.entry("k").in_memory().ttl(TTL).tags(["t"]).insert(bomb).await.unwrap();
        armed.store(true, Ordering::SeqCst);
        let done = if by_tag {
            AssertUnwindSafe(cache.invalidate_tag("t")).catch_unwind().await
        } else {
            AssertUnwindSafe(cache.invalidate("k")).catch_unwind().await
        };
        let seen = other.entry("k").tags(["t"]).get::<u32>().await.unwrap();
        assert_eq!(seen, None, "by tag {by_tag}: {:?}", done.is_ok());
        assert!(done.is_ok(), "by tag {by_tag}: a panic reached the caller");
    }
}

#[tokio::test]
async fn a_value_that_panics_when_it_is_replaced_costs_the_next_caller_nothing() {
    let world = World::in_memory();
    let (probe, armed) = (Arc::new(()), Arc::new(AtomicBool::new(false)));
    let bomb =
        |armed: &Arc<AtomicBool>| Bomb { armed: Arc::clone(armed), _probe: Arc::clone(&probe) };
    world.cache.entry("k").in_memory().ttl(TTL).insert(bomb(&armed)).await.unwrap();
    world.advance(TTL * 2);
    armed.store(true, Ordering::SeqCst);
    let quiet = Arc::new(AtomicBool::new(false));
    let load = || async { Ok::<_, Fault>(bomb(&quiet)) };
    let call = world.cache.entry("k").in_memory().ttl(TTL).get_or_load(load);
    let loaded = AssertUnwindSafe(call).catch_unwind().await;
    assert!(loaded.is_ok(), "the panic of the former value reached a caller");
}

#[tokio::test]
async fn a_value_that_panics_when_it_is_freed_does_not_keep_the_others_from_it() {
    let world = World::in_memory();
    let (probe, armed) = (Arc::new(()), Arc::new(AtomicBool::new(false)));
    for number in 0..5_000 {
        let bomb = Bomb { armed: Arc::clone(&armed), _probe: Arc::clone(&probe) };
        world.cache.entry(number.to_string()).in_memory().tags(["all"]).insert(bomb).await.unwrap();
    }
    others_rest().await;
    armed.store(true, Ordering::SeqCst);
    let _ = world.cache.invalidate_tag("all").await;
    for _ in 0..100 {
        others_rest().await;
        world.advance(Duration::from_secs(10));
    }
    assert_eq!(Arc::strong_count(&probe), 1, "not freed");
}

/// Panics when it is cloned, once armed.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Uncloneable(u32);

static CLONES_PANIC: AtomicBool = AtomicBool::new(false);

impl Clone for Uncloneable {
    fn clone(&self) -> Self {
        assert!(!CLONES_PANIC.load(Ordering::SeqCst), "a value that panics when it is cloned");
        Self(self.0)
    }
}

#[tokio::test]
async fn a_value_that_panics_when_it_is_cloned_is_loaded() {
    for is_remote in [false, true] {
        let world = World::in_memory();
        let remote = Remote::tiered();
        let cache = if is_remote { &remote.world.cache } else { &world.cache };
        CLONES_PANIC.store(true, Ordering::SeqCst);
        for round in 0..2 {
            let load = || async { Ok::<_, Fault>(Uncloneable(1)) };
            let call = cache.entry("k").ttl(TTL).get_or_load(load);
            let loaded = AssertUnwindSafe(call).catch_unwind().await;
            let loaded = loaded.map(|loaded| loaded.unwrap().0).ok();
            assert_eq!(loaded, Some(1), "remote {is_remote} {round}");
            CLONES_PANIC.store(false, Ordering::SeqCst);
        }
    }
}

/// Counts how often it is cloned.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Counted(u32);

static CLONES: AtomicU32 = AtomicU32::new(0);

impl Clone for Counted {
    fn clone(&self) -> Self {
        CLONES.fetch_add(1, Ordering::SeqCst);
        Self(self.0)
    }
}

#[tokio::test]
async fn a_value_that_was_read_and_is_not_kept_here_is_not_cloned() {
    let store = MemoryBackend::new();
    let caches = [1, 2].map(|_| {
        let builder = Cache::builder("test").backend(store.clone());
        builder.memory(Memory::off()).build().unwrap()
    });
    for cache in &caches {
        CLONES.store(0, Ordering::SeqCst);
        let load = || async { Ok::<_, Fault>(Counted(1)) };
        let value = cache.entry("k").ttl(TTL).get_or_load(load).await;
        assert_eq!(value.unwrap().0, 1);
        cache.settle().await;
    }
    assert_eq!((caches[1].stats().backend_hits, CLONES.load(Ordering::SeqCst)), (1, 0));
}

/// A panic whose payload panics when it is dropped.
struct Payload;

impl Drop for Payload {
    fn drop(&mut self) {
        assert!(thread::panicking(), "the payload of a panic panics");
    }
}

#[tokio::test]
async fn a_weigher_that_panics_with_a_payload_that_panics_is_contained() {
    let mut memory = Memory::default();
    memory.max_bytes = Some(100_000);
    let world = World::with(|builder| {
        builder.memory(memory).weigh(|_: &String| std::panic::panic_any(Payload))
    });
    let load = || async { Ok::<_, Fault>("x".to_owned()) };
    let call = world.cache.entry("k").ttl(TTL).get_or_load(load);
    let loaded = AssertUnwindSafe(call).catch_unwind().await;
    assert_eq!(loaded.ok(), Some(Ok("x".to_owned())));
}
