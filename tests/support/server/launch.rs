//! From a prepared server to one that answers.

use std::fs;
use std::process::{Command, Stdio};

use super::super::process::Process;
use super::super::resp::{Client, Reply};
use super::super::{file, wait_for};
use super::{CONFIG, Program, RedisServer};

impl RedisServer {
    /// Whether it came up; a stranger who took the port meanwhile does not count.
    pub(super) fn answers(&mut self) -> bool {
        let id = format!("process_id:{}\r\n", self.id());
        wait_for("redis-server answers or ends", || {
            let ended = self.process.as_mut().is_none_or(Process::has_ended);
            (ended || self.client().is_ok_and(|client| is_up(client, &id))).then_some(!ended)
        })
    }

    pub(super) fn spawn(&self) -> Process {
        let log = fs::File::options().create(true).append(true).open(self.folder.join("log"));
        let config = self.folder.join(CONFIG);
        let mut command = self.program();
        command.args(config.exists().then_some(config));
        if self.program == Program::Sentinel {
            command.arg("--sentinel");
        }
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"]);
        if self.program == Program::Data {
            command.args(["--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"]);
        }
        command
            .arg("--dir")
            .arg(&self.folder)
            .args(self.tls_settings())
            .args(&self.settings)
            .stdin(Stdio::null())
            .stdout(log.expect("open the log"))
            .stderr(Stdio::null());
        Process::spawn(&mut command).unwrap_or_else(|error| {
            panic!("cannot start redis-server ({error}): run scripts/test-deps.sh")
        })
    }

    /// The program of this machine, or another one that serves as both kinds.
    fn program(&self) -> Command {
        let usual = match self.program {
            Program::Data => "redis-server",
            Program::Sentinel => "redis-sentinel",
        };
        Command::new(self.make.program().unwrap_or_else(|| usual.into()))
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
}

fn is_up(mut client: Client, id: &str) -> bool {
    let pong = Reply::Status("PONG".into());
    client.call(&["PING"]).is_ok_and(|reply| reply == pong)
        && match client.call(&["INFO", "server"]) {
            Ok(Reply::Bytes(info)) => String::from_utf8_lossy(&info).contains(id),
            // Its users may not ask for it.
            Ok(Reply::Error(_)) => true,
            _ => false,
        }
}
