//! A server that holds back writes, or everything, as it does while another one takes over in order.

use std::time::{Duration, Instant};

use athena_cache::{BreakerState, Cache};

use crate::support::server::RedisServer;
use crate::world::{CLIENT, Origin, Setup, eventually, healthy, observe, product, warm};

/// How long the server holds back what it is sent.
const PAUSE: Duration = Duration::from_secs(3);
/// What a busy machine may add to a call.
const MARGIN: Duration = Duration::from_secs(3);
const STORED: u32 = 20;

/// The number of the one connection, and for how many seconds it has been there.
fn connection(server: &RedisServer) -> String {
    let clients = server.clients(CLIENT);
    assert_eq!(clients.len(), 1, "{clients:?}");
    clients[0].split(' ').next().expect("it has a number").to_owned()
}

/// Calls for what is stored and for what is not until the breaker opens; returns how long the slowest took.
async fn slowest_until_it_is_left_alone(cache: &Cache, origin: &Origin) -> Duration {
    let mut slowest = Duration::ZERO;
    for id in STORED.. {
        for id in [id % STORED, id] {
            let begun = Instant::now();
            observe(cache, origin, id).await;
            slowest = slowest.max(begun.elapsed());
        }
        if cache.breaker() == Some(BreakerState::Open) {
            break;
        }
    }
    slowest
}

async fn a_pause_of(what: &str, setup: Setup) {
    let server = RedisServer::start();
    let deadline = setup.settings.resilience.deadline;
    let cache = setup.cache("shop", &server.url());
    let origin = Origin::default();
    warm(&cache, &origin, 0..STORED).await;
    let before = connection(&server);
    let begun = Instant::now();
    server.cli(&["CLIENT", "PAUSE", &PAUSE.as_millis().to_string(), what]);
    let slowest = slowest_until_it_is_left_alone(&cache, &origin).await;
    assert!(slowest <= deadline + MARGIN, "the slowest call took {slowest:?}");
    // While nothing comes back the connection has been taken for dead, and no better one was to be had.
    while begun.elapsed() < PAUSE {
        product(&cache, &origin, 0).await.expect("no error of the cache reaches a caller");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    healthy(&cache).await;
    eventually("redis answers again", async || {
        let before = cache.stats().fills;
        observe(&cache, &origin, 1_000_000 + origin.loads()).await;
        cache.settle().await;
        cache.stats().fills > before
    })
    .await;
    assert_eq!(connection(&server), before, "the connection was sound");
    assert_eq!(cache.stats().reconnects, 0);
    cache.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b35_writes_that_are_held_back_cost_no_connection_and_no_call_more_than_its_deadline() {
    a_pause_of("WRITE", Setup::brisk()).await;
    a_pause_of("WRITE", Setup::brisk().tiered()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_holds_back_everything_keeps_its_connections() {
    a_pause_of("ALL", Setup::brisk()).await;
}
