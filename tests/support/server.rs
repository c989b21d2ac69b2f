//! One `redis-server` process of one's own.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::monitor::Monitor;
use super::resp::{Client, Reply};
use super::{file, wait_for};

/// A server on a free loopback port, empty at the start; dropping it ends it, frozen or not.
#[derive(Debug)]
pub(crate) struct RedisServer {
    port: u16,
    tls_port: Option<u16>,
    folder: PathBuf,
    settings: Vec<String>,
    password: Option<String>,
    process: Option<Child>,
}

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
        let mut server = Self::prepare(&["--requirepass", password]);
        server.password = Some(password.into());
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

    /// Takes a port without starting a server on it yet.
    pub(crate) fn prepare(settings: &[&str]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("athena-{}-{count}", std::process::id()));
        fs::create_dir_all(&folder).expect("create the folder of the server");
        let settings = settings.iter().map(|&word| word.to_owned()).collect();
        let port = free_port();
        Self { port, tls_port: None, folder, settings, password: None, process: None }
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
        if let Some(mut process) = self.process.take() {
            process.kill().expect("kill the server");
            process.wait().expect("wait for the server");
        }
    }

    /// Hangs it (SIGSTOP): its connections stay open and nothing answers.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
        #[cfg(target_os = "linux")]
        wait_for("the server stands still", || {
            let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).ok()?;
            stat.rsplit(") ").next()?.starts_with('T').then_some(())
        });
    }

    /// Lets it go on after [`freeze`](Self::freeze).
    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Starts it on its port, empty; ends it first if it runs.
    pub(crate) fn restart(&mut self) {
        self.kill();
        for _ in 0..5 {
            self.process = Some(self.spawn());
            if self.answers() {
                return;
            }
            self.kill();
        }
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        panic!("redis-server does not start on port {}:\n{log}", self.port);
    }

    /// Sends one command over a connection of its own; panics if the server cannot be asked.
    pub(crate) fn cli<W: AsRef<[u8]>>(&self, words: &[W]) -> Reply {
        self.client().and_then(|mut client| client.call(words)).expect("ask the server")
    }

    /// Collects what it is sent from now on.
    pub(crate) fn monitor(&self) -> Monitor {
        Monitor::start(self.port)
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

    fn client(&self) -> io::Result<Client> {
        let mut client = Client::connect(self.port)?;
        if let Some(password) = &self.password {
            client.call(&["AUTH", password])?;
        }
        Ok(client)
    }

    fn answers(&mut self) -> bool {
        let pong = Reply::Status("PONG".into());
        wait_for("redis-server answers or ends", || {
            let ended = self.process.as_mut().is_none_or(|it| !matches!(it.try_wait(), Ok(None)));
            let answer = self.client().and_then(|mut client| client.call(&["PING"]));
            (ended || answer.is_ok_and(|reply| reply == pong)).then_some(!ended)
        })
    }

    fn spawn(&self) -> Child {
        let log = fs::File::create(self.folder.join("log")).expect("create the log");
        let mut command = Command::new("redis-server");
        command
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args(["--appendonly", "no", "--repl-diskless-sync-delay", "0"])
            .arg("--dir")
            .arg(&self.folder)
            .args(self.tls_settings())
            .args(&self.settings)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(Stdio::null());
        command.spawn().unwrap_or_else(|error| {
            panic!("cannot start redis-server ({error}): run scripts/test-deps.sh")
        })
    }

    fn tls_settings(&self) -> Vec<String> {
        let Some(port) = self.tls_port else {
            return Vec::new();
        };
        let path = |name: &str| file(name).display().to_string();
        [
            ("--tls-port", port.to_string()),
            ("--tls-ca-cert-file", path("tls/ca.pem")),
            ("--tls-cert-file", path("tls/server.pem")),
            ("--tls-key-file", path("tls/server.key")),
        ]
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value])
        .collect()
    }

    fn pid(&self) -> u32 {
        self.process.as_ref().expect("the server runs").id()
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.pid().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill {signal} failed");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
        remove(&self.folder);
    }
}

/// A port that nothing listens on; the system hands out others before it comes round again.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind a free port");
    listener.local_addr().expect("the address of the port").port()
}

fn remove(folder: &Path) {
    // A folder left behind in the temporary directory fails no test.
    drop(fs::remove_dir_all(folder));
}
