//! A node of a cluster that somebody has taken over: it serves as before, and lies about its cluster.

use std::io::{self, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use super::command;

/// What it is sent in place of a command, if it is not sent that: `ECHO` has a node say anything.
pub(crate) type Twist = Arc<dyn Fn(&[Vec<u8>]) -> Option<Vec<Vec<u8>>> + Send + Sync>;

/// Stands in front of a node, and changes what that is asked.
///
/// It ends with the process, and its connections with it.
pub(crate) struct Member {
    port: u16,
    twist: Arc<Mutex<Twist>>,
}

impl Member {
    /// Stands in front of a node, honest until it is told otherwise.
    pub(crate) fn start(node: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let twist: Arc<Mutex<Twist>> = Arc::new(Mutex::new(Arc::new(|_| None)));
        let now = Arc::clone(&twist);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                let now = Arc::clone(&now);
                std::thread::spawn(move || {
                    // It ends when either side closes it.
                    drop(serve(&client, node, &now));
                    drop(client.shutdown(Shutdown::Both));
                });
            }
        });
        Self { port, twist }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Has it change commands in another way from now on.
    pub(crate) fn twist(
        &self,
        twist: impl Fn(&[Vec<u8>]) -> Option<Vec<Vec<u8>>> + Send + Sync + 'static,
    ) {
        *self.twist.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(twist);
    }
}

fn serve(client: &TcpStream, node: u16, twist: &Mutex<Twist>) -> io::Result<()> {
    let mut target = TcpStream::connect((Ipv4Addr::LOCALHOST, node))?;
    for stream in [client, &target] {
        stream.set_nodelay(true)?;
    }
    let (mut answers, mut asker) = (target.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || {
        // It ends when either side closes it.
        drop(io::copy(&mut answers, &mut asker));
        drop(asker.shutdown(Shutdown::Both));
    });
    let mut reader = BufReader::new(client);
    let result = loop {
        let words = match command(&mut reader) {
            Ok(words) => words,
            Err(error) => break Err(error),
        };
        let twist = Arc::clone(&twist.lock().unwrap_or_else(PoisonError::into_inner));
        let words = twist(&words).unwrap_or(words);
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in &words {
            bytes.extend(format!("${}\r\n", word.len()).into_bytes());
            bytes.extend(word.iter().chain(b"\r\n"));
        }
        if let Err(error) = target.write_all(&bytes) {
            break Err(error);
        }
    };
    drop(target.shutdown(Shutdown::Both));
    result
}
