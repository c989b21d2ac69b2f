//! A TCP proxy that can swallow, cut, delay, slice or slow down what passes through it: a partition without a
//! firewall.
//!
//! Bytes that were swallowed are lost for ever, and what follows them makes no sense to a peer that
//! missed them. A network that heals would have sent them again; [`Proxy::heal`] cuts the
//! connections that lost some.

mod lane;
mod names;

use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lane::Lane;
pub(crate) use names::Names;

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// Both ways, to set them alike.
pub(crate) const BOTH: [Direction; 2] = [Direction::ToServer, Direction::ToClient];

/// What happens to the bytes that go one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They pass.
    Pass,
    /// Each chunk arrives that much later, in order; the throughput stays.
    Delay(Duration),
    /// They disappear, and so does the end of the connection.
    Swallow,
    /// The next chunk ends the connection on both sides, by an orderly close: std has no RST.
    Reset,
    /// They arrive in packets of so many bytes, some 0.15 ms apart.
    Slice(usize),
    /// So many of them arrive in a second, on each connection: a way that is no wider.
    Rate(u32),
}

/// Forwards connections to a loopback port until it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    target: AtomicU16,
    closed: AtomicBool,
    accepted: AtomicUsize,
    refuse_new: AtomicBool,
    new_modes: Mutex<[Mode; 2]>,
    passages: Mutex<Vec<Passage>>,
    /// What the client is told in place of the ports that the server names.
    names: Mutex<Arc<Names>>,
}

/// One connection and what happens to its bytes, each way.
#[derive(Debug)]
struct Passage {
    lanes: [Arc<Lane>; 2],
    sockets: Vec<TcpStream>,
}

impl Proxy {
    /// Starts a proxy in front of a loopback port.
    pub(crate) fn start(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind the proxy");
        let port = listener.local_addr().expect("the address of the proxy").port();
        let shared = Arc::new(Shared {
            target: AtomicU16::new(target),
            closed: AtomicBool::new(false),
            accepted: AtomicUsize::new(0),
            refuse_new: AtomicBool::new(false),
            new_modes: Mutex::new([Mode::Pass; 2]),
            passages: Mutex::new(Vec::new()),
            names: Mutex::default(),
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

    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How many connections it accepted.
    pub(crate) fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// How many connections pass through it now.
    pub(crate) fn open(&self) -> usize {
        self.shared.passages().iter().filter(|passage| passage.is_open()).count()
    }

    /// Leads connections to come to another port.
    pub(crate) fn retarget(&self, target: u16) {
        self.shared.target.store(target, Ordering::SeqCst);
    }

    /// Tells clients of connections to come other ports than the server names.
    pub(crate) fn translate(&self, names: Names) {
        *self.shared.names.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(names);
    }

    /// Decides what happens one way, on the connections that are open and on those to come.
    pub(crate) fn set(&self, direction: Direction, mode: Mode) {
        self.set_new(direction, mode);
        self.set_existing(direction, mode);
    }

    /// Decides what happens one way on connections to come.
    pub(crate) fn set_new(&self, direction: Direction, mode: Mode) {
        self.shared.new_modes()[direction as usize] = mode;
    }

    /// Decides what happens one way on the connections that are open now.
    pub(crate) fn set_existing(&self, direction: Direction, mode: Mode) {
        for passage in self.shared.passages().iter() {
            passage.lanes[direction as usize].set(mode);
        }
    }

    /// Lets every byte of the connections that are open now disappear, without closing them.
    pub(crate) fn swallow_existing(&self) {
        for direction in BOTH {
            self.set_existing(direction, Mode::Swallow);
        }
    }

    /// Lets the bytes of connections to come disappear, or pass.
    pub(crate) fn swallow_new(&self, swallow: bool) {
        let mode = if swallow { Mode::Swallow } else { Mode::Pass };
        for direction in BOTH {
            self.set_new(direction, mode);
        }
    }

    /// Hangs up on connections to come, or lets them pass.
    pub(crate) fn refuse_new(&self, refuse: bool) {
        self.shared.refuse_new.store(refuse, Ordering::SeqCst);
    }

    /// Lets everything pass from now on, and cuts the connections that lost bytes.
    pub(crate) fn heal(&self) {
        self.refuse_new(false);
        *self.shared.new_modes() = [Mode::Pass; 2];
        self.shared.passages().retain(|passage| {
            let lost = passage.lanes.each_ref().map(|lane| lane.set(Mode::Pass));
            if lost.contains(&true) {
                passage.cut();
            }
            !lost.contains(&true)
        });
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
        // Held until the passage is listed, so that no change of modes misses it.
        let mut passages = self.passages();
        passages.retain(Passage::is_open);
        let names = Arc::clone(&self.names.lock().unwrap_or_else(PoisonError::into_inner));
        let [up, down] = *self.new_modes();
        let lanes = [Lane::new(up, Arc::default()), Lane::new(down, names)].map(Arc::new);
        let target = self.target.load(Ordering::SeqCst);
        match TcpStream::connect((Ipv4Addr::LOCALHOST, target)) {
            Ok(server) => passages.push(Passage::start(lanes, client, server)),
            // Whoever asks a dead server through a dead network learns nothing.
            Err(_) if lanes[0].is_lost() => {
                passages.push(Passage { lanes, sockets: vec![client] });
            }
            Err(_) => {}
        }
    }

    fn new_modes(&self) -> MutexGuard<'_, [Mode; 2]> {
        self.new_modes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn passages(&self) -> MutexGuard<'_, Vec<Passage>> {
        self.passages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Passage {
    fn start(lanes: [Arc<Lane>; 2], client: TcpStream, server: TcpStream) -> Self {
        let handle = |stream: &TcpStream| stream.try_clone().expect("a second handle");
        let sockets = vec![handle(&client), handle(&server)];
        for socket in &sockets {
            drop(socket.set_nodelay(true));
        }
        let [up, down] = lanes.each_ref().map(Arc::clone);
        let (from_client, to_client) = (handle(&client), client);
        let (from_server, to_server) = (handle(&server), server);
        std::thread::spawn(move || up.forward(from_client, to_server));
        std::thread::spawn(move || down.forward(from_server, to_client));
        Self { lanes, sockets }
    }

    fn is_open(&self) -> bool {
        !self.lanes.iter().any(|lane| lane.has_ended())
    }

    fn cut(&self) {
        for socket in &self.sockets {
            drop(socket.shutdown(Shutdown::Both));
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.cut();
        // Wakes the thread that accepts, so that it sees that it is over.
        drop(TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))));
    }
}
