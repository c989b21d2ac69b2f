//! When a server begins to lie, and what it says until then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use crate::lies::{LIES, Lie, MESSAGES};
use crate::support::liar::sentinel::Says;
use crate::support::liar::{Answer, Liar, hello, text};
use crate::support::resp::Reply;
use crate::support::sentinel::SERVICE;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// With the first command.
    BeforeLogin,
    /// When it is asked what it is.
    Login,
    /// When entries are read.
    Read,
    /// When a lease is asked for, or a value stored.
    Write,
    /// When it is asked for a sign of life.
    SignOfLife,
    /// When it has to announce changes of what was read.
    Announcing,
    /// When a sentinel is asked who the primary is.
    Sentinel,
    /// When a sentinel is listened to.
    Subscribed,
    /// When a node is asked for its cluster.
    Cluster,
}

pub(crate) const STAGES: [Stage; 9] = [
    Stage::BeforeLogin,
    Stage::Login,
    Stage::Read,
    Stage::Write,
    Stage::SignOfLife,
    Stage::Announcing,
    Stage::Sentinel,
    Stage::Subscribed,
    Stage::Cluster,
];

/// One that lies at a stage, and the node that its sentinel names, if it is one.
#[derive(Debug)]
pub(crate) struct Scene {
    liars: Vec<Liar>,
    url: String,
    has_lied: Arc<AtomicBool>,
}

impl Stage {
    /// What is told at it.
    pub(crate) fn lies(self) -> impl Iterator<Item = Lie> {
        let messages: &[Lie] = if self.is_listened_at() { &MESSAGES } else { &[] };
        LIES.iter().chain(messages).copied()
    }

    /// Whether the lie comes unasked, behind what is true.
    fn is_listened_at(self) -> bool {
        matches!(self, Self::Announcing | Self::Subscribed)
    }

    /// Whether a command belongs to it; what a login tries about rights does not, but to the first two.
    fn concerns(self, words: &[String], has_read: bool) -> bool {
        let is_probe = words.iter().any(|word| word.ends_with('?'));
        match (self, words[0].as_str()) {
            (Self::BeforeLogin, _)
            | (Self::Login, "INFO" | "CLIENT" | "CONFIG")
            | (Self::Sentinel, "SENTINEL")
            | (Self::Subscribed, "PSUBSCRIBE")
            | (Self::Cluster, "CLUSTER") => true,
            (Self::Read | Self::Announcing, "MGET") | (Self::Write, "EVALSHA" | "EVAL" | "SET") => {
                !is_probe
            }
            (Self::SignOfLife, "PING") => has_read,
            _ => false,
        }
    }
}

impl Scene {
    pub(crate) fn start(stage: Stage, lie: fn() -> Answer) -> Self {
        let has_lied: Arc<AtomicBool> = Arc::default();
        let lied = Arc::clone(&has_lied);
        let tell = move |words: &[String], has_read: bool, truth: Answer| {
            if !stage.concerns(words, has_read) {
                return truth;
            }
            lied.store(true, Ordering::SeqCst);
            if stage.is_listened_at() { Answer::Both(Box::new([truth, lie()])) } else { lie() }
        };
        let (liars, url) = match stage {
            Stage::Sentinel | Stage::Subscribed => behind_sentinel(tell),
            Stage::Cluster => cluster(tell),
            _ => standalone(tell),
        };
        Self { liars, url, has_lied }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// How many connections one of them has had at most.
    pub(crate) fn accepted(&self) -> usize {
        self.liars.iter().map(Liar::accepted).max().unwrap_or_default()
    }

    /// Whether anybody heard the lie.
    pub(crate) fn has_lied(&self) -> bool {
        self.has_lied.load(Ordering::SeqCst)
    }
}

fn standalone(
    tell: impl Fn(&[String], bool, Answer) -> Answer + Send + Sync + 'static,
) -> (Vec<Liar>, String) {
    let has_read = AtomicBool::new(false);
    let liar = Liar::start(move |words| {
        let is_entry = words[0] == "MGET" && !words[1].ends_with('?');
        let has_read = has_read.fetch_or(is_entry, Ordering::SeqCst);
        tell(words, has_read, honest(words))
    });
    let url = format!("redis://127.0.0.1:{}", liar.port());
    (vec![liar], url)
}

fn behind_sentinel(
    tell: impl Fn(&[String], bool, Answer) -> Answer + Send + Sync + 'static,
) -> (Vec<Liar>, String) {
    let node = Liar::start(honest);
    let says = Says {
        id: "7".repeat(40),
        primary: Some(node.port()),
        epoch: "1".into(),
        others: "0".into(),
        ..Says::default()
    };
    let sentinel = Liar::start(move |words| tell(words, false, says.answer(words)));
    let url = format!("redis-sentinel://127.0.0.1:{}/0#{SERVICE}", sentinel.port());
    (vec![sentinel, node], url)
}

fn cluster(
    tell: impl Fn(&[String], bool, Answer) -> Answer + Send + Sync + 'static,
) -> (Vec<Liar>, String) {
    let port = Arc::new(AtomicU16::new(0));
    let own = Arc::clone(&port);
    let node = Liar::start(move |words| {
        let port = own.load(Ordering::SeqCst);
        let words: Vec<_> = words.iter().map(|word| word.to_ascii_uppercase()).collect();
        let truth = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["HELLO", ..] => Answer::Reply(hello("cluster", "master")),
            ["CLUSTER", "NODES"] => Answer::Reply(text(format!(
                "a 127.0.0.1:{port}@1 myself,master - 0 0 1 connected 0-16383\n"
            ))),
            _ => honest(&words),
        };
        tell(&words, false, truth)
    });
    port.store(node.port(), Ordering::SeqCst);
    let url = format!("redis-cluster://127.0.0.1:{}", node.port());
    (vec![node], url)
}

/// What an honest server with nothing in it would say.
fn honest(words: &[String]) -> Answer {
    Answer::Reply(match words[0].as_str() {
        "HELLO" => hello("standalone", "master"),
        "PING" => Reply::Status("PONG".into()),
        "CLIENT" | "AUTH" | "SELECT" => Reply::Status("OK".into()),
        "MGET" => Reply::List(vec![Reply::Nothing; words.len() - 1]),
        "ROLE" => Reply::List(vec![text("master"), Reply::Number(1), Reply::List(Vec::new())]),
        "INFO" => {
            Reply::Bytes(b"role:master\r\nevicted_keys:0\r\ntracking_total_keys:0\r\n".to_vec())
        }
        "GET" | "SET" => Reply::Nothing,
        "EVALSHA" => Reply::Error("NOSCRIPT No matching script".into()),
        "EVAL" => Reply::Error("ERR PROBE".into()),
        "PTTL" | "DEL" | "EXISTS" | "PEXPIRE" => Reply::Number(0),
        _ => Reply::Error("ERR unknown command".into()),
    })
}
