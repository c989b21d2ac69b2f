//! Logging in.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use athena_cache_core::backend::{Backend, Class, Node};

use crate::support::server::RedisServer;
use crate::{config, eventually, failure, redis};
use athena_cache_redis::{Credentials, Redis, RedisConfig};

#[tokio::test]
async fn a_password_from_the_url_or_the_configuration_logs_in() {
    let server = RedisServer::start_with_password("s3cr@t/1");
    let url = server.url();
    redis(&url.replace("://", "://:s3cr%40t%2F1@")).prove(Node::ONLY).await.unwrap();
    Redis::new(config(&url).password("s3cr@t/1")).unwrap().prove(Node::ONLY).await.unwrap();
}

#[tokio::test]
async fn a_user_with_few_permissions_is_denied_what_it_may_not() {
    let server = RedisServer::start();
    server.cli(&["ACL", "SETUSER", "app", "on", ">pw", "~ns:*", "+@all", "-client"]);
    let redis = Redis::new(config(&server.url()).username("app").password("pw")).unwrap();
    redis.prove(Node::ONLY).await.unwrap();
    redis.remove(&["ns:value".into()]).await.unwrap();
    let (class, _) = failure(redis.remove(&["other".into()])).await;
    assert_eq!(class, Class::Denied);
}

#[tokio::test]
async fn wrong_credentials_are_denied_at_once_and_tried_again_rarely() {
    let server = RedisServer::start_with_password("right");
    let cases = [
        (config(&server.url()).password("s3cret"), "WRONGPASS", "mend `username` and `password`"),
        (config(&server.url()), "NOAUTH", "none is set: set `password`"),
    ];
    for (config, code, fix) in cases {
        let before = server.calls("hello");
        let redis = Redis::new(config).unwrap();
        let start = Instant::now();
        let mut failures = 0;
        while start.elapsed() < Duration::from_secs(2) {
            let failure = redis.prove(Node::ONLY).await.unwrap_err();
            assert_eq!(failure.class(), Class::Denied);
            let shown = format!("{failure} {failure:?} {redis:?}");
            assert!(shown.contains(code) && !shown.contains("s3cret"), "{shown}");
            assert!(shown.contains(fix), "{shown}");
            failures += 1;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(failures > 100, "every one of {failures} was refused at once");
        let attempts = server.calls("hello") - before;
        assert!((1..=4).contains(&attempts), "{attempts} logins in two seconds");
    }
}

#[tokio::test]
async fn credentials_that_are_given_while_it_runs_are_used_at_once() {
    let server = RedisServer::start_with_password("s3cret-new");
    let redis = Redis::new(config(&server.url()).password("s3cret-old")).unwrap();
    assert_eq!(failure(redis.prove(Node::ONLY)).await.0, Class::Denied);
    // Each further attempt comes after a second at least.
    let start = Instant::now();
    redis.set_credentials(Credentials::password("s3cret-new"));
    eventually("it is let in", async || redis.prove(Node::ONLY).await.is_ok()).await;
    assert!(start.elapsed() < Duration::from_millis(900), "{:?}", start.elapsed());
    let shown = format!("{redis:?}");
    assert!(!shown.contains("s3cret"), "{shown}");

    // Open connections outlive a change of the password.
    server.cli(&["CONFIG", "SET", "requirepass", "newer"]);
    redis.prove(Node::ONLY).await.unwrap();
    redis.set_credentials(Credentials::user("default", "newer"));
    redis.force_reconnect();
    let epoch = redis.epoch(Node::ONLY);
    eventually("it is logged in anew", async || redis.epoch(Node::ONLY) > epoch).await;
    redis.prove(Node::ONLY).await.unwrap();
}

#[tokio::test]
async fn a_server_without_a_place_for_another_connection_says_so() {
    let server = RedisServer::start();
    let _taken = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    server.cli(&["CONFIG", "SET", "maxclients", "1"]);
    for _ in 0..5 {
        let told = redis(&server.url()).connect().await.unwrap_err().to_string();
        assert!(told.contains("raise `maxclients`"), "{told}");
    }
}

#[tokio::test]
async fn each_login_asks_a_provider_of_credentials() {
    let server = RedisServer::start();
    server.cli(&["ACL", "SETUSER", "app", "on", ">token-1", ">token-2", "~*", "&*", "+@all"]);
    let count = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&count);
    let config = config(&server.url()).credentials_from(move || {
        let number = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            match number {
                0 => Err(std::io::Error::other("the vault is sealed")),
                _ => Ok(Credentials::user("app", format!("token-{number}"))),
            }
        }
    });
    let redis = Redis::new(config).unwrap();
    let sealed = redis.connect().await.unwrap_err().to_string();
    assert!(sealed.contains("the vault is sealed"), "{sealed}");
    eventually("it is let in", async || redis.prove(Node::ONLY).await.is_ok()).await;
    assert_eq!(server.cli(&["ACL", "WHOAMI"]).text(), "default");
    assert!(server.clients("under-test")[0].contains(" user=app "));
    server.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
    eventually("it is let in again", async || {
        count.load(Ordering::SeqCst) == 3 && redis.prove(Node::ONLY).await.is_ok()
    })
    .await;
    let both = Redis::new(config_of_both(&server.url())).unwrap_err().to_string();
    assert!(both.contains("`credentials_from`"), "{both}");
}

fn config_of_both(url: &str) -> RedisConfig {
    let provide = || async { Ok::<_, std::io::Error>(Credentials::password("a")) };
    config(url).password("b").credentials_from(provide)
}

#[tokio::test]
async fn a_connection_that_says_it_is_not_logged_in_is_replaced_by_one_that_is() {
    let server = RedisServer::start();
    let forgetful = Forgetful::before(server.port());
    let redis = Redis::new(config(&forgetful.url())).unwrap();
    redis.prove(Node::ONLY).await.unwrap();
    let epoch = redis.epoch(Node::ONLY);
    forgetful.forget();
    // Nobody asks anything: its signs of life suffice.
    eventually("another one is made", async || redis.epoch(Node::ONLY) > epoch).await;
    redis.prove(Node::ONLY).await.unwrap();
}

/// A proxy that can forget who was logged in on the connections that are open.
struct Forgetful {
    port: u16,
    generation: Arc<AtomicU32>,
}

impl Forgetful {
    fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let generation = Arc::new(AtomicU32::new(0));
        let current = Arc::clone(&generation);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(("127.0.0.1", server)).expect("it listens");
                let current = Arc::clone(&current);
                std::thread::spawn(move || serve(client, server, &current));
            }
        });
        Self { port, generation }
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn forget(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }
}

/// Passes on what a client sends, until it is not logged in any more.
fn serve(mut client: TcpStream, mut server: TcpStream, current: &AtomicU32) {
    let born = current.load(Ordering::SeqCst);
    let (mut back, mut replies) =
        (client.try_clone().expect("a handle"), server.try_clone().expect("a handle"));
    std::thread::spawn(move || std::io::copy(&mut replies, &mut back));
    let mut bytes = [0; 8_192];
    while let Ok(count @ 1..) = client.read(&mut bytes) {
        let sent = if current.load(Ordering::SeqCst) == born {
            server.write_all(&bytes[..count])
        } else {
            let commands = String::from_utf8_lossy(&bytes[..count]).matches('*').count();
            client.write_all(&b"-NOAUTH Authentication required.\r\n".repeat(commands))
        };
        if sent.is_err() {
            return;
        }
    }
}
