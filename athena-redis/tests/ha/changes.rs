//! The log of invalidations on real servers: what is asked of them, and what is seen when they lose it.

use std::sync::Arc;
use std::time::Duration;

use athena_cache_core::backend::{
    Advance, Backend, ChangeLog, LogBreak, LogCursor, LogPosition, LogRecord, LoggedInvalidation,
    Node, Token, changes_since, log_name,
};
use athena_cache_redis::Redis;

use crate::support::server::RedisServer;
use crate::{eventually, redis};

const LOG: &str = "ns:{all}>";

fn entry(number: u64) -> LogRecord {
    LogRecord::Entry(format!("ns:{{k:{number}}}"))
}

async fn append_all(redis: &Redis, records: &[LogRecord], cap: u64) -> LogPosition {
    let nonce = u64::MAX / 3;
    let change = LoggedInvalidation { bumps: &[], names: &[], log: LOG, records, nonce, cap };
    redis.execute(change).await.expect("it is executed")
}

async fn append(redis: &Redis, number: u64) -> LogPosition {
    append_all(redis, &[entry(number)], 100_000).await
}

#[tokio::test]
async fn an_invalidation_and_its_record_are_one_round_trip_the_change_first() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    append(&redis, 1).await;
    let monitor = server.monitor();
    let names = ["ns:{k:2}:0".to_owned(), "ns:{k:2}:l".to_owned()];
    let records = [entry(2)];
    let change = LoggedInvalidation {
        bumps: &[],
        names: &names,
        log: LOG,
        records: &records,
        nonce: 7,
        cap: 9,
    };
    redis.execute(change).await.unwrap();
    let commands: Vec<_> = monitor.lines();
    let first = commands.iter().position(|line| line.contains("\"DEL\" \"ns:{k:2}:0\""));
    let then = commands.iter().position(|line| line.contains("\"EVALSHA\""));
    assert!(first.is_some() && first < then, "{commands:?}");
    let from_us = commands.iter().filter(|line| !line.contains("lua")).count();
    assert_eq!(from_us, 2, "{commands:?}");
}

#[tokio::test]
async fn a31_a_thousand_changes_are_read_in_order_and_what_is_trimmed_is_flagged() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    let mut cursor = LogCursor::default();
    for part in 0..10 {
        let records: Vec<_> = (part * 100 + 1..=part * 100 + 100).map(entry).collect();
        append_all(&redis, &records, 100_000).await;
    }
    let mut read = Vec::new();
    loop {
        let changes = changes_since(&*redis, "ns", &cursor, 300).await.unwrap();
        assert!(!changes.truncated);
        read.extend(changes.items);
        cursor = changes.next;
        assert_eq!(changes.lag, 1_000 - read.len() as u64);
        if changes.lag == 0 {
            break;
        }
    }
    let expected: Vec<_> = (1..=1_000).map(entry).collect();
    let read: Vec<_> = read.into_iter().map(|change| change.record).collect();
    assert!(read == expected, "{} changes", read.len());

    append_all(&redis, &(1..=5).map(entry).collect::<Vec<_>>(), 100_000).await;
    server.cli(&["XTRIM", LOG, "MAXLEN", "2"]);
    let changes = changes_since(&*redis, "ns", &cursor, 300).await.unwrap();
    assert!(changes.truncated && changes.items.len() == 2 && changes.lag == 0, "{changes:?}");
    let changes = changes_since(&*redis, "ns", &changes.next, 300).await.unwrap();
    assert!(!changes.truncated && changes.items.is_empty(), "{changes:?}");
    // Nobody has read the first ones.
    let changes = changes_since(&*redis, "ns", &LogCursor::default(), 300).await.unwrap();
    assert!(changes.truncated && changes.items.len() == 2, "{changes:?}");
}

#[tokio::test]
async fn whatever_is_lost_of_a_log_is_seen_by_who_follows_it() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    let lost: [(&[&str], LogBreak); 6] = [
        (&["DEL", LOG], LogBreak::Nonce),
        (&["DEL", "ns:{all}>n"], LogBreak::Nonce),
        (&["FLUSHALL"], LogBreak::Nonce),
        (&["XTRIM", LOG, "MAXLEN", "1"], LogBreak::Gap),
        (&["HSET", "ns:{all}>n", "n", "1"], LogBreak::Nonce),
        (&["HDEL", "ns:{all}>n", "nonce"], LogBreak::Nonce),
    ];
    for (number, (command, expected)) in (1_u64..).zip(lost) {
        let nonce = number << 40;
        let records = [entry(1), entry(2), entry(3)];
        let change = LoggedInvalidation {
            bumps: &[],
            names: &[],
            log: LOG,
            records: &records,
            nonce,
            cap: 1_000,
        };
        let known = redis.execute(change).await.unwrap();
        redis.execute(change).await.unwrap();
        server.cli(command);
        let nonce = nonce + (1 << 39);
        redis.execute(LoggedInvalidation { nonce, records: &[entry(9)], ..change }).await.unwrap();
        let page = redis.read_log(LOG, known.number, 100).await.unwrap();
        assert_eq!(page.follows(Some(&known)), Err(expected), "{command:?} {page:?}");
        // It is a log again that goes on.
        let before = redis.read_log(LOG, 0, 100).await.unwrap().last;
        append(&redis, 1).await;
        let page = redis.read_log(LOG, before.number, 100).await.unwrap();
        assert_eq!(page.follows(Some(&before)), Ok(()), "{command:?} {page:?}");
        server.cli(&["FLUSHALL"]);
    }
}

#[tokio::test]
async fn another_history_breaks_the_log() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    let known = append(&redis, 1).await;
    assert_ne!(known.history, 0);
    // As one that was promoted.
    server.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    server.cli(&["REPLICAOF", "NO", "ONE"]);
    eventually("the history is another", async || {
        // Which is told with signs of life.
        drop(redis.prove(Node::ONLY).await);
        let page = redis.read_log(LOG, 1, 10).await;
        page.is_ok_and(|page| page.follows(Some(&known)) == Err(LogBreak::History))
    })
    .await;
}

#[tokio::test]
async fn who_reads_a_log_hears_of_the_next_record_and_who_appends_does_not() {
    let server = RedisServer::start();
    let [reader, writer, other] = [(); 3].map(|()| redis(&server.url()));
    let heard = |redis: &Arc<Redis>| {
        let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
        let hear = Arc::clone(&heard);
        redis.listen(Arc::new(move |change| {
            if let athena_cache_core::backend::Change::Announced { names } = change {
                hear.lock().unwrap().extend(names.iter().cloned());
            }
        }));
        heard
    };
    let (by_reader, by_writer) = (heard(&reader), heard(&writer));
    for redis in [&reader, &writer, &other] {
        redis.connect().await.unwrap();
    }
    append(&writer, 1).await;
    let page = reader.read_log(LOG, 0, 10).await.unwrap();
    assert_eq!(page.last.number, 1);
    append(&other, 2).await;
    eventually("it is announced", async || {
        by_reader.lock().unwrap().iter().any(|name| name == "ns:{all}>n")
    })
    .await;
    // Behind whatever was announced to it.
    writer.prove(Node::ONLY).await.unwrap();
    assert!(by_writer.lock().unwrap().is_empty(), "{:?}", by_writer.lock().unwrap());
}

#[tokio::test]
async fn nothing_advances_over_a_connection_that_has_been_replaced() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    let turn = redis.take_turn(LOG, Token::new(7), Duration::from_secs(10)).await.unwrap().unwrap();
    server.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
    let node = redis.node(LOG);
    eventually("it is connected anew", async || {
        redis.epoch(node) != turn.epoch && redis.pulse(LOG).await.is_ok()
    })
    .await;
    let position = LogPosition { history: 1, nonce: 2, number: 3 };
    let advance = Advance { turn: &turn, position, is_last: true };
    assert!(!redis.advance(LOG, advance).await.unwrap());
    let pulse = redis.pulse(LOG).await.unwrap();
    assert_eq!((pulse.asked, pulse.answered, pulse.position), (1, 0, None));
}

#[tokio::test]
async fn what_stands_in_the_names_of_a_log_and_is_foreign_is_an_error_and_never_a_position() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    for (name, command) in [
        ("ns:{all}>n", ["SET", "ns:{all}>n", "text"]),
        ("ns:{all}>c", ["SET", "ns:{all}>c", "text"]),
    ] {
        server.cli(&command);
        let failures = [redis.read_log(LOG, 0, 10).await.err(), redis.pulse(LOG).await.err()];
        assert!(failures.iter().any(Option::is_some), "{name}");
        server.cli(&["FLUSHALL"]);
    }
    for foreign in [
        &["SET", "ns:{all}>n", "text"][..],
        &["HSET", "ns:{all}>n", "nonce", "text"],
        &["HSET", "ns:{all}>n", "nonce", "7", "n", "text"],
        &["SET", LOG, "text"],
        &["XADD", LOG, "9-0", "foreign", "field"],
    ] {
        server.cli(foreign);
        let first = append(&redis, 1).await;
        let second = append(&redis, 2).await;
        assert_eq!((first.number, second.number), (1, 2), "{foreign:?}");
        let page = redis.read_log(LOG, 0, 10).await.unwrap();
        assert!(page.records == [(1, entry(1)), (2, entry(2))], "{foreign:?} {page:?}");
        server.cli(&["FLUSHALL"]);
    }
    server.cli(&["HSET", "ns:{all}>c", "asked", "2", "history", "no", "nonce", "7", "number", "x"]);
    assert_eq!(redis.pulse(LOG).await.unwrap().position, None);
    server.cli(&["XADD", LOG, "1-0", "foreign", "field"]);
    let page = redis.read_log(LOG, 0, 10).await.unwrap();
    assert_eq!(page.records, [(1, LogRecord::Unknown(Vec::new()))]);
    assert_eq!(log_name("ns", "all"), LOG);
}

#[tokio::test]
async fn a_page_is_read_however_much_it_holds() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    let long = |number: usize| LogRecord::Entry(format!("ns:{{k:{}:{number}}}", "x".repeat(900)));
    let records: Vec<_> = (0..500).map(long).collect();
    for part in records.chunks(100) {
        append_all(&redis, part, 100_000).await;
    }
    let before = redis.epoch(Node::ONLY);
    let page = redis.read_log(LOG, 0, 500).await.expect("it is read");
    assert!(page.records.into_iter().map(|(_, record)| record).eq(records));
    assert_eq!(redis.epoch(Node::ONLY), before, "the connection is the same");
}
