//! Everything that a server is sent, as `MONITOR` tells it.

use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::resp::Client;
use super::wait_for;

/// Collects the commands of all clients until it is dropped.
#[derive(Debug)]
pub(crate) struct Monitor {
    port: u16,
    lines: Arc<Mutex<Vec<String>>>,
    socket: TcpStream,
    reader: Option<JoinHandle<()>>,
}

impl Monitor {
    /// Begins to listen; what is sent after this is seen.
    pub(crate) fn start(port: u16) -> Self {
        let mut client = Client::connect(port).expect("connect to monitor");
        let answer = client.call(&["MONITOR"]).expect("monitor");
        assert_eq!(answer.text(), "OK");
        let socket = client.socket().expect("a second handle");
        socket.set_read_timeout(None).expect("an endless read");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let collected = Arc::clone(&lines);
        let reader = std::thread::spawn(move || {
            while let Ok(line) = client.line() {
                collected.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Self { port, lines, socket, reader: Some(reader) }
    }

    /// The lines of all commands that were executed before this call.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut client = Client::connect(self.port).expect("connect to mark the end");
        let mark = format!("monitor-mark-{:?}", std::time::Instant::now());
        client.call(&["ECHO", &mark]).expect("mark the end");
        let quoted = mark.replace('"', "\\\"");
        wait_for("the monitor sees its own mark", || {
            let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            let end = lines.iter().position(|line| line.contains(&quoted))?;
            Some(lines[..end].to_vec())
        })
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        drop(self.socket.shutdown(Shutdown::Both));
        if let Some(reader) = self.reader.take() {
            drop(reader.join());
        }
    }
}
