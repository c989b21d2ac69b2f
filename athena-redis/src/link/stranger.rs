//! What answers in place of a node that can be used, by its first bytes or its own word.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use athena_cache_core::backend::Excerpt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::batch::Replies;
use crate::lock::Lock;

/// Somebody else than a node of the kind that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stranger {
    /// A sentinel, where a data node was expected.
    Sentinel,
    /// A data node, where a sentinel was expected.
    NoSentinel,
    /// A redis, or a proxy, that speaks an older protocol only.
    OldProtocol,
    Http,
    Tls,
    /// Something that is no redis, with how it begins.
    Other(Beginning),
}

/// The first bytes that were read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Beginning {
    bytes: [u8; BEGINNING],
    len: usize,
}

/// So many bytes tell what answers.
const BEGINNING: usize = 24;
/// What a reply of a redis begins with.
const TYPES: &[u8] = b"+-:$*_#,(!=%~>|";

impl Stranger {
    /// Who answers like this; nobody if it may be a redis.
    pub(super) fn by(beginning: &Beginning) -> Option<Self> {
        let bytes = &beginning.bytes[..beginning.len];
        let begins = |with: &str| {
            bytes.len() >= with.len() && bytes[..with.len()].eq_ignore_ascii_case(with.as_bytes())
        };
        match bytes.first()? {
            _ if begins("HTTP/") => Some(Self::Http),
            _ if begins("-NOPROTO") || begins("-ERR unknown command") => Some(Self::OldProtocol),
            0x15 if bytes.get(1) == Some(&3) => Some(Self::Tls),
            first if TYPES.contains(first) => None,
            _ => Some(Self::Other(*beginning)),
        }
    }

    /// Whether the reply to `HELLO` is none of a data node; takes it.
    pub(super) fn among_nodes(replies: &mut Replies) -> Option<Self> {
        (mode(replies)? == "sentinel").then_some(Self::Sentinel)
    }

    /// Whether the reply to `HELLO` is that of a data node; takes it.
    pub(super) fn among_sentinels(replies: &mut Replies) -> Option<Self> {
        let mode = mode(replies)?;
        matches!(&*mode, "standalone" | "cluster").then_some(Self::NoSentinel)
    }
}

/// What a server was started as, if it says that.
fn mode(replies: &mut Replies) -> Option<String> {
    if replies.error().is_some() {
        return None;
    }
    replies.fields().ok()?.remove("mode")
}

impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sentinel => f.write_str(
                "found a sentinel in place of a data node: give the url \
                 `redis-sentinel://…#name-of-the-primary`, or the port of a data node (often 6379)",
            ),
            Self::NoSentinel => f.write_str(
                "found a data node in place of a sentinel: give the port of the sentinels (often \
                 26379), or a url that begins with `redis://` or `redis-cluster://`",
            ),
            Self::OldProtocol => f.write_str(
                "found a redis before 6.0, or a proxy, that does not speak RESP3: connect to a newer \
                 redis, or past the proxy",
            ),
            Self::Http => f.write_str(
                "found an HTTP server in place of redis: give the port of redis (often 6379)",
            ),
            Self::Tls => f.write_str(
                "found a port that speaks TLS: begin the url with `rediss` in place of `redis`",
            ),
            Self::Other(beginning) => write!(
                f,
                "found something else than redis, which begins with {beginning}: give the port of \
                 redis (often 6379)"
            ),
        }
    }
}

impl Beginning {
    const fn new() -> Self {
        Self { bytes: [0; BEGINNING], len: 0 }
    }

    fn add(&mut self, bytes: &[u8]) {
        let count = bytes.len().min(BEGINNING - self.len);
        self.bytes[self.len..self.len + count].copy_from_slice(&bytes[..count]);
        self.len += count;
    }
}

impl fmt::Display for Beginning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&Excerpt::of_bytes(&self.bytes[..self.len]), f)
    }
}

/// Shows nothing: what answers may repeat a password, which is looked for in messages only.
impl fmt::Debug for Beginning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beginning").finish_non_exhaustive()
    }
}

/// What a peer said first, and how much it has said since.
#[derive(Debug, Clone)]
pub(super) struct Greeting(Arc<Received>);

#[derive(Debug)]
struct Received {
    beginning: Lock<Beginning>,
    bytes: AtomicU64,
    /// How many there were when the last announcement was heard.
    at_push: AtomicU64,
}

/// A stream whose first bytes are noted.
#[derive(Debug)]
pub(super) struct Overheard<S> {
    stream: S,
    greeting: Greeting,
    /// How many bytes are to be noted still.
    left: usize,
}

impl Greeting {
    /// Notes how what comes over a stream begins.
    pub(super) fn of<S>(stream: S) -> (Overheard<S>, Self) {
        let beginning = Lock::new(Beginning::new());
        let [bytes, at_push] = [AtomicU64::new(0), AtomicU64::new(0)];
        let greeting = Self(Arc::new(Received { beginning, bytes, at_push }));
        (Overheard { stream, greeting: greeting.clone(), left: BEGINNING }, greeting)
    }

    pub(super) fn bytes(&self) -> Beginning {
        *self.0.beginning.lock()
    }

    /// How many bytes have come so far.
    pub(super) fn received(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// An announcement was heard: so far nothing of a reply is under way.
    pub(super) fn note_push(&self) {
        self.0.at_push.store(self.received(), Ordering::Relaxed);
    }

    /// Whether a part of a reply has come since there were so many bytes.
    ///
    /// Announcements come however dead the way to the server is; they do not come in the middle of a reply.
    pub(super) fn goes_on_since(&self, received: u64) -> bool {
        self.received() > received.max(self.0.at_push.load(Ordering::Relaxed))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Overheard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, into))?;
        let read = &into.filled()[before..];
        self.greeting.0.bytes.fetch_add(read.len() as u64, Ordering::Relaxed);
        if self.left > 0 {
            self.greeting.0.beginning.lock().add(read);
            self.left = self.left.saturating_sub(read.len());
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Overheard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_answers_is_told_by_how_that_begins() {
        let beginning = |bytes: &[u8]| {
            let mut beginning = Beginning::new();
            let (first, rest) = bytes.split_at(bytes.len() / 2);
            beginning.add(first);
            beginning.add(rest);
            beginning
        };
        for (bytes, expected) in [
            (&b"HTTP/1.1 400 Bad Request\r\nServer: x"[..], Some(Stranger::Http)),
            (b"\x15\x03\x01\x00\x02\x02\x46", Some(Stranger::Tls)),
            (b"-ERR unknown command `HELLO`, with args", Some(Stranger::OldProtocol)),
            (b"-ERR Unknown Command 'hello'", Some(Stranger::OldProtocol)),
            (b"-NOPROTO unsupported protocol version", Some(Stranger::OldProtocol)),
            (b"-NOAUTH HELLO must be called with", None),
            (b"-ERR max number of clients reached", None),
            (b"%7\r\n$6\r\nserver", None),
            (b"", None),
        ] {
            assert_eq!(Stranger::by(&beginning(bytes)), expected, "{}", bytes.escape_ascii());
        }
        let memcached = Stranger::by(&beginning(b"ERROR\r\nERROR\r\n")).unwrap();
        assert!(
            memcached.to_string().contains(r#"begins with "ERROR\r\nERROR\r\n""#),
            "{memcached}"
        );
    }
}
