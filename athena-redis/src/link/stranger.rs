//! What answers in place of a node that can be used, by its first bytes or its own word.

use std::fmt;

use super::batch::Replies;
use super::flow::Beginning;

/// Somebody else than a node of the kind that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Stranger {
    /// A sentinel, where a data node was expected.
    Sentinel,
    /// A node of a cluster, where one was expected that serves everything.
    Member,
    /// A data node, where a sentinel was expected.
    NoSentinel,
    /// A redis, or a proxy, that speaks an older protocol only.
    OldProtocol,
    Http,
    Tls,
    /// Something that is no redis, with how it begins.
    Other(Beginning),
}

/// What a reply of a redis begins with.
const TYPES: &[u8] = b"+-:$*_#,(!=%~>|";

impl Stranger {
    /// Who answers like this; nobody if it may be a redis.
    pub(super) fn by(beginning: &Beginning) -> Option<Self> {
        let bytes = beginning.as_bytes();
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

    /// Whether the reply to `HELLO` is none of a data node, of a cluster or not; takes it.
    pub(super) fn among_nodes(replies: &mut Replies, of_cluster: bool) -> Option<Self> {
        match &*mode(replies)? {
            "sentinel" => Some(Self::Sentinel),
            "cluster" if !of_cluster => Some(Self::Member),
            _ => None,
        }
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
            Self::Member => f.write_str(
                "found a node of a cluster, which serves a part of the names: give a url that begins with \
                 `redis-cluster://`",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_answers_is_told_by_how_that_begins() {
        let beginning = |bytes: &[u8]| {
            let mut beginning = Beginning::default();
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
