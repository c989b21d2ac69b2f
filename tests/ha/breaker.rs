//! The breaker in front of a frozen server.

use std::future::Future as _;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use athena_cache::backend::Class;
use athena_cache::{BreakerState, Cache, Event, Observer, Source};

use crate::support::server::RedisServer;
use crate::world::{Origin, Setup, eventually, observe, warm};

/// Writes down transitions.
#[derive(Debug, Clone, Default)]
struct Transitions(Arc<Mutex<Vec<(BreakerState, BreakerState)>>>);

impl Observer for Transitions {
    fn observe(&self, event: &Event<'_>) {
        if let Event::Breaker { from, to, .. } = event {
            self.0.lock().expect("no panic").push((*from, *to));
        }
    }
}

#[tokio::test]
async fn a36_a45_five_timeouts_open_it_and_nothing_arrives_while_it_is_open() {
    let server = RedisServer::start();
    let setup = Setup::brisk().but(|resilience| {
        resilience.breaker.recovery_time = Duration::from_secs(600);
        resilience.breaker.max_recovery_time = Duration::from_secs(600);
    });
    let seen = Transitions::default();
    let builder = Cache::builder("shop").settings(setup.settings.clone()).observer(seen.clone());
    let cache = builder.backend(setup.redis(&server.url())).build().unwrap();
    let origin = Origin::default();
    warm(&cache, &origin, [1]).await;
    let before = server.calls("mget");
    server.freeze();
    for _ in 0..5 {
        assert_eq!(cache.breaker(), Some(BreakerState::Closed));
        observe(&cache, &origin, 2).await;
    }
    assert_eq!(cache.breaker(), Some(BreakerState::Open), "{:?}", cache.stats());
    assert_eq!(cache.stats().failures(Class::Timeout), 5);

    let mut times = Vec::new();
    for id in 0..500 {
        let start = Instant::now();
        assert_ne!(observe(&cache, &origin, id).await.1.source, Source::Backend);
        times.push(start.elapsed());
    }
    times.sort();
    assert!(times[495] < Duration::from_millis(50), "{:?}", times[495]);
    assert_eq!(*seen.0.lock().unwrap(), [(BreakerState::Closed, BreakerState::Open)]);

    // The server now executes all that was sent while it stood still: five reads, no more.
    server.thaw();
    eventually("it has caught up", async || server.calls("mget") - before >= 5).await;
    assert_eq!(server.calls("mget") - before, 5);
}

#[tokio::test]
async fn a37_r3_a_server_that_answers_again_closes_it() {
    let server = RedisServer::start();
    let (cache, origin) = (Setup::brisk().cache("shop", &server.url()), Origin::default());
    warm(&cache, &origin, [1]).await;
    server.freeze();
    while cache.breaker() != Some(BreakerState::Open) {
        observe(&cache, &origin, 1).await;
    }
    server.thaw();
    eventually("it closes", async || {
        observe(&cache, &origin, 1).await;
        cache.breaker() == Some(BreakerState::Closed)
    })
    .await;
    assert_eq!(observe(&cache, &origin, 1).await.1.source, Source::Backend);
}

/// A breaker that only the news that the server is back can close in the time of a test.
fn stubborn() -> Setup {
    Setup::brisk().but(|resilience| {
        resilience.breaker.recovery_time = Duration::from_secs(600);
        resilience.breaker.max_recovery_time = Duration::from_secs(600);
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r3_a_server_that_has_loaded_its_data_is_used_again_although_the_connection_never_broke() {
    let slow = ["--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"];
    let mut server = RedisServer::start_with(&slow);
    let (cache, origin) = (stubborn().cache("shop", &server.url()), Origin::default());
    warm(&cache, &origin, [1]).await;
    let populate = "for number = 1, 2000 do redis.call('SET', 'key' .. number, 'bar') end";
    server.cli(&["EVAL", populate, "0"]);
    server.cli(&["SAVE"]);
    let restart = tokio::task::spawn_blocking(move || {
        server.restart();
        server
    });
    let mut was_refused = false;
    while !restart.is_finished() {
        let is_open = cache.breaker() == Some(BreakerState::Open);
        was_refused |= is_open && cache.stats().failures(Class::Unready) > 0;
        observe(&cache, &origin, 1).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let _server = restart.await.unwrap();
    assert!(was_refused, "{:?}", cache.stats());
    eventually("it is used", async || {
        observe(&cache, &origin, 1).await.1.source == Source::Backend
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r3_a_server_whose_save_had_failed_is_given_values_again_once_it_takes_them() {
    let folder = std::env::temp_dir().join(format!("athena-unsaved-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let server = RedisServer::start_with(&["--dir", &folder.display().to_string()]);
    let (cache, origin) = (stubborn().cache("shop", &server.url()), Origin::default());
    warm(&cache, &origin, [1]).await;
    std::fs::create_dir_all(folder.join("dump.rdb/in-the-way")).unwrap();
    server.cli(&["CONFIG", "SET", "save", "3600 1"]);
    server.cli(&["BGSAVE"]);
    let mut id = 1_000;
    eventually("writes are held off", async || {
        id += 1;
        observe(&cache, &origin, id).await;
        cache.settle().await;
        cache.stats().breaker_openings > 0
    })
    .await;
    eventually("signs of life are refused", async || {
        let stats = server.cli(&["INFO", "commandstats"]).text();
        let ping = stats.lines().find_map(|line| line.strip_prefix("cmdstat_ping:"));
        let refused =
            ping.and_then(|line| line.split(',').find_map(|it| it.strip_prefix("rejected_calls=")));
        refused.and_then(|count| count.parse().ok()).unwrap_or(0_u32) > 2
    })
    .await;
    std::fs::remove_dir_all(folder.join("dump.rdb")).unwrap();
    server.cli(&["CONFIG", "SET", "save", ""]);
    eventually("a save succeeds", async || {
        server.cli(&["BGSAVE"]);
        server.cli(&["PING"]).text() == "PONG"
    })
    .await;
    let fills = cache.stats().fills;
    eventually("values are stored", async || {
        id += 1;
        observe(&cache, &origin, id).await;
        cache.settle().await;
        cache.stats().fills > fills
    })
    .await;
    let _ = std::fs::remove_dir_all(&folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_from_outside_of_tokio_say_nothing_of_a_server_that_others_reach() {
    let server = RedisServer::start();
    let (cache, origin) = (Setup::brisk().cache("shop", &server.url()), Origin::default());
    warm(&cache, &origin, [1]).await;
    let calls = {
        let (cache, origin) = (cache.clone(), origin.clone());
        std::thread::spawn(move || {
            for _ in 0..20 {
                // It is away from there, so the call waits for nothing.
                let mut call = std::pin::pin!(observe(&cache, &origin, 1));
                let mut context = Context::from_waker(Waker::noop());
                assert!(call.as_mut().poll(&mut context).is_ready());
            }
        })
    };
    tokio::task::spawn_blocking(|| calls.join()).await.unwrap().expect("no panic");
    assert!(cache.stats().failures(Class::Overloaded) > 0, "{:?}", cache.stats());
    assert_eq!(cache.breaker(), Some(BreakerState::Closed));
    assert_eq!(observe(&cache, &origin, 1).await.1.source, Source::Backend);
}
