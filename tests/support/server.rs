//! One `redis-server` process of one's own.

mod launch;
mod make;
mod port;
mod settings;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub(crate) use make::Make;
use port::free_member_port;
pub(crate) use port::free_port;

use super::file;
use super::monitor::Monitor;
use super::process::Process;
use super::resp::{Address, Client, Reply};
use super::role::Role;

/// A server on a free loopback port, empty at the start; dropping it ends it, frozen or not.
#[derive(Debug)]
pub(crate) struct RedisServer {
    program: Program,
    make: Make,
    port: u16,
    tls_port: Option<u16>,
    folder: PathBuf,
    settings: Vec<String>,
    password: Option<String>,
    process: Option<Process>,
}

/// What it is started as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Program {
    Data,
    Sentinel,
}

/// The name of its configuration file, if it has one.
const CONFIG: &str = "redis.conf";
/// How long a question that may fail waits for its answer.
const ANSWER: Duration = Duration::from_millis(500);

impl RedisServer {
    /// Starts a server and waits until it answers.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with more settings, each as on its command line: `["--maxmemory", "2mb"]`.
    pub(crate) fn start_with(settings: &[&str]) -> Self {
        let mut server = Self::prepare(settings);
        server.restart();
        server
    }

    /// Starts a server that asks for a password.
    pub(crate) fn start_with_password(password: &str) -> Self {
        let mut server = Self::prepare(&[]);
        server.ask_for(password);
        server.restart();
        server
    }

    /// Starts a server with a TLS port beside the plain one.
    ///
    /// Its certificate is for `localhost` and 127.0.0.1, signed by the authority of
    /// [`ca_file`](Self::ca_file); it asks clients for none unless a setting says so.
    pub(crate) fn start_with_tls(settings: &[&str]) -> Self {
        let mut server = Self::prepare(&["--tls-auth-clients", "no"]);
        server.settings.extend(settings.iter().map(|&word| word.to_owned()));
        server.tls_port = Some(free_port());
        server.restart();
        server
    }

    /// Starts prepared servers at the same time.
    pub(crate) fn start_all(servers: &mut [Self]) {
        std::thread::scope(|scope| {
            for server in servers {
                scope.spawn(|| server.restart());
            }
        });
    }

    /// Takes a port without starting a server on it yet.
    pub(crate) fn prepare(settings: &[&str]) -> Self {
        Self::prepare_as(Program::Data, free_port(), settings)
    }

    /// The same for a member of a cluster, which belongs to none yet.
    pub(crate) fn prepare_member(settings: &[&str]) -> Self {
        let settings = [&["--cluster-enabled", "yes"], settings].concat();
        Self::prepare_as(Program::Data, free_member_port(), &settings)
    }

    /// Takes a port for a sentinel, which needs [`configure`](Self::configure) before it starts.
    pub(crate) fn prepare_sentinel() -> Self {
        Self::prepare_as(Program::Sentinel, free_port(), &[])
    }

    fn prepare_as(program: Program, port: u16, settings: &[&str]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = make_folder(&format!("athena-{}-{count}", std::process::id()));
        let settings = settings.iter().map(|&word| word.to_owned()).collect();
        let make = Make::default();
        Self {
            program,
            make,
            port,
            tls_port: None,
            folder,
            settings,
            password: None,
            process: None,
        }
    }

    /// Where it listens, as a URL.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Where it listens for TLS, as a URL; panics if it does not.
    pub(crate) fn tls_url(&self) -> String {
        format!("rediss://localhost:{}", self.tls_port.expect("the server has a TLS port"))
    }

    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The authority that signed the certificates of all servers and clients of these tests.
    pub(crate) fn ca_file() -> PathBuf {
        file("tls/ca.pem")
    }

    /// Crashes it (SIGKILL) and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// Whether it was started and not killed by this harness since; a frozen one runs.
    pub(crate) fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Hangs it (SIGSTOP): its connections stay open and nothing answers.
    pub(crate) fn freeze(&self) {
        self.process().freeze();
    }

    /// Lets it go on after [`freeze`](Self::freeze).
    pub(crate) fn thaw(&self) {
        self.process().thaw();
    }

    /// Starts it on its port, with what it last saved; ends it first if it runs.
    pub(crate) fn restart(&mut self) {
        for _ in 0..5 {
            self.kill();
            self.process = Some(self.spawn());
            if self.answers() {
                return;
            }
        }
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        panic!("redis-server does not start on port {}:\n{log}", self.port);
    }

    /// Sends one command over a connection of its own; panics if the server cannot be asked.
    pub(crate) fn cli<W: AsRef<[u8]>>(&self, words: &[W]) -> Reply {
        self.client().and_then(|mut client| client.call(words)).expect("ask the server")
    }

    /// Sends one command to a server that may be dead or frozen; waits half a second at most.
    pub(crate) fn ask<W: AsRef<[u8]>>(&self, words: &[W]) -> io::Result<Reply> {
        self.address().connect(ANSWER)?.call(words)
    }

    /// What it says that it is; none if it does not answer soon.
    pub(crate) fn role(&self) -> Option<Role> {
        self.address().connect(ANSWER).and_then(|mut client| Role::ask(&mut client)).ok()
    }

    /// Where it listens, with its password, for those who keep connections of their own.
    pub(crate) fn address(&self) -> Address {
        Address { port: self.port, password: self.password.clone() }
    }

    /// A connection of one's own.
    pub(crate) fn client(&self) -> io::Result<Client> {
        self.address().connect(Duration::from_secs(5))
    }

    /// The id of its process; panics if it does not run.
    pub(crate) fn id(&self) -> u32 {
        self.process().id()
    }

    /// Collects what it is sent from now on.
    pub(crate) fn monitor(&self) -> Monitor {
        Monitor::start(self.port)
    }

    /// A number of `INFO`.
    pub(crate) fn info<N: FromStr>(&self, field: &str) -> N {
        let text = self.cli(&["INFO"]).text();
        let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let number = value.and_then(|value| value.trim().parse().ok());
        number.unwrap_or_else(|| panic!("no number {field} among {text}"))
    }

    /// How often a command was executed, by the statistics of the server; 0 if never.
    pub(crate) fn calls(&self, command: &str) -> u64 {
        let statistics = self.cli(&["INFO", "commandstats"]).text();
        let prefix = format!("cmdstat_{}:calls=", command.to_lowercase());
        let line = statistics.lines().find_map(|line| line.strip_prefix(&prefix));
        line.and_then(|rest| rest.split(',').next()?.parse().ok()).unwrap_or(0)
    }

    /// The connections that carry a client name, as the server lists them.
    pub(crate) fn clients(&self, name: &str) -> Vec<String> {
        let list = self.cli(&["CLIENT", "LIST"]).text();
        let name = format!(" name={name} ");
        list.lines().filter(|line| line.contains(&name)).map(str::to_owned).collect()
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("the server runs")
    }
}

/// Makes the folder of a server: in memory, where the system has a place for that.
///
/// Sentinels and members of a cluster wait for the disk whenever they write down what they know, and a
/// disk with much to do makes them look dead to each other.
fn make_folder(name: &str) -> PathBuf {
    let places = [PathBuf::from("/dev/shm"), std::env::temp_dir()].map(|place| place.join(name));
    let made = places.into_iter().find(|folder| fs::create_dir_all(folder).is_ok());
    made.expect("create the folder of the server")
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
        // A folder left behind in the temporary directory fails no test.
        drop(fs::remove_dir_all(&self.folder));
    }
}
