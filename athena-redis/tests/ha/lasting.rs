//! Connections that last, are moved, and come back, and how often they are tried.

use std::sync::Arc;
use std::time::{Duration, Instant};

use athena_cache_core::backend::{Backend, Change, Class, Node};
use athena_cache_redis::Redis;

use crate::support::proxy::{BOTH, Mode, Proxy};
use crate::support::server::RedisServer;
use crate::told::Told;
use crate::{Undriven, config, eventually, failure, insert, read, redis};

#[tokio::test]
async fn a08_a21_opening_tries_as_often_as_it_is_told() {
    let server = RedisServer::start();
    for attempts in [1, 5, 10] {
        let proxy = Proxy::start(server.port());
        proxy.refuse_new(true);
        let profile = config(&proxy.url()).connect_retry(attempts).abort_on_connect_fail(true);
        let error = Redis::open(profile).await.unwrap_err();
        assert!(error.is_connect(), "{error}");
        assert_eq!(proxy.accepted(), attempts as usize);
    }
    let proxy = Proxy::start(server.port());
    proxy.refuse_new(true);
    let profile = config(&proxy.url()).connect_retry(1000).abort_on_connect_fail(true);
    let opening = tokio::spawn(Redis::open(profile));
    eventually("it has tried", async || proxy.accepted() >= 2).await;
    proxy.refuse_new(false);
    let redis = opening.await.unwrap().unwrap();
    assert!(redis.is_ready(Node::ONLY));
}

#[tokio::test]
async fn a11_an_operation_for_administrators_is_refused_in_this_process_unless_allowed() {
    let server = RedisServer::start();
    let monitor = server.monitor();
    let ours = Redis::new(config(&server.url())).unwrap();
    ours.connect().await.unwrap();
    let error = ours.optimize().await.unwrap_err();
    assert!(error.is_admin_not_allowed(), "{error}");
    assert!(error.to_string().contains("`allow_admin`"), "{error}");
    insert(&ours, "after", b"it").await.unwrap();
    let sent = monitor.lines();
    assert!(!sent.iter().any(|line| line.contains("PURGE")), "{sent:?}");

    let theirs = Redis::new(config(&server.url()).allow_admin(true)).unwrap();
    theirs.optimize().await.unwrap();
    assert!(server.calls("memory|purge") >= 1);
}

#[tokio::test]
async fn b02_a_name_that_leads_elsewhere_by_now_is_followed() {
    let (first, second) = (RedisServer::start(), RedisServer::start());
    for (server, value) in [(&first, "first"), (&second, "second")] {
        insert(&redis(&server.url()), "who", value.as_bytes()).await.unwrap();
    }
    let proxy = Proxy::start(first.port());
    let redis = redis(&proxy.url());
    assert_eq!(read(&redis, "who").await.unwrap().as_deref(), Some(&b"first"[..]));
    proxy.retarget(second.port());
    proxy.cut();
    eventually("the other one answers", async || {
        read(&redis, "who").await.is_ok_and(|found| found.as_deref() == Some(b"second"))
    })
    .await;
    assert_eq!(redis.epoch(Node::ONLY), 2, "a lease of the first is worth nothing here");
}

#[tokio::test]
async fn b02_b07_a_primary_that_hands_over_behind_one_name_is_left() {
    let (first, second) = (RedisServer::start(), RedisServer::start());
    let [to_first, to_second] = [&first, &second].map(|server| server.port().to_string());
    second.cli(&["REPLICAOF", "127.0.0.1", &to_first]);
    let proxy = Proxy::start(first.port());
    let config = config(&proxy.url()).probe_interval(Duration::from_millis(300));
    let redis = Arc::new(Redis::new(config).unwrap());
    let told = Told::by(&redis);
    insert(&redis, "who", b"first").await.unwrap();

    // It leaves connections open, and answers on them.
    second.cli(&["REPLICAOF", "NO", "ONE"]);
    first.cli(&["REPLICAOF", "127.0.0.1", &to_second]);
    let error = insert(&redis, "who", b"second").await.unwrap_err();
    assert_eq!(error.class(), Class::Moved, "{error}");
    // The name still leads to it.
    let begun = Instant::now();
    eventually("it was dialed", async || proxy.accepted() == 4).await;
    assert!(begun.elapsed() >= Duration::from_millis(400), "{:?}", begun.elapsed());
    assert_eq!(redis.epoch(Node::ONLY), 1);

    proxy.retarget(second.port());
    eventually("writes arrive", async || insert(&redis, "who", b"second").await.is_ok()).await;
    eventually("the former one is left", async || proxy.open() == 1).await;
    assert!(first.clients("under-test").is_empty());
    assert!(redis.prove(Node::ONLY).await.unwrap().history != 0);
    let is_replaced = |change: &Change| matches!(change, Change::Reconnected { .. });
    assert_eq!(told.all().into_iter().filter(is_replaced).count(), 1);

    // Nobody writes, and it is found all the same.
    first.cli(&["REPLICAOF", "NO", "ONE"]);
    second.cli(&["REPLICAOF", "127.0.0.1", &to_first]);
    proxy.retarget(first.port());
    assert_eq!(failure(redis.prove(Node::ONLY)).await.0, Class::Moved);
    eventually("it is found", async || redis.prove(Node::ONLY).await.is_ok()).await;
}

#[tokio::test]
async fn b21_b36_a_server_that_was_away_for_long_is_found_soon() {
    let mut server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let [direct, behind] = [redis(&server.url()), redis(&proxy.url())];
    for redis in [&direct, &behind] {
        redis.prove(Node::ONLY).await.unwrap();
    }
    proxy.set(BOTH[0], Mode::Swallow);
    proxy.set(BOTH[1], Mode::Swallow);
    proxy.swallow_new(true);
    server.kill();
    // Long enough for the pauses between attempts to have reached their cap.
    tokio::time::sleep(Duration::from_secs(6)).await;
    server.restart();
    proxy.heal();
    let back = Instant::now();
    for redis in [&direct, &behind] {
        eventually("it is found", async || redis.prove(Node::ONLY).await.is_ok()).await;
        assert!(back.elapsed() < Duration::from_secs(5), "{:?}", back.elapsed());
    }
}

#[tokio::test]
async fn b23_a_connection_is_swapped_behind_the_same_handle_and_nothing_is_left_of_it() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    let told = Told::by(&redis);
    redis.prove(Node::ONLY).await.unwrap();
    for epoch in 2..6 {
        redis.force_reconnect();
        eventually("it is another one", async || redis.epoch(Node::ONLY) == epoch).await;
        redis.prove(Node::ONLY).await.unwrap();
    }
    eventually("the old ones are closed", async || server.clients("under-test").len() == 1).await;
    let is_replaced = |change: &Change| matches!(change, Change::Reconnected { .. });
    assert_eq!(told.all().into_iter().filter(is_replaced).count(), 4);
}

#[tokio::test]
async fn what_an_operator_asks_for_is_done_once_and_not_where_it_has_been_done_meanwhile() {
    let mut server = RedisServer::start();
    let redis = redis(&server.url());
    let told = Told::by(&redis);
    let operator = redis.operator().unwrap();
    redis.prove(Node::ONLY).await.unwrap();
    operator.reconnect();
    eventually("it is another one", async || redis.epoch(Node::ONLY) == 2).await;
    server.kill();
    eventually("it is lost", async || redis.prove(Node::ONLY).await.is_err()).await;
    for _ in 0..20 {
        operator.reconnect();
    }
    server.restart();
    eventually("it is connected", async || redis.prove(Node::ONLY).await.is_ok()).await;
    // The connection is younger than what was asked for: no other one follows it.
    let epoch = redis.epoch(Node::ONLY);
    for _ in 0..10 {
        redis.prove(Node::ONLY).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(redis.epoch(Node::ONLY), epoch);
    let is_replaced = |change: &Change| matches!(change, Change::Reconnected { .. });
    assert_eq!(told.all().into_iter().filter(is_replaced).count(), 1);
}

#[tokio::test]
async fn b37_many_instances_take_one_connection_each() {
    let server = RedisServer::start_with(&["--maxclients", "64"]);
    let instances: Vec<_> = (0..50).map(|_| redis(&server.url())).collect();
    let pings = instances.iter().map(|redis| redis.prove(Node::ONLY));
    for outcome in futures_util::future::join_all(pings).await {
        outcome.unwrap();
    }
    assert_eq!(server.clients("under-test").len(), 50);
}

#[tokio::test]
async fn b15_instances_that_lost_their_server_together_do_not_come_back_together() {
    let mut server = RedisServer::start();
    let instances: Vec<_> = (0..200).map(|_| redis(&server.url())).collect();
    let pings = instances.iter().map(|redis| redis.prove(Node::ONLY));
    futures_util::future::join_all(pings).await;
    server.kill();
    // Until the pauses between attempts have reached their cap.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let began = Instant::now();
    let returns = instances.iter().map(|redis| async move {
        eventually("it is back", async || redis.is_ready(Node::ONLY)).await;
        began.elapsed()
    });
    // Beside the instances: whoever waits for the server must not keep them from their pauses.
    let restart = tokio::task::spawn_blocking(move || {
        server.restart();
        server
    });
    let (server, mut returns) = tokio::join!(restart, futures_util::future::join_all(returns));
    let _server = server.unwrap();
    returns.sort();
    let spread = returns[199].saturating_sub(returns[0]);
    assert!(spread >= Duration::from_secs(1), "{spread:?}");
    assert!(spread < Duration::from_secs(5), "{spread:?}");
}

#[tokio::test]
async fn b43_an_idle_connection_is_kept_alive() {
    // Hangs up on clients that say nothing for a second.
    let server = RedisServer::start_with(&["--timeout", "1"]);
    let redis = redis(&server.url());
    redis.prove(Node::ONLY).await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    redis.prove(Node::ONLY).await.unwrap();
    assert_eq!(redis.epoch(Node::ONLY), 1);
}

#[tokio::test]
async fn a_frozen_server_is_noticed_though_nobody_asks() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    redis.prove(Node::ONLY).await.unwrap();
    server.freeze();
    eventually("it is noticed", async || !redis.is_ready(Node::ONLY)).await;
    assert_eq!(failure(redis.prove(Node::ONLY)).await.0, Class::Timeout);
    server.thaw();
    eventually("it is back", async || redis.is_ready(Node::ONLY)).await;
    eventually("one connection is left", async || server.clients("under-test").len() == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_whose_first_runtime_stands_still_goes_on_with_that_of_its_callers() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    let undriven = Undriven::that_connected(&redis).await;
    eventually("it answers here", async || read(&redis, "name").await.is_ok()).await;
    let proof = redis.prove(Node::ONLY).await.unwrap();
    assert!(proof.tracks && proof.epoch == 2);
    drop(undriven);
    // What the former runtime drops at its end is none of the present connection.
    for _ in 0..20 {
        assert_eq!(redis.prove(Node::ONLY).await.unwrap().epoch, 2);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    redis.close().await;
    eventually("nothing is left", async || server.clients("under-test").is_empty()).await;
}

#[tokio::test]
async fn who_asks_for_new_connections_all_the_time_gets_few() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let config = config(&proxy.url()).probe_interval(Duration::from_millis(300));
    let redis = Arc::new(Redis::new(config).unwrap());
    redis.prove(Node::ONLY).await.unwrap();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        redis.force_reconnect();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // The first at once, then one in 0.24 s at least.
    let made = proxy.accepted() - 1;
    assert!((2..=14).contains(&made), "{made} connections");
    assert_eq!(redis.epoch(Node::ONLY), proxy.accepted() as u64);
}

#[tokio::test]
async fn a_server_that_hangs_up_again_and_again_is_dialed_less_and_less_often() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let redis = redis(&proxy.url());
    redis.prove(Node::ONLY).await.unwrap();
    let mut pauses = Vec::new();
    for _ in 0..6 {
        // Long enough for the connection not to count as a false start.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        let dialed = proxy.accepted();
        proxy.cut();
        let begun = Instant::now();
        eventually("it is dialed", async || proxy.accepted() > dialed).await;
        pauses.push(begun.elapsed());
        eventually("it is ready", async || redis.is_ready(Node::ONLY)).await;
    }
    // Each is drawn from 20 ms up to a longest that doubles.
    assert!(pauses.iter().all(|pause| *pause >= Duration::from_millis(15)), "{pauses:?}");
    assert!(pauses[0] < Duration::from_secs(1), "{pauses:?}");
}

#[tokio::test]
async fn a_connection_that_was_kept_for_want_of_a_better_one_is_replaced_when_there_is_one() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    // No heartbeat looks at it meanwhile.
    let config = config(&proxy.url())
        .connect_timeout(Duration::from_millis(200))
        .response_timeout(Duration::from_millis(100))
        .heartbeat(Duration::from_secs(30))
        .probe_interval(Duration::from_millis(300));
    let redis = Arc::new(Redis::new(config).unwrap());
    redis.prove(Node::ONLY).await.unwrap();
    proxy.swallow_new(true);
    proxy.swallow_existing();
    for _ in 0..3 {
        assert_eq!(failure(redis.prove(Node::ONLY)).await.0, Class::Timeout);
    }
    eventually("it was tried", async || proxy.accepted() >= 3).await;
    proxy.swallow_new(false);
    eventually("it is another one", async || redis.epoch(Node::ONLY) >= 2).await;
}
