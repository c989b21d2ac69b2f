//! A server that lies, floods, drips and claims, at every stage of a connection: functions answer as without a
//! cache, within their limits, and the process stays what it was.
//!
//! A program of its own, with one test: what its memory and its log come to is told of the whole process.

#![allow(clippy::expect_used, reason = "a test that cannot go on panics")]

#[path = "../support/mod.rs"]
mod support;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use athena_cache::{Cache, Redis, RedisConfig, Settings, athena_cache};
use support::liar::{Answer, Liar, hello};
use support::resp::Reply;
use tracing_subscriber::filter::LevelFilter;

const MIB: u64 = 1 << 20;
/// Above what the process takes without a cache.
const MOST_MEMORY: u64 = 64 * MIB;
/// What a busy machine may add to a call.
const MARGIN: Duration = Duration::from_secs(2);
const CALLS: u32 = 8;

/// What the server does to whoever asks at a stage.
type Lie = (&'static str, fn() -> Answer);

/// When the server begins to lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// With the first command.
    BeforeLogin,
    /// When it is asked what it is.
    Login,
    /// When entries are read.
    Read,
    /// When a lease is asked for, or a value stored.
    Write,
    /// When it is asked for a sign of life.
    SignOfLife,
}

const STAGES: [Stage; 5] =
    [Stage::BeforeLogin, Stage::Login, Stage::Read, Stage::Write, Stage::SignOfLife];

const LIES: [Lie; 17] = [
    ("a text of 2^40 bytes", || Answer::Endless(b"$1099511627776\r\n")),
    ("a text of 2^63 bytes", || Answer::Endless(b"$9223372036854775807\r\n")),
    ("an error of 2^40 bytes", || Answer::Endless(b"!1099511627776\r\n")),
    ("a line without an end", || Answer::Endless(b"+")),
    ("a list of a billion", || Answer::Endless(b"*1000000000\r\n")),
    ("a map of 2^62", || Answer::Endless(b"%4611686018427387904\r\n")),
    ("attributes of 2^62", || Answer::Endless(b"|4611686018427387904\r\n")),
    ("lists in lists", || bytes(b"*1\r\n", 200_000)),
    ("lists that claim in lists that claim", || bytes(b"*100000\r\n", 10_000)),
    ("many more replies than were asked for", || bytes(b":1\r\n", 500_000)),
    ("endless announcements", || bytes(b">2\r\n+invalidate\r\n*1\r\n$4\r\nshop\r\n", 50_000)),
    ("announcements of nothing", || bytes(b">1\r\n+invalidate\r\n", 1_000)),
    ("junk", || bytes(b"\x00\xff\x7fGET / HTTP/1.1\r\n\r\n", 1_000)),
    ("a number in place of anything", || bytes(b":9223372036854775807\r\n", 1)),
    ("an error that forges a line", || {
        let forged = "ERR x\r\n2026-01-01T00:00:00Z  WARN athena_cache: forged ".repeat(20_000);
        bytes(format!("!{}\r\n{forged}\r\n", forged.len()).as_bytes(), 1)
    }),
    ("a byte now and then", || Answer::Drip(b"$1000000\r\n")),
    ("nothing", || Answer::Silence),
];

fn bytes(piece: &[u8], times: usize) -> Answer {
    Answer::Bytes(piece.repeat(times))
}

impl Stage {
    /// Whether a command belongs to it; what a login tries about rights does not, but to the first two.
    fn concerns(self, words: &[String], has_read: bool) -> bool {
        let is_probe = words.iter().any(|word| word.ends_with('?'));
        match (self, words[0].as_str()) {
            (Self::BeforeLogin, _) | (Self::Login, "INFO" | "CLIENT" | "CONFIG") => true,
            (Self::Read, "MGET") | (Self::Write, "EVALSHA" | "EVAL" | "SET") => !is_probe,
            (Self::SignOfLife, "PING") => has_read,
            _ => false,
        }
    }
}

/// What an honest server with nothing in it would say.
fn honest(words: &[String]) -> Answer {
    Answer::Reply(match words[0].as_str() {
        "HELLO" => hello("standalone", "master"),
        "PING" => Reply::Status("PONG".into()),
        "CLIENT" | "AUTH" | "SELECT" => Reply::Status("OK".into()),
        "MGET" => Reply::List(vec![Reply::Nothing; words.len() - 1]),
        "INFO" => {
            Reply::Bytes(b"role:master\r\nevicted_keys:0\r\ntracking_total_keys:0\r\n".to_vec())
        }
        "GET" | "SET" => Reply::Nothing,
        "EVALSHA" => Reply::Error("NOSCRIPT No matching script".into()),
        "EVAL" => Reply::Error("ERR PROBE".into()),
        "PTTL" | "DEL" | "EXISTS" | "PEXPIRE" => Reply::Number(0),
        _ => Reply::Error("ERR unknown command".into()),
    })
}

#[athena_cache(key = "product:{id}", cache = cache)]
async fn product(cache: &Cache, id: u32) -> Result<u32, io::ErrorKind> {
    Ok(id * 7)
}

#[test]
fn whatever_a_server_says_functions_answer_and_the_process_stays_what_it_was() {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    let told = listen();
    std::panic::set_hook(Box::new(|panic| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        eprintln!("{panic}");
    }));
    let begun = Instant::now();
    for stage in STAGES {
        for (name, lie) in LIES {
            let [has_read, has_lied] = [Arc::new(AtomicBool::new(false)), Arc::default()];
            let lied = Arc::clone(&has_lied);
            let answer = move |words: &[String]| {
                let is_entry = words[0] == "MGET" && !words[1].ends_with('?');
                let has_read = has_read.fetch_or(is_entry, Ordering::SeqCst);
                if stage.concerns(words, has_read) {
                    lied.store(true, Ordering::SeqCst);
                    lie()
                } else {
                    honest(words)
                }
            };
            let liar = Liar::start(answer);
            forget_peak();
            let floor = memory("VmRSS:");
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(call(&liar, &format!("{name}, {stage:?}")));
            support::wait_for(&format!("no task is left: {name}, {stage:?}"), || {
                (runtime.metrics().num_alive_tasks() == 0).then_some(())
            });
            let taken = memory("VmHWM:").saturating_sub(floor);
            assert!(taken < MOST_MEMORY, "{} MiB: {name}, {stage:?}", taken / MIB);
            let records = std::mem::take(&mut *told.lock().unwrap_or_else(PoisonError::into_inner));
            let records = String::from_utf8_lossy(&records);
            assert!(records.lines().all(|line| line.len() < 3_000), "{name}, {stage:?}: {records}");
            let is_forged = |line: &str| line.starts_with("2026-01-01");
            assert!(!records.lines().any(is_forged), "{name}, {stage:?}: {records}");
            assert!(records.lines().count() < 12, "{name}, {stage:?}: {records}");
            assert_eq!(PANICS.load(Ordering::SeqCst), 0, "{name}, {stage:?}");
            assert!(has_lied.load(Ordering::SeqCst), "nobody heard it: {name}, {stage:?}");
        }
    }
    eprintln!("{} lies at {} stages in {:?}", LIES.len(), STAGES.len(), begun.elapsed());
}

/// Calls a function some times: it answers as without a cache.
async fn call(liar: &Liar, what: &str) {
    let mut settings = Settings::default();
    settings.resilience.attempt_timeout = Duration::from_millis(60);
    settings.resilience.deadline = Duration::from_millis(120);
    settings.resilience.write_deadline = Duration::from_millis(120);
    let deadline = settings.resilience.deadline;
    let config = RedisConfig::new(format!("redis://127.0.0.1:{}", liar.port()))
        .connect_timeout(Duration::from_millis(300))
        .response_timeout(Duration::from_millis(60))
        .heartbeat(Duration::from_millis(20))
        .max_reply(8 * MIB);
    let redis = Redis::new(config).expect("the settings are good");
    let cache = Cache::builder("shop").settings(settings).backend(redis).build().expect("good");
    for id in 0..CALLS {
        let begun = Instant::now();
        assert_eq!(product(&cache, id % 3).await, Ok(id % 3 * 7), "{what}");
        let took = begun.elapsed();
        assert!(took < deadline + MARGIN, "{took:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let most = 40;
    assert!(liar.accepted() <= most, "{} connections: {what}", liar.accepted());
    cache.close().await;
}

/// What the process takes, by the name that the system has for it.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

/// Has the system measure the most that is taken from now on.
fn forget_peak() {
    // Where it does not, more is measured than there is.
    drop(std::fs::write("/proc/self/clear_refs", "5"));
}

/// Collects what is told at level warn and above.
fn listen() -> Arc<Mutex<Vec<u8>>> {
    let told: Arc<Mutex<Vec<u8>>> = Arc::default();
    let writer = Arc::clone(&told);
    let builder = tracing_subscriber::fmt().with_max_level(LevelFilter::WARN).with_ansi(false);
    builder.with_writer(move || Sink(Arc::clone(&writer))).init();
    told
}

struct Sink(Arc<Mutex<Vec<u8>>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
