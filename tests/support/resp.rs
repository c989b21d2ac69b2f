//! A minimal client of its own, so that tests see Redis independently of the crate under test.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// Where a server listens, and what it asks for.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    /// Its port on the loopback.
    pub(crate) port: u16,
    /// The password of the default user, if it has one.
    pub(crate) password: Option<String>,
}

impl Address {
    /// Connects and signs in, each step within `limit`.
    pub(crate) fn connect(&self, limit: Duration) -> io::Result<Client> {
        let mut client = Client::connect_within(self.port, limit)?;
        if let Some(password) = &self.password {
            client.call(&["AUTH", password])?;
        }
        Ok(client)
    }
}

impl From<u16> for Address {
    fn from(port: u16) -> Self {
        Self { port, password: None }
    }
}

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
        Self::connect_within(port, Duration::from_secs(5))
    }

    /// Connects to a loopback port; connecting and every later read and write take at most `limit`.
    ///
    /// After an error the connection is of no use: a late answer would be taken for the next one.
    pub(crate) fn connect_within(port: u16, limit: Duration) -> io::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream = TcpStream::connect_timeout(&address, limit)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(limit))?;
        stream.set_write_timeout(Some(limit))?;
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
