//! Starts a group whose members know each other from the start, and tells when all see all.
//!
//! Sentinels find each other by messages that they send every two seconds, and replicas by asking
//! the primary every ten. The files written here tell them at once, as their own would after a
//! restart.

use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

use super::super::resp::Reply;
use super::super::role::Role;
use super::super::server::RedisServer;
use super::super::wait_within;
use super::{Options, SERVICE, SentinelGroup};

/// How long a start may take on a busy machine.
const START: Duration = Duration::from_secs(30);
const REPLICAS: usize = 2;
const SENTINELS: usize = 3;

impl SentinelGroup {
    /// Starts a group with options and waits until all know each other.
    pub(crate) fn start_with(options: Options) -> Self {
        let nodes = start_nodes(&options);
        let mut sentinels: Vec<_> = (0..SENTINELS).map(|_| prepare_sentinel(&options)).collect();
        for (place, sentinel) in sentinels.iter().enumerate() {
            sentinel.configure(&config(&options, &nodes, &sentinels, place));
        }
        RedisServer::start_all(&mut sentinels);
        let group = Self { options, nodes, sentinels };
        wait_within(START, "nodes and sentinels know each other", || {
            (group.is_settled(0) && group.sentinels.iter().all(has_heard_replicas)).then_some(())
        });
        group
    }

    /// Whether all that run agree on a primary and hear each other.
    pub(super) fn is_settled(&self, primary: usize) -> bool {
        let port = self.nodes[primary].port();
        let running = || self.nodes.iter().filter(|node| node.is_running());
        let replicas = || running().filter(|node| node.port() != port);
        self.nodes[primary].role() == Some(Role::Primary)
            && replicas().all(|it| it.role() == Some(Role::Replica { of: port, synced: true }))
            && self.sentinels.iter().filter(|it| it.is_running()).all(|sentinel| {
                let ports: Vec<_> = replicas().map(RedisServer::port).collect();
                self.sees_all(sentinel, port, &ports).unwrap_or(false)
            })
    }

    /// Whether a sentinel sees the primary, its replicas, and the other sentinels that run.
    fn sees_all(&self, sentinel: &RedisServer, primary: u16, replicas: &[u16]) -> Option<bool> {
        let list = |what: &str| {
            let answer = sentinel.ask(&["SENTINEL", what, SERVICE]).ok()?;
            Some(answer.list().iter().map(Entry::read).collect::<Vec<_>>())
        };
        let sees = |entries: &[Entry], port: u16, flags: &str| {
            let mut at_port = entries.iter().filter(|it| it.says("port", &port.to_string()));
            at_port.any(|it| it.says("flags", flags))
        };
        let master = Entry::read(&sentinel.ask(&["SENTINEL", "MASTER", SERVICE]).ok()?);
        let (slaves, others) = (list("REPLICAS")?, list("SENTINELS")?);
        let mut peers = self.sentinels.iter().filter(|it| it.is_running());
        Some(
            sees(&[master], primary, "master")
                && replicas.iter().all(|&port| sees(&slaves, port, "slave"))
                && peers
                    .all(|it| it.port() == sentinel.port() || sees(&others, it.port(), "sentinel")),
        )
    }
}

/// Whether a sentinel has asked all replicas for their state, without which it chooses none.
fn has_heard_replicas(sentinel: &RedisServer) -> bool {
    let answer = sentinel.ask(&["SENTINEL", "REPLICAS", SERVICE]);
    let synced = |reply: &Reply| Entry::read(reply).says("master-link-status", "ok");
    answer.is_ok_and(|replies| replies.list().iter().all(synced))
}

/// Starts the primary, then its replicas, which would wait a second had it not been there.
fn start_nodes(options: &Options) -> Vec<RedisServer> {
    let mut settings = vec!["--repl-ping-replica-period", "1"];
    settings.extend(options.settings.iter().map(String::as_str));
    let mut nodes: Vec<_> = (0..=REPLICAS).map(|_| RedisServer::prepare(&settings)).collect();
    for node in &mut nodes {
        node.run(options.make);
        if let Some(password) = &options.data_password {
            node.ask_for(password);
        }
    }
    let (primary, replicas) = nodes.split_at_mut(1);
    primary[0].configure("");
    primary[0].restart();
    for replica in replicas.iter() {
        replica.configure(&format!("replicaof 127.0.0.1 {}\n", primary[0].port()));
    }
    RedisServer::start_all(replicas);
    let synced = Role::Replica { of: primary[0].port(), synced: true };
    wait_within(START, "the replicas follow the primary", || {
        replicas.iter().all(|replica| replica.role() == Some(synced)).then_some(())
    });
    nodes
}

fn prepare_sentinel(options: &Options) -> RedisServer {
    let mut sentinel = RedisServer::prepare_sentinel();
    sentinel.run(options.make);
    if let Some(password) = &options.sentinel_password {
        sentinel.ask_for(password);
    }
    sentinel
}

/// What a sentinel would have written itself if it had met everybody.
fn config(
    options: &Options,
    nodes: &[RedisServer],
    sentinels: &[RedisServer],
    place: usize,
) -> String {
    let mut lines = vec![
        format!("myid {}", id(&sentinels[place])),
        "resolve-hostnames no".to_owned(),
        format!("monitor {SERVICE} 127.0.0.1 {} {}", nodes[0].port(), options.quorum),
        format!("down-after-milliseconds {SERVICE} {}", options.down_after.as_millis()),
        format!("failover-timeout {SERVICE} {}", options.failover_timeout.as_millis()),
        format!("parallel-syncs {SERVICE} {}", options.parallel_syncs),
    ];
    lines.extend(options.data_password.iter().map(|word| format!("auth-pass {SERVICE} {word}")));
    lines.extend(options.sentinel_password.iter().map(|word| format!("sentinel-pass {word}")));
    let replicas = nodes[1..].iter().map(RedisServer::port);
    lines.extend(replicas.map(|port| format!("known-replica {SERVICE} 127.0.0.1 {port}")));
    let others = sentinels.iter().enumerate().filter(|(other, _)| *other != place);
    lines.extend(others.map(|(_, other)| {
        format!("known-sentinel {SERVICE} 127.0.0.1 {} {}", other.port(), id(other))
    }));
    lines.iter().fold(String::new(), |mut text, line| {
        writeln!(text, "sentinel {line}").expect("write to a string");
        text
    })
}

/// Forty hexadecimal digits that no other sentinel on this machine has.
fn id(sentinel: &RedisServer) -> String {
    format!("{:020x}{:020x}", std::process::id(), sentinel.port())
}

/// What a sentinel knows of one node.
struct Entry(HashMap<String, String>);

impl Entry {
    /// Reads its fields; none of an error.
    fn read(reply: &Reply) -> Self {
        let Reply::List(parts) = reply else {
            return Self(HashMap::new());
        };
        Self(parts.chunks_exact(2).map(|pair| (pair[0].text(), pair[1].text())).collect())
    }

    fn says(&self, field: &str, value: &str) -> bool {
        self.0.get(field).is_some_and(|it| it == value)
    }
}
