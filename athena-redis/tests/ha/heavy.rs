//! Values that are large together, or too large for their way.

use std::time::Duration;

use athena_cache_core::backend::{Backend, Change, Class, Node};

use crate::support::proxy::{Direction, Mode, Proxy};
use crate::support::server::RedisServer;
use crate::told::Told;
use crate::{HASTE, config, eventually, failure, hasty, insert, read};

const LARGE: usize = 2_000_000;

/// Which names were told of as slow, and which as late.
fn blamed(told: &Told) -> (Vec<String>, Vec<String>) {
    let (mut slow, mut late) = (Vec::new(), Vec::new());
    for change in told.all() {
        match change {
            Change::Slow { names, .. } => slow.extend(names),
            Change::Late { names, .. } => late.extend(names),
            _ => {}
        }
    }
    slow.dedup();
    (slow, late)
}

#[tokio::test]
async fn a_value_is_blamed_whose_first_reader_did_not_wait_for_it() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let redis = hasty(&proxy.url());
    let told = Told::by(&redis);
    insert(&redis, "large", &vec![0; LARGE]).await.unwrap();
    insert(&redis, "small", b"bar").await.unwrap();
    proxy.set(Direction::ToClient, Mode::Rate(2_000_000));
    let reader = tokio::spawn({
        let redis = redis.clone();
        async move { read(&redis, "large").await }
    });
    tokio::time::sleep(HASTE / 10).await;
    reader.abort();
    assert_eq!(failure(read(&redis, "small")).await.0, Class::Slow);
    let (slow, _) = blamed(&told);
    assert!(!slow.is_empty() && slow.iter().all(|name| name == "large"), "{slow:?}");
    eventually("it is through", async || !blamed(&told).1.is_empty()).await;
    let (slow, late) = blamed(&told);
    assert!(slow.iter().all(|name| name == "large"), "{slow:?}");
    assert_eq!(late, ["large"]);
    assert_eq!((proxy.accepted(), redis.epoch(Node::ONLY)), (1, 1));
}

#[tokio::test]
async fn a_value_is_blamed_though_no_reader_waits_for_it_nor_behind_it() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let redis = hasty(&proxy.url());
    let told = Told::by(&redis);
    insert(&redis, "large", &vec![0; LARGE / 2]).await.unwrap();
    proxy.set(Direction::ToClient, Mode::Rate(2_000_000));
    let hurried = tokio::time::timeout(HASTE / 10, read(&redis, "large")).await;
    assert!(hurried.is_err());
    eventually("it is told of", async || !blamed(&told).1.is_empty()).await;
    let (slow, late) = blamed(&told);
    assert_eq!((slow, late), (vec!["large".to_owned()], vec!["large".to_owned()]));
}

#[tokio::test]
async fn a_value_that_is_written_too_slowly_is_late_once_it_is_there() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let redis = hasty(&proxy.url());
    let told = Told::by(&redis);
    insert(&redis, "small", b"bar").await.unwrap();
    proxy.set(Direction::ToServer, Mode::Rate(2_000_000));
    assert_eq!(failure(insert(&redis, "large", &vec![0; 2 * LARGE])).await.0, Class::Slow);
    // Somebody who waits behind it, for longer than it may take itself.
    assert_eq!(failure(read(&redis, "small")).await.0, Class::Slow);
    eventually("it is through", async || !blamed(&told).1.is_empty()).await;
    assert_eq!(blamed(&told), (vec!["large".to_owned()], vec!["large".to_owned()]));
    let took = told.all().into_iter().find_map(|change| match change {
        Change::Late { took, .. } => Some(took),
        _ => None,
    });
    assert!(took > Some(4 * HASTE), "{took:?}: two seconds, from its first byte on");
    let is_read = async || read(&redis, "small").await.is_ok();
    eventually("nothing is in the way any more", is_read).await;
    assert_eq!((proxy.accepted(), redis.epoch(Node::ONLY)), (1, 1));
}

#[tokio::test]
async fn a_batch_that_is_too_large_for_one_reply_costs_no_connection() {
    const VALUE: usize = 100_000;
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let config = config(&proxy.url()).max_reply(4 << 20).response_timeout(Duration::from_secs(5));
    let redis = std::sync::Arc::new(athena_cache_redis::Redis::new(config).unwrap());
    let told = Told::by(&redis);
    let names: Vec<_> = (0..250).map(|number| format!("value:{number}")).collect();
    for name in &names {
        insert(&redis, name, &vec![7; VALUE]).await.unwrap();
    }
    let all: Vec<_> = names.iter().map(String::as_str).collect();
    for _ in 0..3 {
        let found = redis.read(&all, &["generation"]).await.unwrap();
        let there = found.values.iter().flatten().count();
        assert!((80..250).contains(&there), "{there} of 250");
        assert!(found.values.iter().flatten().all(|it| it.bytes.len() == VALUE));
        let absent = names.iter().zip(&found.values).filter(|(_, it)| it.is_none());
        let absent: Vec<_> = absent.map(|(name, _)| name.clone()).collect();
        assert_eq!(blamed(&told).0, absent, "those are read alone the next time");
        told.take();
    }
    for name in &names {
        assert!(read(&redis, name).await.unwrap().is_some());
    }
    assert_eq!((proxy.accepted(), redis.epoch(Node::ONLY)), (1, 1));
}
