//! Nodes that say they are a cluster and know nothing else, in a process of their own.
//!
//! Each has an address of the loopback network, and all of them one port.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

const SLOTS: usize = 16_384;
/// Tells the second process that it is one.
const NODES: &str = "ATHENA_BENCH_FAKE_NODES";
const HELLO: &str =
    "%3\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n$4\r\nrole\r\n$6\r\nmaster\r\n";

/// How many nodes this process is to play, if it is to play any.
pub(crate) fn wanted() -> Option<usize> {
    std::env::var(NODES).ok()?.parse().ok()
}

/// The process that plays the nodes; dropping it ends it.
pub(crate) struct Fakes {
    child: Child,
    talk: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    port: u16,
}

impl Fakes {
    pub(crate) fn start(nodes: usize) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(NODES, nodes.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let talk = Mutex::new((input, BufReader::new(output)));
        let mut fakes = Self { child, talk, port: 0 };
        fakes.port = u16::try_from(fakes.call("port")).unwrap();
        fakes
    }

    /// The first nodes as a URL.
    pub(crate) fn url(&self, seeds: usize) -> String {
        let hosts: Vec<_> =
            (0..seeds).map(|node| format!("{}:{}", address(node), self.port)).collect();
        format!("redis-cluster://{}", hosts.join(","))
    }

    /// How many bytes the nodes have sent about their cluster.
    pub(crate) fn sent(&self) -> u64 {
        self.call("sent")
    }

    /// Ends a node.
    pub(crate) fn kill(&self, endpoint: &str) {
        self.call(&format!("kill {endpoint}"));
    }

    /// Has the replica of a node take its place.
    pub(crate) fn promote(&self, endpoint: &str) {
        self.call(&format!("promote {endpoint}"));
    }

    fn call(&self, words: &str) -> u64 {
        let mut talk = self.talk.lock().unwrap();
        writeln!(talk.0, "{words}").unwrap();
        let mut answer = String::new();
        talk.1.read_line(&mut answer).unwrap();
        answer.trim().parse().unwrap()
    }
}

impl Drop for Fakes {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Plays nodes for as long as anybody talks to this process.
pub(crate) fn run(nodes: usize) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.unwrap();
    let listener = runtime.block_on(async { listen() });
    let port = listener.local_addr().unwrap().port();
    let stage = Arc::new(Stage::new(nodes, port));
    runtime.spawn(accept(listener, Arc::clone(&stage)));
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let answer = match line.split_once(' ') {
            Some(("kill", endpoint)) => stage.change(endpoint, |cast, node| cast.dead.insert(node)),
            Some(("promote", endpoint)) => {
                stage.change(endpoint, |cast, node| cast.replaced.insert(node))
            }
            _ if line == "port" => port.into(),
            _ => stage.sent.load(Ordering::Relaxed),
        };
        println!("{answer}");
    }
}

/// The nodes: first the primaries, then a replica of each.
struct Stage {
    nodes: usize,
    port: u16,
    cast: watch::Sender<Cast>,
    sent: AtomicU64,
}

/// What has become of the primaries.
#[derive(Default)]
struct Cast {
    dead: HashSet<usize>,
    replaced: HashSet<usize>,
}

impl Stage {
    fn new(nodes: usize, port: u16) -> Self {
        Self { nodes, port, cast: watch::channel(Cast::default()).0, sent: AtomicU64::new(0) }
    }

    fn change(&self, endpoint: &str, change: impl FnOnce(&mut Cast, usize) -> bool) -> u64 {
        let host = endpoint.split(':').next().unwrap();
        let node = (0..self.nodes).find(|node| address(*node).to_string() == host).unwrap();
        self.cast.send_modify(|cast| _ = change(cast, node));
        0
    }

    /// What a node says of all: `CLUSTER NODES`.
    fn nodes(&self, speaker: usize) -> String {
        let (cast, primaries) = (self.cast.borrow(), self.nodes / 2);
        let mut text = String::with_capacity(self.nodes * 120);
        for node in 0..self.nodes {
            let shard = node % primaries;
            let (first, last) = (shard * SLOTS / primaries, (shard + 1) * SLOTS / primaries - 1);
            let serves = (node >= primaries) == cast.replaced.contains(&shard);
            let myself = if node == speaker { "myself," } else { "" };
            let role = if serves { "master" } else { "slave" };
            let fail = if cast.dead.contains(&node) { ",fail" } else { "" };
            let epoch = if cast.replaced.contains(&shard) { primaries + 1 } else { shard + 1 };
            let of = if serves {
                "-".to_owned()
            } else {
                let of = if node >= primaries { shard } else { shard + primaries };
                format!("{of:040x}")
            };
            let (host, port) = (address(node), self.port);
            let state = "0 1700000000000";
            let line = format!("{host}:{port}@1{port} {myself}{role}{fail} {of} {state} {epoch}");
            write!(text, "{node:040x} {line} connected").unwrap();
            if serves {
                write!(text, " {first}-{last}").unwrap();
            }
            text.push('\n');
        }
        text
    }

    fn answer(&self, node: usize, words: &[String]) -> String {
        let bulk = |text: &str| format!("${}\r\n{text}\r\n", text.len());
        let word = |at: usize| words.get(at).map(|it| it.to_ascii_uppercase()).unwrap_or_default();
        let about = |text: String| {
            self.sent.fetch_add(text.len() as u64, Ordering::Relaxed);
            text
        };
        match (&*word(0), &*word(1)) {
            ("HELLO", _) => HELLO.to_owned(),
            ("PING", _) => "+PONG\r\n".to_owned(),
            ("INFO", "REPLICATION") => {
                bulk(&format!("role:master\r\nmaster_replid:{node:040x}\r\n"))
            }
            ("INFO", _) => bulk("evicted_keys:0\r\n"),
            ("CLUSTER", "NODES") => about(bulk(&self.nodes(node))),
            ("CLUSTER", "SLOTS") => {
                let (host, id) = (bulk(&address(0).to_string()), bulk(&format!("{:040x}", 0)));
                about(format!("*1\r\n*3\r\n:0\r\n:1\r\n*4\r\n{host}:{}\r\n{id}*0\r\n", self.port))
            }
            ("CLUSTER", _) => bulk("cluster_state:ok\r\n"),
            _ => "+OK\r\n".to_owned(),
        }
    }
}

fn address(node: usize) -> Ipv4Addr {
    let part = |number: usize| u8::try_from(number).unwrap();
    Ipv4Addr::new(127, 0, part(1 + node / 250), part(1 + node % 250))
}

/// Listens at all addresses, with room for all who dial at once: each node would have its own.
fn listen() -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))).unwrap();
    socket.listen(4_096).unwrap()
}

async fn accept(listener: TcpListener, stage: Arc<Stage>) {
    while let Ok((stream, _)) = listener.accept().await {
        let Ok(SocketAddr::V4(local)) = stream.local_addr() else { continue };
        let node =
            (0..stage.nodes).find(|node| IpAddr::V4(address(*node)) == IpAddr::V4(*local.ip()));
        if let Some(node) = node {
            tokio::spawn(serve(stream, node, Arc::clone(&stage)));
        }
    }
}

/// Answers on one connection until the node ends.
async fn serve(mut stream: TcpStream, node: usize, stage: Arc<Stage>) {
    drop(stream.set_nodelay(true));
    let mut cast = stage.cast.subscribe();
    let (mut buffer, mut chunk) = (Vec::new(), vec![0; 16 * 1024]);
    loop {
        if cast.borrow_and_update().dead.contains(&node) {
            return;
        }
        tokio::select! {
            read = stream.read(&mut chunk) => match read {
                Ok(0) | Err(_) => return,
                Ok(count) => buffer.extend_from_slice(&chunk[..count]),
            },
            _ = cast.changed() => continue,
        }
        let mut answers = String::new();
        while let Some((words, length)) = request(&buffer) {
            buffer.drain(..length);
            answers.push_str(&stage.answer(node, &words));
        }
        if stream.write_all(answers.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The first whole request in a buffer, and how long it is.
fn request(buffer: &[u8]) -> Option<(Vec<String>, usize)> {
    let mut place = 0;
    let number = |mark: u8, place: &mut usize| {
        let rest = buffer.get(*place..)?;
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        assert_eq!(rest[0], mark);
        *place += end + 2;
        std::str::from_utf8(&rest[1..end]).ok()?.parse::<usize>().ok()
    };
    let count = number(b'*', &mut place)?;
    let mut words = Vec::with_capacity(count);
    for _ in 0..count {
        let length = number(b'$', &mut place)?;
        let word = buffer.get(place..place + length)?;
        buffer.get(place + length + 1)?;
        words.push(String::from_utf8_lossy(word).into_owned());
        place += length + 2;
    }
    Some((words, place))
}
