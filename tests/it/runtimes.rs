//! Wherever it is called from, a function returns what it would without a cache: on runtimes without timers,
//! outside of any, and beside one that nobody drives any more.

use std::collections::HashMap;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::{Chaos, ChaosBackend, Fault as Chaotic, MemoryBackend};
use athena_cache::{Cache, Invalidated, Source, athena_cache, athena_invalidate, of};
use tokio::runtime::Runtime;

use crate::world::{Fault, Gate, Log, Origin, Remote, TTL, others_rest};

/// A runtime as somebody builds it who needs no timers.
fn without_timers() -> Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

/// As small executors do it: no runtime, one future, and a thread that is parked meanwhile.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// The places in which a future can be driven, on the machine's clock.
fn everywhere(run: impl AsyncFn()) {
    block_on(run());
    without_timers().block_on(run());
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(run());
}

/// A cache without a backend, and ones with a backend that fares well and badly.
fn caches() -> Vec<(&'static str, Cache)> {
    let with = |disturb: fn(&Chaos)| {
        let backend = ChaosBackend::new(MemoryBackend::new(), 1);
        let chaos = backend.chaos();
        let cache = Cache::builder("test").backend(backend).build().unwrap();
        disturb(&chaos);
        cache
    };
    vec![
        ("no backend", Cache::in_memory("test")),
        ("a backend", with(|_| ())),
        ("a backend that is away", with(|chaos| chaos.always(Chaotic::Error(Class::Unreachable)))),
        // Attempted again, after pauses.
        ("a backend that is busy", with(|chaos| chaos.next(3, Chaotic::Error(Class::Timeout)))),
    ]
}

#[athena_cache(ttl = "10s", key = "plain:{id}", cache = cache)]
async fn plain(cache: &Cache, id: u32) -> Result<u32, Fault> {
    Ok(id)
}

#[athena_cache(
    ttl = "10s", grace = "1m", refresh = "1%", soft_timeout = "1ms", hard_timeout = "10s",
    key = "softly:{id}", cache = cache
)]
async fn softly(cache: Cache, id: u32) -> Result<u32, Fault> {
    Ok(id)
}

#[athena_invalidate(keys = ["plain:{id}"], tags = ["numbers"], cache = cache)]
async fn change(cache: &Cache, id: u32) -> Result<u32, Fault> {
    Ok(id)
}

#[test]
fn every_kind_of_call_returns_its_value_in_every_kind_of_runtime_and_outside_of_any() {
    everywhere(async || {
        for (name, cache) in caches() {
            for _ in 0..2 {
                assert_eq!(plain(&cache, 1).await, Ok(1), "{name}");
                assert_eq!(softly(cache.clone(), 2).await, Ok(2), "{name}");
                let load = |names: Vec<String>| async move {
                    Ok::<_, Fault>(
                        names.into_iter().map(|name| (name, 3)).collect::<HashMap<_, _>>(),
                    )
                };
                let many = cache.batch(["a", "b"]).get_or_load_many(load).await.unwrap();
                assert_eq!((many["a"], many["b"]), (3, 3), "{name}");
                assert_eq!(of(plain(&cache, 1)).refresh().await.unwrap(), Ok(1), "{name}");
                assert_eq!(change(&cache, 1).await, Ok(1), "{name}");
            }
            let entry = || cache.entry("by hand").ttl(TTL).tags(["numbers"]);
            let _ = entry().insert(4).await;
            let _ = entry().get::<i32>().await;
            let _ = cache.batch(["a", "b"]).get_many::<i32>().await;
            let _ = cache.invalidate_tag("numbers").await;
            let _ = cache.clear().await;
            let _ = of(plain(&cache, 1)).peek().await.unwrap();
            cache.settle().await;
            cache.close().await;
            assert_eq!(plain(&cache, 1).await, Ok(1), "{name}");
        }
    });
}

#[test]
fn callers_wait_for_one_load_in_every_kind_of_runtime_and_outside_of_any() {
    everywhere(async || {
        for (name, cache) in caches() {
            let (origin, gate) = (Origin::default(), Gate::closed());
            let call =
                || cache.entry("k").ttl(TTL).get_or_load(|| origin.waits(&gate, Ok::<_, Fault>(7)));
            let opened = async {
                others_rest().await;
                gate.open();
            };
            let (one, other, ()) = tokio::join!(call(), call(), opened);
            assert_eq!((one, other), (Ok(7), Ok(7)), "{name}");
            assert_eq!(origin.loads(), 1, "{name}");
        }
    });
}

#[test]
fn limits_act_in_every_kind_of_runtime_and_outside_of_any() {
    everywhere(async || {
        for (name, cache) in caches() {
            let entry = cache.entry("k").hard_timeout(Duration::from_millis(1));
            let answer = entry.get_or_load(pending::<Result<u32, Fault>>).await;
            assert!(matches!(answer, Err(Fault::Cache(_))), "{name}: {answer:?}");
        }
    });
}

#[test]
fn what_is_missing_outside_of_a_runtime_is_told_once() {
    let log = Log::default();
    let (_other, _guard) = (Log::default().set(), log.set());
    let store = MemoryBackend::new();
    let cache = Cache::builder("lonely").backend(store.clone()).build().unwrap();
    assert!(log.lines().is_empty(), "building is no call: {:?}", log.lines());
    for id in 0..5 {
        assert_eq!(block_on(plain(&cache, id)), Ok(id));
    }
    let lines = log.lines();
    let told: Vec<_> = lines.iter().filter(|line| line.contains("outside of a tokio")).collect();
    assert_eq!(told.len(), 1, "{lines:#?}");
    for part in ["WARN", "lonely", "make such calls inside of a tokio runtime"] {
        assert!(told[0].contains(part), "{}", told[0]);
    }
    let leases = store.names().into_iter().filter(|name| name.ends_with(":l")).count();
    assert_eq!(leases, 0, "nobody could give it back");
}

/// A runtime in which a cache was built and used, and which nobody drives now.
fn left_behind(build: impl FnOnce() -> Remote) -> (Runtime, Remote) {
    let runtime = without_timers();
    let remote = runtime.block_on(async {
        let remote = build();
        others_rest().await;
        remote
    });
    (runtime, remote)
}

#[test]
fn memory_is_trusted_again_although_the_first_runtime_stands_still() {
    let (first, remote) = left_behind(Remote::tiered);
    let (cache, origin) = (&remote.world.cache, Origin::default());
    let ask = async || {
        let load = || origin.returns(Ok::<_, Fault>(1));
        let source = cache.entry("k").ttl(TTL * 10).observe(load).await.outcome.source;
        cache.settle().await;
        source
    };
    let second = without_timers();
    second.block_on(async { assert_eq!(ask().await, Source::Load) });
    // To and fro: what was taken from a runtime does no harm when that goes on.
    for runtime in [&second, &first, &second, &first] {
        runtime.block_on(async {
            for _ in 0..3 {
                remote.world.advance(Duration::from_secs(3));
                assert_eq!(
                    ask().await,
                    Source::Backend,
                    "for longer than counts nothing was heard"
                );
                others_rest().await;
                assert_eq!(ask().await, Source::Memory, "somebody asks for signs of life again");
            }
        });
    }
    assert_eq!(origin.loads(), 1);
}

#[test]
fn what_the_journal_holds_is_sent_although_the_first_runtime_stands_still() {
    let (first, remote) = left_behind(Remote::tiered);
    let (cache, chaos) = (&remote.world.cache, &remote.chaos);
    first.block_on(async {
        chaos.always(Chaotic::Error(Class::Unreachable));
        assert_eq!(cache.invalidate("k").await, Invalidated::Pending);
        others_rest().await;
    });
    chaos.heal();
    chaos.reconnect();
    without_timers().block_on(async {
        assert_eq!(cache.stats().journal_depth, 1);
        for _ in 0..10 {
            // Not about what waits, nor about its node's entries.
            let _ = cache.entry("other").in_memory().get::<u8>().await;
            remote.world.advance(Duration::from_secs(1));
            others_rest().await;
        }
        assert_eq!(cache.stats().journal_depth, 0);
    });
}

#[test]
fn closing_returns_although_the_first_runtime_stands_still() {
    let log = Log::default();
    let (_other, _guard) = (Log::default().set(), log.set());
    let (first, remote) = left_behind(Remote::tiered);
    let cache = &remote.world.cache;
    without_timers().block_on(cache.close());
    let told = |log: &Log| log.lines().iter().filter(|it| it.contains("stands still")).count();
    assert_eq!(told(&log), 1, "{:?}", log.lines());
    // Nothing of it is left once that goes on.
    first.block_on(async {
        others_rest().await;
        cache.close().await;
    });
    assert_eq!(told(&log), 1);
}

#[test]
fn settling_has_an_end_although_the_first_runtime_stands_still() {
    let (first, remote) = left_behind(Remote::tiered);
    let (cache, origin, gate) = (&remote.world.cache, Origin::default(), Gate::closed());
    first.block_on(async {
        let load = || origin.waits(&gate, Ok::<_, Fault>(1));
        let call = cache.entry("k").ttl(TTL).get_or_load(load);
        let opened = async { gate.open() };
        // The fill begins when the caller has its value; nobody drives the runtime then.
        assert_eq!(tokio::join!(call, opened).0, Ok(1));
    });
    without_timers().block_on(async {
        let settled = async { cache.settle().await };
        let advance = async {
            others_rest().await;
            remote.world.advance(Duration::from_secs(3_600));
        };
        tokio::join!(settled, advance);
    });
}

#[test]
fn a_call_that_nobody_polls_any_more_holds_up_no_other() {
    // The breaker of the node is closed, or half-open and waits for that very call.
    for failures in [1, 5] {
        without_timers().block_on(async {
            let remote = Remote::new();
            let (cache, chaos, origin) = (&remote.world.cache, &remote.chaos, Origin::default());
            chaos.always(Chaotic::Error(Class::Unreachable));
            for _ in 0..failures {
                assert_eq!(cache.invalidate("k").await, Invalidated::Pending);
            }
            remote.world.advance(Duration::from_secs(10));
            // It is about to replay what waits.
            chaos.next(1, Chaotic::Hang);
            let mut left_alone = Box::pin(cache.entry("k").get::<u32>());
            let mut context = Context::from_waker(Waker::noop());
            assert!(left_alone.as_mut().poll(&mut context).is_pending());
            for _ in 0..6 {
                let load = || origin.returns(Ok::<_, Fault>(1));
                let mut call = pin!(cache.entry("k").ttl(TTL * 100).get_or_load(load));
                let value = poll_fn(|context| {
                    remote.world.advance(Duration::from_millis(1));
                    context.waker().wake_by_ref();
                    call.as_mut().poll(context)
                });
                assert_eq!(value.await, Ok(1));
                others_rest().await;
                remote.world.advance(Duration::from_secs(10));
            }
            let state = cache.breaker();
            assert_eq!(cache.stats().journal_depth, 0, "{failures}: {state:?}");
            assert_eq!(cache.stats().fills, 1, "{failures}: {state:?}");
        });
    }
}

#[test]
fn a_backend_that_panics_for_want_of_a_runtime_is_one_that_is_away() {
    let log = Log::default();
    let (_other, _guard) = (Log::default().set(), log.set());
    let backend = ChaosBackend::new(MemoryBackend::new(), 1);
    let chaos = backend.chaos();
    let cache = Cache::builder("test").backend(backend).build().unwrap();
    chaos.always(Chaotic::Panic);
    everywhere(async || {
        for id in 0..10 {
            assert_eq!(plain(&cache, id).await, Ok(id));
            assert_eq!(change(&cache, id).await, Ok(id));
        }
        let _ = cache.invalidate_tag("numbers").await;
    });
    block_on(cache.close());
    let lines = log.lines();
    let told: Vec<_> = lines.iter().filter(|line| line.contains("the backend panicked")).collect();
    assert_eq!(told.len(), 1, "{lines:#?}");
    assert!(told[0].contains("ERROR") && told[0].contains("enable_all"), "{}", told[0]);
}
