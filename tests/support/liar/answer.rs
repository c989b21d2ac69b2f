//! What liars answer, and how that is written.

use crate::support::resp::Reply;

/// What one command is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A reply.
    Reply(Reply),
    /// A push message, which is also how a subscription is answered.
    Push(Vec<Reply>),
    /// Nothing at all; the connection stays open.
    Silence,
    /// These bytes, whatever they mean.
    Bytes(Vec<u8>),
    /// The same, and then text without an end, for as long as anybody listens.
    Endless(&'static [u8]),
    /// The same, a byte at a time.
    Drip(&'static [u8]),
    /// One after the other.
    Both(Box<[Answer; 2]>),
}

impl Answer {
    pub(crate) fn ok() -> Self {
        Self::Reply(Reply::Status("OK".into()))
    }

    pub(crate) fn error(text: &str) -> Self {
        Self::Reply(Reply::Error(text.into()))
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Self::Reply(reply) => write(&reply, &mut bytes),
            Self::Push(parts) => {
                write(&Reply::List(parts), &mut bytes);
                bytes[0] = b'>';
            }
            Self::Silence => {}
            Self::Bytes(other) => bytes = other,
            Self::Endless(beginning) | Self::Drip(beginning) => bytes.extend(beginning),
            Self::Both(both) => both.into_iter().for_each(|answer| bytes.extend(answer.bytes())),
        }
        bytes
    }
}

/// A text as a reply.
pub(crate) fn text(text: impl Into<String>) -> Reply {
    Reply::Bytes(text.into().into_bytes())
}

/// Names and texts in turn, as most commands answer them.
pub(crate) fn record<N: Into<String>, T: Into<String>>(
    pairs: impl IntoIterator<Item = (N, T)>,
) -> Reply {
    Reply::List(pairs.into_iter().flat_map(|(name, it)| [text(name), text(it)]).collect())
}

/// What `HELLO` is answered with.
pub(crate) fn hello(mode: &str, role: &str) -> Reply {
    let pairs = [
        ("server", text("redis")),
        ("version", text("7.0.0")),
        ("proto", Reply::Number(3)),
        ("id", Reply::Number(1)),
        ("mode", text(mode)),
        ("role", text(role)),
        ("modules", Reply::List(Vec::new())),
    ];
    Reply::List(pairs.into_iter().flat_map(|(name, it)| [text(name), it]).collect())
}

fn write(reply: &Reply, bytes: &mut Vec<u8>) {
    let line = match reply {
        Reply::Status(text) => format!("+{text}\r\n"),
        Reply::Error(text) => format!("-{text}\r\n"),
        Reply::Number(number) => format!(":{number}\r\n"),
        Reply::Bytes(text) => format!("${}\r\n", text.len()),
        Reply::Nothing => "_\r\n".to_owned(),
        Reply::List(parts) => format!("*{}\r\n", parts.len()),
    };
    bytes.extend(line.into_bytes());
    match reply {
        Reply::Bytes(text) => bytes.extend(text.iter().chain(b"\r\n")),
        Reply::List(parts) => parts.iter().for_each(|part| write(part, bytes)),
        Reply::Status(_) | Reply::Error(_) | Reply::Number(_) | Reply::Nothing => {}
    }
}
