//! A server that answers whatever a test says.
//!
//! [`Liar`] speaks the protocol and knows no commands; [`sentinel`] and [`node`] say what one of their kind
//! would, and [`member`] has a real node say something else. It ends with the process, and its connections with it.

mod answer;
pub(crate) mod member;
pub(crate) mod node;
pub(crate) mod sentinel;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) use answer::{Answer, hello, record, text};

use super::resp::Reply;

/// A listener on a free port of every address, such as 127.0.1.1, and everything that it was told.
#[derive(Debug)]
pub(crate) struct Liar {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    open: Mutex<Vec<TcpStream>>,
    /// Those among them that listen.
    listening: Mutex<Vec<TcpStream>>,
    /// How many connections there are, and how many there were at most at a time, and in all.
    now: AtomicUsize,
    most: AtomicUsize,
    all: AtomicUsize,
    heard: Mutex<Vec<Vec<String>>>,
}

/// How many commands are remembered.
const REMEMBERED: usize = 10_000;

impl Liar {
    /// Answers every command, given as its words, the first one in capitals.
    pub(crate) fn start(answer: impl Fn(&[String]) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_slow(Duration::ZERO, answer)
    }

    /// The same, and does not read for a while after it was connected to.
    pub(crate) fn start_slow(
        pause: Duration,
        answer: impl Fn(&[String]) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::start_on(0, pause, answer)
    }

    /// The same on a port that was that of another server; 0 is any that is free.
    pub(crate) fn start_on(
        port: u16,
        pause: Duration,
        answer: impl Fn(&[String]) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("0.0.0.0", port)).expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let (shared, answer) = (Arc::new(Shared::default()), Arc::new(answer));
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let (shared, answer) = (Arc::clone(&serving), Arc::clone(&answer));
                std::thread::spawn(move || {
                    shared.begin(&stream);
                    std::thread::sleep(pause);
                    // It ends when the other side closes it.
                    drop(serve(&stream, &shared, &*answer));
                    shared.end(&stream);
                });
            }
        });
        Self { port, shared }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How many connections it had at most at the same time.
    pub(crate) fn most_open(&self) -> usize {
        self.shared.most.load(Ordering::SeqCst)
    }

    /// How many connections it has.
    pub(crate) fn open(&self) -> usize {
        self.shared.now.load(Ordering::SeqCst)
    }

    /// How many connections it has had.
    pub(crate) fn accepted(&self) -> usize {
        self.shared.all.load(Ordering::SeqCst)
    }

    /// The commands that it was sent, the last ones last.
    pub(crate) fn heard(&self) -> Vec<Vec<String>> {
        lock(&self.shared.heard).clone()
    }

    /// How many commands had a word among theirs, such as a password.
    pub(crate) fn was_told(&self, word: &str) -> usize {
        let heard = lock(&self.shared.heard);
        heard.iter().filter(|words| words.iter().any(|it| it == word)).count()
    }

    /// Sends a push message on every connection that has subscribed to anything.
    pub(crate) fn push(&self, message: Vec<Reply>) {
        let bytes = Answer::Push(message).bytes();
        for mut stream in &*lock(&self.shared.listening) {
            // One that has gone hears nothing.
            drop(stream.write_all(&bytes));
        }
    }
}

impl Shared {
    fn begin(&self, stream: &TcpStream) {
        lock(&self.open).push(stream.try_clone().expect("a handle"));
        self.all.fetch_add(1, Ordering::SeqCst);
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
    }

    fn end(&self, stream: &TcpStream) {
        let peer = |stream: &TcpStream| stream.peer_addr().ok();
        for streams in [&self.open, &self.listening] {
            lock(streams).retain(|open| peer(open).is_some() && peer(open) != peer(stream));
        }
        drop(stream.shutdown(Shutdown::Both));
        self.now.fetch_sub(1, Ordering::SeqCst);
    }

    fn note(&self, words: &[String]) {
        let mut heard = lock(&self.heard);
        if heard.len() < REMEMBERED {
            heard.push(words.to_vec());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(
    stream: &TcpStream,
    shared: &Shared,
    answer: &(dyn Fn(&[String]) -> Answer + Send + Sync),
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    loop {
        let words = command(&mut reader)?;
        let mut words: Vec<_> =
            words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        if let Some(first) = words.first_mut() {
            first.make_ascii_uppercase();
        }
        shared.note(&words);
        send(stream, answer(&words))?;
        if words.first().is_some_and(|word| word == "PSUBSCRIBE") {
            lock(&shared.listening).push(stream.try_clone()?);
        }
    }
}

fn send(mut stream: &TcpStream, answer: Answer) -> io::Result<()> {
    match answer {
        Answer::Endless(beginning) => {
            stream.write_all(beginning)?;
            go_on(stream)
        }
        Answer::Drip(beginning) => {
            stream.write_all(beginning)?;
            drip(stream)
        }
        Answer::Both(both) => both.into_iter().try_for_each(|answer| send(stream, answer)),
        answer => stream.write_all(&answer.bytes()),
    }
}

/// Sends text until nobody listens any more, or that would be a gigabyte.
fn go_on(mut stream: &TcpStream) -> io::Result<()> {
    const PIECE: &[u8] = &[b'x'; 1 << 16];
    (0..1 << 14).try_for_each(|_| stream.write_all(PIECE))
}

/// Sends a byte every now and then until nobody listens any more, or that would be minutes.
fn drip(mut stream: &TcpStream) -> io::Result<()> {
    (0..10_000).try_for_each(|_| {
        std::thread::sleep(Duration::from_millis(10));
        stream.write_all(b"x")
    })
}

/// Reads one command.
fn command(reader: &mut BufReader<&TcpStream>) -> io::Result<Vec<Vec<u8>>> {
    let count = number(reader, '*')?;
    let mut words = Vec::new();
    for _ in 0..count {
        let mut bytes = vec![0; number(reader, '$')? + 2];
        reader.read_exact(&mut bytes)?;
        bytes.truncate(bytes.len() - 2);
        words.push(bytes);
    }
    Ok(words)
}

fn number(reader: &mut BufReader<&TcpStream>, kind: char) -> io::Result<usize> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let number = line.trim_end().strip_prefix(kind).and_then(|it| it.parse().ok());
    number.ok_or_else(|| io::Error::other(format!("no command: {line:?}")))
}
