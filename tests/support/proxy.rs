//! A TCP proxy that can swallow or cut what passes through it: a partition without a firewall.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Forwards connections to a loopback port until it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    target: u16,
    closed: AtomicBool,
    accepted: AtomicUsize,
    swallow_new: AtomicBool,
    refuse_new: AtomicBool,
    passages: Mutex<Vec<Passage>>,
}

/// One connection and the switch that lets its bytes disappear.
#[derive(Debug)]
struct Passage {
    swallow: Arc<AtomicBool>,
    sockets: [TcpStream; 2],
}

impl Proxy {
    /// Starts a proxy in front of a loopback port.
    pub(crate) fn start(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind the proxy");
        let port = listener.local_addr().expect("the address of the proxy").port();
        let shared = Arc::new(Shared {
            target,
            closed: AtomicBool::new(false),
            accepted: AtomicUsize::new(0),
            swallow_new: AtomicBool::new(false),
            refuse_new: AtomicBool::new(false),
            passages: Mutex::new(Vec::new()),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if accepting.closed.load(Ordering::SeqCst) {
                    return;
                }
                accepting.open(stream);
            }
        });
        Self { port, shared }
    }

    /// Where it listens, as the URL of a Redis.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// How many connections it accepted.
    pub(crate) fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// Lets every byte of the connections that are open now disappear, without closing them.
    pub(crate) fn swallow_existing(&self) {
        for passage in self.shared.passages().iter() {
            passage.swallow.store(true, Ordering::SeqCst);
        }
    }

    /// Lets the bytes of connections to come disappear, or pass.
    pub(crate) fn swallow_new(&self, swallow: bool) {
        self.shared.swallow_new.store(swallow, Ordering::SeqCst);
    }

    /// Hangs up on connections to come, or lets them pass.
    pub(crate) fn refuse_new(&self, refuse: bool) {
        self.shared.refuse_new.store(refuse, Ordering::SeqCst);
    }

    /// Cuts the connections that are open now.
    pub(crate) fn cut(&self) {
        for passage in self.shared.passages().drain(..) {
            passage.cut();
        }
    }
}

impl Shared {
    fn open(&self, client: TcpStream) {
        self.accepted.fetch_add(1, Ordering::SeqCst);
        if self.refuse_new.load(Ordering::SeqCst) {
            return;
        }
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.target)) else {
            return;
        };
        let swallow = Arc::new(AtomicBool::new(self.swallow_new.load(Ordering::SeqCst)));
        let handles = |stream: &TcpStream| stream.try_clone().expect("a second handle");
        let sockets = [handles(&client), handles(&server)];
        let (from_client, from_server) = (handles(&client), handles(&server));
        let (up, down) = (Arc::clone(&swallow), Arc::clone(&swallow));
        std::thread::spawn(move || forward(from_client, server, &up));
        std::thread::spawn(move || forward(from_server, client, &down));
        self.passages().push(Passage { swallow, sockets });
    }

    fn passages(&self) -> MutexGuard<'_, Vec<Passage>> {
        self.passages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Passage {
    fn cut(self) {
        for socket in self.sockets {
            drop(socket.shutdown(Shutdown::Both));
        }
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, swallow: &AtomicBool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let swallowed = swallow.load(Ordering::SeqCst);
        if !swallowed && to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Both));
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.cut();
        // Wakes the thread that accepts, so that it sees that it is over.
        drop(TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))));
    }
}
