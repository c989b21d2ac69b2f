//! The breaker in front of a frozen server.

use std::sync::{Arc, Mutex};
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
