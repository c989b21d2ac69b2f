//! A data node that says what a test has it say, and keeps nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Answer, Liar, hello, text};
use crate::support::resp::Reply;

/// One that answers logins and questions about itself and its cluster; there are no values.
#[derive(Debug)]
pub(crate) struct FakeNode {
    liar: Liar,
    says: Arc<Mutex<Says>>,
}

/// What it says of its cluster, and of names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Says {
    /// What it answers to `CLUSTER NODES`; nothing while it belongs to no cluster.
    pub(crate) nodes: Option<String>,
    /// What it answers to `CLUSTER SLOTS`, and to `CLUSTER SHARDS`.
    pub(crate) slots: Option<Reply>,
    /// The error that it answers a command about a name with, by that.
    pub(crate) refuses: Option<fn(&str) -> String>,
    /// What it answers questions about its cluster with in place of all that.
    pub(crate) instead: Option<fn() -> Answer>,
}

impl FakeNode {
    /// Starts a primary.
    pub(crate) fn start() -> Self {
        Self::start_slow(Duration::ZERO)
    }

    /// Starts a primary that takes its time with each login.
    pub(crate) fn start_slow(pause: Duration) -> Self {
        let says: Arc<Mutex<Says>> = Arc::default();
        let told = Arc::clone(&says);
        let liar = Liar::start_slow(pause, move |words| {
            told.lock().unwrap_or_else(PoisonError::into_inner).answer(words)
        });
        Self { liar, says }
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
        self.change(Says { nodes: Some(nodes.to_owned()), ..Says::default() });
    }

    /// Has it say something else from now on.
    pub(crate) fn change(&self, says: Says) {
        *self.says.lock().unwrap_or_else(PoisonError::into_inner) = says;
    }
}

impl Says {
    fn answer(&self, words: &[String]) -> Answer {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let mode = if self.nodes.is_some() { "cluster" } else { "standalone" };
        Answer::Reply(match (&words[..], self) {
            (["CLUSTER", ..], Self { instead: Some(instead), .. }) => return instead(),
            (["HELLO", ..], _) => hello(mode, "master"),
            (["PING"], _) => Reply::Status("PONG".into()),
            (["ROLE"], _) => {
                Reply::List(vec![text("master"), Reply::Number(1), Reply::List(Vec::new())])
            }
            (["CLUSTER", "NODES"], Self { nodes: Some(nodes), .. }) => text(nodes),
            (["CLUSTER", "SLOTS" | "SHARDS"], Self { slots: Some(slots), .. }) => slots.clone(),
            (["CLIENT" | "AUTH" | "SELECT" | "ASKING", ..], _) => Reply::Status("OK".into()),
            (
                ["MGET" | "GET" | "SET" | "DEL" | "PTTL" | "EXISTS" | "PEXPIRE", name, ..]
                | ["EVAL" | "EVALSHA", _, _, name, ..],
                Self { refuses: Some(refuses), .. },
            ) => Reply::Error(refuses(name)),
            (["MGET" | "GET", names @ ..], _) => {
                Reply::List(names.iter().map(|_| Reply::Nothing).collect())
            }
            _ => Reply::Error("ERR unknown command".into()),
        })
    }
}
