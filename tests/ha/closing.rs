//! Nothing is left behind.

use athena_cache::{Invalidated, Source};

use crate::support::server::RedisServer;
use crate::world::{CLIENT, Origin, Setup, cache, eventually, observe, warm};

#[tokio::test]
async fn c3_closing_leaves_no_connection_and_no_task() {
    let server = RedisServer::start();
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let (cache, origin) = (cache(&server), Origin::default());
    warm(&cache, &origin, 0..20).await;
    assert_eq!(server.clients(CLIENT).len(), 1);
    assert!(tasks() > before);

    assert_eq!(cache.close().await.pending_invalidations, 0);
    assert_eq!(tasks(), before);
    eventually("the socket is closed", async || server.clients(CLIENT).is_empty()).await;
    assert_eq!(observe(&cache, &origin, 1).await.1.source, Source::Bypass);
    assert!(cache.entry("product:1").get::<u32>().await.unwrap_err().is_closed());
    assert!(server.clients(CLIENT).is_empty());
}

#[tokio::test]
async fn c3_closing_while_the_server_hangs_tells_what_it_did_not_hear() {
    let server = RedisServer::start();
    let (cache, origin) = (Setup::brisk().cache("shop", &server.url()), Origin::default());
    warm(&cache, &origin, [1]).await;
    server.freeze();
    assert_eq!(cache.invalidate_tag("products").await, Invalidated::Pending);
    assert_eq!(cache.invalidate("product:1").await, Invalidated::Pending);
    assert_eq!(cache.close().await.pending_invalidations, 2);
}

#[tokio::test]
async fn c3_dropping_the_last_handle_ends_everything_too() {
    let server = RedisServer::start();
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    for _ in 0..5 {
        warm(&cache(&server), &Origin::default(), []).await;
        observe(&cache(&server), &Origin::default(), 1).await;
    }
    eventually("the sockets are closed", async || server.clients(CLIENT).is_empty()).await;
    eventually("the tasks have ended", async || tasks() == before).await;
}
