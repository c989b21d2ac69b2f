//! `rediss://`

use athena_cache_core::backend::{Backend, Class, Node};
use athena_cache_core::testing::conformance;
use athena_cache_redis::{Redis, TlsConfig};
use std::sync::Arc;
use std::time::Duration;

use crate::config;
use crate::support::file;
use crate::support::server::RedisServer;

fn trusting() -> TlsConfig {
    TlsConfig::default().ca_file(RedisServer::ca_file())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_a_certificate_of_a_trusted_authority_conforms() {
    let server = RedisServer::start_with_tls(&[]);
    let redis = Arc::new(Redis::new(config(&server.tls_url()).tls(trusting())).unwrap());
    conformance::check(redis.clone()).await;
    conformance::check_closing(redis).await;
}

#[tokio::test]
async fn a_certificate_may_be_for_an_address() {
    let server = RedisServer::start_with_tls(&[]);
    let url = server.tls_url().replace("localhost", "127.0.0.1");
    Redis::new(config(&url).tls(trusting())).unwrap().prove(Node::ONLY).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_trusted_is_not_used() {
    let server = RedisServer::start_with_tls(&[]);
    let error = Redis::new(config(&server.tls_url())).unwrap().connect().await.unwrap_err();
    assert_eq!(error.class(), Some(Class::Unreachable));
    let told = error.to_string();
    assert!(told.contains("invalid peer certificate") && told.contains("`ca_file`"), "{told}");
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_gets_ours() {
    let server = RedisServer::start_with_tls(&["--tls-auth-clients", "yes"]);
    let ours = trusting().identity(file("tls/client.pem"), file("tls/client.key"));
    Redis::new(config(&server.tls_url()).tls(ours)).unwrap().prove(Node::ONLY).await.unwrap();

    let without = Redis::new(config(&server.tls_url()).tls(trusting())).unwrap();
    let told = without.connect().await.unwrap_err().to_string();
    assert!(told.contains("`cert_file` and `key_file`"), "{told}");
}

#[tokio::test]
async fn a_plain_port_and_a_tls_port_are_told_apart() {
    let server = RedisServer::start_with_tls(&[]);
    let plain = format!("rediss://localhost:{}", server.port());
    let plain = config(&plain).tls(trusting()).connect_timeout(Duration::from_millis(300));
    let error = Redis::new(plain).unwrap().connect().await.unwrap_err();
    assert_eq!(error.class(), Some(Class::Unreachable), "{error}");
    assert!(error.to_string().contains("`redis` in place of `rediss`"), "{error}");

    let secured = server.tls_url().replace("rediss", "redis");
    for _ in 0..5 {
        let error = Redis::new(config(&secured)).unwrap().connect().await.unwrap_err();
        assert!(error.to_string().contains("`rediss` in place of `redis`"), "{error}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_told_of_as_such() {
    let server = RedisServer::start_with_tls(&[]);
    let elsewhere = trusting().server_name("redis.example");
    let redis = Redis::new(config(&server.tls_url()).tls(elsewhere)).unwrap();
    let told = redis.connect().await.unwrap_err().to_string();
    assert!(told.contains("for another name") && told.contains("`server_name`"), "{told}");
}

#[test]
fn files_that_cannot_be_used_are_reported_when_the_backend_is_built() {
    let url = "rediss://localhost";
    let readme = file("tls/README.md");
    for (tls, expected) in [
        (TlsConfig::default().ca_file("/no/such/file"), "cannot use `/no/such/file`"),
        (TlsConfig::default().ca_file(&readme), "it holds no PEM certificate"),
        (TlsConfig::default().identity(&readme, &readme), "it holds no PEM certificate"),
        (TlsConfig::default().identity(file("tls/client.pem"), &readme), "README.md`"),
        (
            TlsConfig::default().identity(file("tls/client.pem"), file("tls/server.key")),
            "the client certificate is unusable",
        ),
    ] {
        let error = Redis::new(config(url).tls(tls)).unwrap_err();
        assert!(error.is_settings() && error.to_string().contains(expected), "{error}");
    }
    let half: TlsConfig = toml::from_str("cert_file = 'x'").unwrap();
    let error = Redis::new(config(url).tls(half)).unwrap_err();
    assert!(error.to_string().contains("give both or none"), "{error}");
}
