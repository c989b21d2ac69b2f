//! Somebody else has a connection to the Redis of the processes, and writes under their names.
//!
//! What such a one can do is answer for the cache: with an entry of the right type, or by bringing back a
//! generation that there was. That is left out here; everything else is a miss, whatever it claims.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::alone;
use super::forgery::{CLAIMS, Forge, Forgery, UNREADABLE};
use super::shops::Shops;
use crate::oracle::random::SplitMix64;
use crate::support::resp::{Client, Reply};
use crate::support::server::RedisServer;

const TIME: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);
/// How often it writes between two pauses.
const STRIKES: usize = 3;
/// What is written lives so long at most, in milliseconds: ten years.
const YEARS: &str = "315360000000";
/// Larger than the largest reply that the processes take.
const LARGE: &str = "6000000";
/// Larger than any entry that the processes write.
const LARGE_ENTRY: usize = 10_000;
/// So often at most: it costs the connection that it is asked for over.
const MOST_LARGE: u32 = 3;
/// Each time everything has to be loaded again.
const FLUSHES: Duration = Duration::from_millis(700);

/// Replaces whatever has a name by something that is no text.
const OTHER_TYPES: [&[&str]; 6] = [
    &["LPUSH", "NAME", "hello", "you"],
    &["HSET", "NAME", "field", "value"],
    &["SADD", "NAME", "hello"],
    &["ZADD", "NAME", "1", "hello"],
    &["XADD", "NAME", "*", "field", "value"],
    &["GEOADD", "NAME", "13", "38", "hello"],
];

/// What stands in place of a generation, or of a lease.
const JUNK: [&[u8]; 10] = [
    b"",
    b"hello",
    b"0",
    b"-1",
    b"0000000000000000",
    b"zzzzzzzzzzzzzzzz",
    b"18446744073709551616",
    b"\xff\xfe\0\r\n$5\r\nhello\r\n",
    b"AtC\x03",
    &[b'f'; 100_000],
];

/// How the life of something is changed; nothing else of it is.
const LIVES: [&[&str]; 4] = [
    &["PERSIST", "NAME"],
    &["PEXPIRE", "NAME", YEARS],
    &["PEXPIRE", "NAME", "1"],
    &["PEXPIREAT", "NAME", "1"],
];

/// Who writes.
struct Attacker {
    client: Client,
    random: SplitMix64,
    /// How often it did what.
    done: BTreeMap<&'static str, u32>,
    /// How often it has changed an entry: each way has its turn.
    forged: usize,
    claimed: usize,
    flushed: Instant,
}

impl Attacker {
    fn new(server: &RedisServer) -> Self {
        let client = server.client().expect("it lets anybody in");
        let random = SplitMix64::new(7);
        let flushed = Instant::now();
        Self { client, random, done: BTreeMap::new(), forged: 0, claimed: 0, flushed }
    }

    fn call<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Reply {
        self.client.call(words).expect("it answers")
    }

    /// Does something to one of the names that there are.
    fn strike(&mut self) {
        if self.flushed.elapsed() > FLUSHES {
            self.flushed = Instant::now();
            self.call(&["FLUSHALL"]);
            self.note("everything is gone");
        }
        let names = self.call(&["KEYS", "shop:*"]);
        let names: Vec<_> = names.list().iter().map(Reply::text).collect();
        if names.is_empty() {
            return;
        }
        let name = &names[self.random.below(names.len())];
        let is_value = name.contains("}:");
        match self.random.below(10) {
            0 => self.give_another_type(name),
            1 => self.give_another_life(name),
            2 if is_value => self.hold_lease(name),
            3 => self.announce(name),
            4 if is_value => self.claim(name),
            5 if is_value => self.enlarge(name),
            _ if is_value => self.forge(name),
            _ => self.give_another_generation(name),
        }
    }

    fn note(&mut self, what: &'static str) {
        *self.done.entry(what).or_default() += 1;
    }

    fn give_another_type(&mut self, name: &str) {
        let words = OTHER_TYPES[self.random.below(OTHER_TYPES.len())];
        self.call(&["DEL", name]);
        self.call(&about(words, name));
        self.note(words[0]);
    }

    fn give_another_life(&mut self, name: &str) {
        let words = LIVES[self.random.below(LIVES.len())];
        self.call(&about(words, name));
        self.note(words[0]);
    }

    /// Takes the lease of an entry for ten years, or has it be something else.
    fn hold_lease(&mut self, value: &str) {
        let lease = format!("{}l", value.trim_end_matches(|last| last != ':'));
        if self.random.hits(30) {
            return self.give_another_type(&lease);
        }
        let junk = JUNK[self.random.below(JUNK.len())];
        self.call(&[b"SET", lease.as_bytes(), junk, b"PX", YEARS.as_bytes()]);
        self.note("a lease");
    }

    /// Says of a name, in every way that anybody may, that it has changed.
    fn announce(&mut self, name: &str) {
        for channel in ["__redis__:invalidate", "__keyspace@0__:", "invalidate", "+switch-master"] {
            self.call(&["PUBLISH", channel, name]);
        }
        self.call(&[b"SET", &b"\xff\xfe of no text"[..], b"hello"]);
        self.call(&["TOUCH", name]);
        self.note("announcements");
    }

    /// A number that none was before invalidates what depends on it; anything else is none.
    fn give_another_generation(&mut self, name: &str) {
        if self.random.hits(30) {
            let number = format!("{:016x}", self.random.number());
            self.call(&["SET", name, &number]);
            return self.note("a generation");
        }
        let junk = JUNK[self.random.below(JUNK.len())];
        self.call(&[b"SET", name.as_bytes(), junk]);
        self.note("no generation");
    }

    fn enlarge(&mut self, name: &str) {
        if self.done.get("a large value").is_none_or(|times| *times < MOST_LARGE) {
            self.call(&["SETRANGE", name, LARGE, "x"]);
            self.note("a large value");
        }
    }

    fn claim(&mut self, name: &str) {
        let is_done = self.rewrite(name, CLAIMS[self.claimed % CLAIMS.len()]);
        self.claimed += usize::from(is_done);
    }

    fn forge(&mut self, name: &str) {
        let is_done = self.rewrite(name, UNREADABLE[self.forged % UNREADABLE.len()]);
        self.forged += usize::from(is_done);
    }

    /// Changes an entry, unless somebody else does so meanwhile: that would bring back what is outdated.
    fn rewrite(&mut self, name: &str, (what, forge): (&'static str, Forge)) -> bool {
        self.call(&["WATCH", name]);
        let found = match self.call(&["GET", name]) {
            Reply::Bytes(bytes) if bytes.len() < LARGE_ENTRY => Forgery::of(&bytes),
            _ => None,
        };
        let Some(mut forged) = found else {
            self.call(&["UNWATCH"]);
            return false;
        };
        forge(&mut forged);
        let bytes = forged.bytes();
        self.call(&["MULTI"]);
        self.call(&[b"SET", name.as_bytes(), &bytes, b"PX", b"60000"]);
        let is_done = matches!(self.call(&["EXEC"]), Reply::List(_));
        if is_done {
            self.note(what);
        }
        is_done
    }
}

/// Words about a name.
fn about<'a>(words: &[&'a str], name: &'a str) -> Vec<&'a str> {
    words.iter().map(|&word| if word == "NAME" { name } else { word }).collect()
}

#[test]
fn whatever_somebody_writes_under_its_names_two_processes_answer_right_and_live() {
    let _alone = alone();
    let server = RedisServer::start();
    let mut shops = Shops::open(&server.url());
    let mut attacker = Attacker::new(&server);
    shops.trade(TIME, PAUSE, |_| (0..STRIKES).for_each(|_| attacker.strike()));
    let done = &attacker.done;
    for (what, _) in UNREADABLE.iter().chain(&CLAIMS) {
        assert!(done.contains_key(what), "never {what}: {done:?}");
    }
    for report in shops.close() {
        assert!(report.figure("unreadable") > 20, "{report:?}");
    }
    eprintln!("{done:?}");
}
