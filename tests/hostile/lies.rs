//! What the server does to whoever asks at a stage.

use crate::support::liar::Answer;

/// A lie, and what it is.
pub(crate) type Lie = (&'static str, fn() -> Answer);

/// Told at every stage.
pub(crate) const LIES: [Lie; 20] = [
    ("a text of 2^40 bytes", || Answer::Endless(b"$1099511627776\r\n")),
    ("a text of 2^63 bytes", || Answer::Endless(b"$9223372036854775807\r\n")),
    ("an error of 2^40 bytes", || Answer::Endless(b"!1099511627776\r\n")),
    ("a line without an end", || Answer::Endless(b"+")),
    ("a list of a billion", || Answer::Endless(b"*1000000000\r\n")),
    ("many parts behind a space", || parts(b"* 2000000000\r\n")),
    ("many parts behind zeros", || parts(b"*00000000000000000000000002000000000\r\n")),
    ("many parts behind half an end of a line", || parts(b"+x\n$10000000\r\n*2000000000\r\n")),
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

/// Told to those who listen, beside these.
pub(crate) const MESSAGES: [Lie; 18] = [
    ("a message of 2^40 bytes", || {
        Answer::Endless(b">4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$6\r\n+sdown\r\n$1099511627776\r\n")
    }),
    ("a message of 2^62 words", || Answer::Endless(b">4611686018427387904\r\n")),
    ("a message without an end", || Answer::Endless(b">4\r\n$8\r\npmessage\r\n$1\r\n*\r\n+")),
    ("a message a byte at a time", || {
        Answer::Drip(b">4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$100000\r\n")
    }),
    ("messages in messages", || bytes(b">2\r\n", 100_000)),
    ("messages of nothing", || bytes(b">0\r\n", 10_000)),
    ("messages that end too soon", || bytes(b">2\r\n$8\r\npmessage\r\n$1\r\n*\r\n", 10_000)),
    ("numbers in place of words", || bytes(b">4\r\n$8\r\npmessage\r\n:1\r\n:2\r\n:3\r\n", 10_000)),
    ("kinds that nobody knows", || {
        bytes(
            b">2\r\n$7\r\nunknown\r\n:1\r\n>3\r\n+message\r\n_\r\n*0\r\n>2\r\n:1\r\n#t\r\n",
            3_000,
        )
    }),
    ("that nobody listens any more", || {
        bytes(b">3\r\n$12\r\npunsubscribe\r\n$1\r\n*\r\n:0\r\n", 1_000)
    }),
    ("failovers without an end", || {
        message("+switch-master", "mymaster 127.0.0.1 1 127.0.0.1 2", 30_000)
    }),
    ("failovers of nothing", || message("+switch-master", "a b c d e f g", 10_000)),
    ("a failover that forges a line", || {
        message("+switch-master", "mymaster \r\n2026-01-01T00:00:00Z  WARN forged 1 x 99999", 1_000)
    }),
    ("a failover of four megabytes", || message("+switch-master", &"mymaster ".repeat(450_000), 1)),
    ("that everything is gone, without an end", || {
        bytes(b">2\r\n$10\r\ninvalidate\r\n_\r\n", 30_000)
    }),
    ("100 000 names that changed", || {
        let names = b"$24\r\nshop:{k:product:000001}:1\r\n";
        Answer::Bytes(
            [&b">2\r\n$10\r\ninvalidate\r\n*100000\r\n"[..], &names.repeat(100_000)].concat(),
        )
    }),
    ("names that are none", || {
        bytes(b">2\r\n$10\r\ninvalidate\r\n*4\r\n$2\r\n\xff\xfe\r\n:1\r\n*0\r\n$0\r\n\r\n", 3_000)
    }),
    ("a name in place of names", || bytes(b">2\r\n$10\r\ninvalidate\r\n$4\r\nshop\r\n", 10_000)),
];

fn bytes(piece: &[u8], times: usize) -> Answer {
    Answer::Bytes(piece.repeat(times))
}

/// As many parts as there may be bytes in a reply, behind how many there are.
fn parts(beginning: &[u8]) -> Answer {
    Answer::Bytes([beginning, &b"_\r\n".repeat(2_500_000)].concat())
}

/// An event, as sentinels publish it.
fn message(channel: &str, payload: &str, times: usize) -> Answer {
    let head = format!(">4\r\n$8\r\npmessage\r\n$1\r\n*\r\n${}\r\n{channel}", channel.len());
    bytes(format!("{head}\r\n${}\r\n{payload}\r\n", payload.len()).as_bytes(), times)
}
