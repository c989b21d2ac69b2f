//! What a server says in place of answers, and what becomes of it in errors and records.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::error::Error as StdError;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use athena_cache_core::backend::Backend;
use athena_cache_redis::{Credentials, Redis, RedisConfig};
use tracing_subscriber::util::SubscriberInitExt;

/// Answers every command with one reply, and `HELLO` as a redis if it lets in.
fn serve(lets_in: bool, reply: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        while let Ok((socket, _)) = listener.accept() {
            let reply = reply.clone();
            thread::spawn(move || answer(socket, lets_in, &reply));
        }
    });
    address
}

fn answer(mut socket: TcpStream, lets_in: bool, reply: &[u8]) -> io::Result<()> {
    let (mut heard, mut room) = (Vec::new(), [0; 4096]);
    loop {
        let count = socket.read(&mut room)?;
        if count == 0 {
            return Ok(());
        }
        heard.extend_from_slice(&room[..count]);
        while let Some((name, end)) = command(&heard) {
            heard.drain(..end);
            let hello = b"%1\r\n$5\r\nproto\r\n:3\r\n";
            let is_hello = lets_in && name == "HELLO";
            socket.write_all(if is_hello { hello } else { reply })?;
        }
    }
}

/// The name of the first command, and where it ends, once it is there as a whole.
fn command(bytes: &[u8]) -> Option<(String, usize)> {
    let line = |from: usize| {
        let end = bytes.get(from..)?.windows(2).position(|it| it == b"\r\n")? + from;
        Some((std::str::from_utf8(&bytes[from + 1..end]).ok()?.parse::<usize>().ok()?, end + 2))
    };
    let (words, mut at) = line(0)?;
    let mut name = None;
    for _ in 0..words {
        let (len, from) = line(at)?;
        at = from + len + 2;
        let word = bytes.get(from..at)?;
        name.get_or_insert_with(|| String::from_utf8_lossy(&word[..len]).into_owned());
    }
    Some((name?, at))
}

/// What an operator reads.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All that an error shows, by itself and by its sources.
fn shown(error: &(impl StdError + 'static)) -> Vec<String> {
    let mut texts = Vec::new();
    let mut next: Option<&dyn StdError> = Some(error);
    while let Some(error) = next {
        texts.extend([error.to_string(), format!("{error:?}")]);
        next = error.source();
    }
    texts
}

fn assert_is_fit_to_be_shown(text: &str) {
    assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'), "{text:?}");
    // Around what was said there may be several errors' own words; a backend says where it is.
    let most = if text.starts_with("Redis {") { 300 } else { 1_000 };
    assert!(text.chars().count() < most, "{} characters: {text}", text.chars().count());
    assert!(!text.starts_with(FORGED), "{text}");
}

/// Everything that a process shows of a server that answers like this.
async fn all_shown(lets_in: bool, reply: Vec<u8>, password: &str) -> Vec<String> {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone());
    let _listens = subscriber.set_default();
    let url = format!("redis://{}", serve(lets_in, reply));
    let given = password.to_owned();
    let config = RedisConfig::new(url)
        .credentials_from(move || {
            let credentials = Credentials::user("app", given.clone());
            async move { Ok::<_, io::Error>(credentials) }
        })
        .response_timeout(Duration::from_millis(100));
    let redis = Redis::new(config).unwrap();
    let mut texts: Vec<_> = redis.connect().await.err().iter().flat_map(shown).collect();
    let failure = redis.read(&["{a}:0"], &[]).await.unwrap_err();
    texts.extend(shown(&failure));
    texts.push(format!("{redis:?}"));
    redis.close().await;
    texts.extend(log.text().lines().map(|line| line.replace('\t', " ")));
    texts
}

/// How a record begins that nobody wrote.
const FORGED: &str = "2026-01-01T00:00:00Z  WARN";
const PASSWORD: &str = "hun ter2%:/ü\"q9";

#[tokio::test]
async fn whatever_a_server_says_becomes_bounded_lines_that_hide_the_password() {
    let mut random = fastrand::Rng::with_seed(7);
    let forged =
        "WRONGPASS no\n2026-01-01T00:00:00Z  WARN athena_cache: all is well \u{202e}\u{1b}[2J";
    let mut said: Vec<Vec<u8>> = vec![
        forged.into(),
        format!("WRONGPASS you said {PASSWORD}, did you").into(),
        format!(
            "ERR unknown command `HELLO`, with args beginning with: `3` `AUTH` `app` `{PASSWORD}`"
        )
        .into(),
        format!("ERR {}{PASSWORD}", "x".repeat(190)).into(),
        format!("NOPERM {}", "\u{202e}\u{7}".repeat(10_000)).into(),
        PASSWORD.into(),
    ];
    said.extend((0..2).map(|_| (0..random.usize(1..400)).map(|_| random.u8(..)).collect()));
    for text in said {
        let line: Vec<u8> = text.iter().copied().filter(|byte| *byte != b'\r').collect();
        let simple = [
            b"-",
            &*line.iter().map(|b| if *b == b'\n' { b' ' } else { *b }).collect::<Vec<_>>(),
            b"\r\n",
        ]
        .concat();
        let bulk = [format!("!{}\r\n", text.len()).as_bytes(), &text, b"\r\n"].concat();
        for reply in [simple, bulk, line] {
            for lets_in in [true, false] {
                for text in all_shown(lets_in, reply.clone(), PASSWORD).await {
                    assert_is_fit_to_be_shown(&text);
                    assert!(!text.contains("hun ter2"), "{text}");
                }
            }
        }
    }
}

#[tokio::test]
async fn what_a_server_says_is_still_readable() {
    let texts =
        all_shown(false, b"-WRONGPASS invalid pair, said\tthe server\r\n".to_vec(), "pw").await;
    let told = r"redis at 127.0.0.1";
    assert!(
        texts.iter().any(|it| it.starts_with(told) && it.contains(r"said\tthe server")),
        "{texts:#?}"
    );
    assert!(texts.iter().any(|it| it.contains("WARN") && it.contains("WRONGPASS")), "{texts:#?}");
}
