//! A minimal client of its own, so that tests see Redis independently of the crate under test.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// A status such as `OK`.
    Status(String),
    /// An error line.
    Error(String),
    /// A number.
    Number(i64),
    /// Bytes.
    Bytes(Vec<u8>),
    /// No value.
    Nothing,
    /// Several replies.
    List(Vec<Reply>),
}

/// A blocking RESP2 connection.
#[derive(Debug)]
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects to a loopback port; every later read is bounded.
    pub(crate) fn connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends one command and reads one reply.
    pub(crate) fn call<W: AsRef<[u8]>>(&mut self, words: &[W]) -> io::Result<Reply> {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            bytes.extend(format!("${}\r\n", word.as_ref().len()).into_bytes());
            bytes.extend(word.as_ref());
            bytes.extend(b"\r\n");
        }
        self.stream.get_mut().write_all(&bytes)?;
        self.reply()
    }

    /// Reads one line, as `MONITOR` sends them.
    pub(crate) fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    /// A second handle to the socket, to close it from another thread.
    pub(crate) fn socket(&self) -> io::Result<TcpStream> {
        self.stream.get_ref().try_clone()
    }

    fn reply(&mut self) -> io::Result<Reply> {
        let line = self.line()?;
        let (kind, rest) = line.split_at(1);
        let number = || rest.parse::<i64>().map_err(io::Error::other);
        Ok(match kind {
            "+" => Reply::Status(rest.to_owned()),
            "-" => Reply::Error(rest.to_owned()),
            ":" => Reply::Number(number()?),
            "$" => match usize::try_from(number()?) {
                Ok(length) => Reply::Bytes(self.bytes(length)?),
                Err(_) => Reply::Nothing,
            },
            "*" => match usize::try_from(number()?) {
                Ok(count) => {
                    Reply::List((0..count).map(|_| self.reply()).collect::<Result<_, _>>()?)
                }
                Err(_) => Reply::Nothing,
            },
            _ => return Err(io::Error::other(format!("no reply: {line:?}"))),
        })
    }

    fn bytes(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length + 2];
        self.stream.read_exact(&mut bytes)?;
        bytes.truncate(length);
        Ok(bytes)
    }
}

impl Reply {
    /// The number; panics if it is none.
    pub(crate) fn number(&self) -> i64 {
        match self {
            Self::Number(number) => *number,
            other => panic!("expected a number, got {other:?}"),
        }
    }

    /// The text of a status or of bytes; panics if it is neither.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Status(text) => text.clone(),
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => panic!("expected a text, got {other:?}"),
        }
    }

    /// The bytes; panics if it is none.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            other => panic!("expected bytes, got {other:?}"),
        }
    }

    /// The replies in a list; panics if it is none.
    pub(crate) fn list(&self) -> &[Self] {
        match self {
            Self::List(replies) => replies,
            other => panic!("expected a list, got {other:?}"),
        }
    }

    /// Whether there is no value.
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::Nothing
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(_) | Self::Bytes(_) => f.write_str(&self.text()),
            other => fmt::Debug::fmt(other, f),
        }
    }
}
