//! A data node that says what a test has it say, and keeps nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Answer, Liar, hello, text};
use crate::support::resp::Reply;

/// One that answers logins and questions about itself and its cluster; there are no values.
#[derive(Debug)]
pub(crate) struct FakeNode {
    liar: Liar,
    /// What it answers to `CLUSTER NODES`; nothing while it belongs to no cluster.
    nodes: Arc<Mutex<Option<String>>>,
}

impl FakeNode {
    /// Starts a primary.
    pub(crate) fn start() -> Self {
        Self::start_slow(Duration::ZERO)
    }

    /// Starts a primary that takes its time with each login.
    pub(crate) fn start_slow(pause: Duration) -> Self {
        let nodes: Arc<Mutex<Option<String>>> = Arc::default();
        let told = Arc::clone(&nodes);
        let liar = Liar::start_slow(pause, move |words| {
            answer(words, told.lock().unwrap_or_else(PoisonError::into_inner).as_deref())
        });
        Self { liar, nodes }
    }

    pub(crate) fn port(&self) -> u16 {
        self.liar.port()
    }

    /// Its connections, and what it was sent.
    pub(crate) fn liar(&self) -> &Liar {
        &self.liar
    }

    /// Has it say from now on what its cluster is, as `CLUSTER NODES` does.
    pub(crate) fn say(&self, nodes: &str) {
        *self.nodes.lock().unwrap_or_else(PoisonError::into_inner) = Some(nodes.to_owned());
    }
}

fn answer(words: &[String], nodes: Option<&str>) -> Answer {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let mode = if nodes.is_some() { "cluster" } else { "standalone" };
    Answer::Reply(match (&words[..], nodes) {
        (["HELLO", ..], _) => hello(mode, "master"),
        (["PING"], _) => Reply::Status("PONG".into()),
        (["ROLE"], _) => {
            Reply::List(vec![text("master"), Reply::Number(1), Reply::List(Vec::new())])
        }
        (["CLUSTER", "NODES"], Some(nodes)) => text(nodes),
        (["CLIENT" | "AUTH" | "SELECT" | "ASKING", ..], _) => Reply::Status("OK".into()),
        (["MGET" | "GET", names @ ..], _) => {
            Reply::List(names.iter().map(|_| Reply::Nothing).collect())
        }
        _ => Reply::Error("ERR unknown command".into()),
    })
}
