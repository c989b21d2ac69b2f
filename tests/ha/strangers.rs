//! What answers is no Redis, or not the right one: one record names what was found and what to do.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use athena_cache::{Redis, RedisConfig};

use crate::support::liar::node::FakeNode;
use crate::support::liar::sentinel::{FakeSentinel, places};
use crate::support::sentinel::SERVICE;
use crate::support::server::RedisServer;
use crate::{log, support};

/// Answers every command with the same bytes; ends with its process.
fn answering(with: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut bytes) {
                    let commands = String::from_utf8_lossy(&bytes[..count]).matches('*').count();
                    if stream.write_all(&with.repeat(commands)).is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

/// Connects several times; what was told about the port.
async fn told(url: &str, port: u16) -> Vec<String> {
    log::listen();
    let redis = Redis::new(RedisConfig::new(url)).expect("the settings are good");
    for _ in 0..20 {
        let error = redis.connect().await.expect_err("it is no node").to_string();
        assert!(error.contains("found ") || error.contains("knows "), "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    log::about(&format!("127.0.0.1:{port}"))
}

#[tokio::test]
async fn a_wrong_port_is_told_of_once_with_what_was_found_there() {
    for (answer, found, fix) in [
        (&b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"[..], "an HTTP server", "6379"),
        (b"ERROR\r\n", "something else than redis", "6379"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "a port that speaks TLS", "rediss"),
        (b"-ERR unknown command 'HELLO'\r\n", "does not speak RESP3", "past the proxy"),
        (b"-NOPROTO sorry\r\n", "does not speak RESP3", "newer"),
    ] {
        let port = answering(answer);
        let told = told(&format!("redis://127.0.0.1:{port}"), port).await;
        assert_eq!(told.len(), 1, "{told:#?}");
        assert!(told[0].contains(found) && told[0].contains(fix), "{}", told[0]);
    }
}

#[tokio::test]
async fn a_redis_that_speaks_resp2_only_is_told_of_once() {
    let server = RedisServer::start_with(&["--rename-command", "HELLO", ""]);
    let told = told(&server.url(), server.port()).await;
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("does not speak RESP3"), "{}", told[0]);
}

#[tokio::test]
async fn a_sentinel_in_place_of_a_node_and_the_other_way_round_are_told_of_once() {
    let mut sentinel = RedisServer::prepare_sentinel();
    sentinel.configure("");
    sentinel.restart();
    let found = told(&sentinel.url(), sentinel.port()).await;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("found a sentinel") && found[0].contains("redis-sentinel://"));

    let server = RedisServer::start();
    let url = format!("redis-sentinel://127.0.0.1:{}#shop", server.port());
    let found = told(&url, server.port()).await;
    let found: Vec<_> = found.iter().filter(|line| line.contains("found a data node")).collect();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("26379"), "{}", found[0]);
}

#[tokio::test]
async fn a_name_that_no_sentinel_knows_is_told_of_once() {
    let mut sentinel = RedisServer::prepare_sentinel();
    sentinel.configure("");
    sentinel.restart();
    let url = format!("redis-sentinel://127.0.0.1:{}#nobody", sentinel.port());
    let told = told(&url, sentinel.port()).await;
    let told: Vec<_> = told.iter().filter(|line| line.contains("knows `nobody`")).collect();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("service_name"), "{}", told[0]);
}

#[tokio::test]
async fn a_url_of_a_cluster_that_leads_to_none_is_told_of_once() {
    log::listen();
    let server = RedisServer::start();
    let url = format!("redis-cluster://127.0.0.1:{}", server.port());
    let redis = Redis::new(RedisConfig::new(url)).expect("the settings are good");
    for _ in 0..20 {
        redis.connect().await.expect_err("it is no cluster");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let told = log::about(&format!("127.0.0.1:{}", server.port()));
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("begin the url with `redis://`"), "{}", told[0]);
}

#[tokio::test]
async fn a_sentinel_that_lists_thousands_of_nodes_is_told_of_once_with_how_many() {
    log::listen();
    let (primary, crowd) = (RedisServer::start(), FakeNode::start());
    let sentinels = FakeSentinel::group(1, primary.port(), &[]);
    sentinels[0].say(|says| says.replicas = places(2_000, crowd.port()));
    let redis = Redis::new(RedisConfig::new(FakeSentinel::url(&sentinels))).expect("they are good");
    redis.connect().await.expect("the primary answers");
    let sentinel = format!("127.0.0.1:{}", sentinels[0].port());
    let told = || log::about(&sentinel);
    support::wait_for("it is told", || (!told().is_empty()).then_some(()));
    for _ in 0..20 {
        sentinels[0].publish("+slave", &format!("slave s 127.0.0.1 1 @ {SERVICE} 127.0.0.1 2"));
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let told = told();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("replicas=2000") && told[0].contains("64"), "{}", told[0]);
}

#[cfg(feature = "redis-tls")]
#[tokio::test]
async fn plain_sentinels_of_nodes_that_speak_tls_are_told_of() {
    log::listen();
    let config =
        |service: &str| RedisConfig::new(format!("rediss-sentinel://localhost/0#{service}"));
    for (service, config, count) in [
        ("plainly", config("plainly").sentinel_tls(false), 1),
        ("wrapped", config("wrapped").sentinel_tls(true), 0),
        ("likewise", config("likewise"), 0),
    ] {
        drop(Redis::new(config).expect("the settings are good"));
        let told = log::about(&format!("service=\"{service}\""));
        assert_eq!(told.len(), count, "{told:#?}");
        assert!(told.iter().all(|line| line.contains("`ca_file`")), "{told:#?}");
    }
}
