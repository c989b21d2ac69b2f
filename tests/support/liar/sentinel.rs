//! A sentinel that says what a test has it say.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Answer, Liar, hello, record, text};
use crate::support::resp::Reply;
use crate::support::sentinel::SERVICE;

/// A host and a port.
pub(crate) type Place = (String, u16);

/// One that watches nothing and takes part in nothing.
#[derive(Debug)]
pub(crate) struct FakeSentinel {
    liar: Liar,
    says: Arc<Mutex<Says>>,
}

/// What it says of the service; nodes by their ports on the loopback, or their places.
#[derive(Debug, Clone, Default)]
pub(crate) struct Says {
    /// Who it is, for other sentinels.
    pub(crate) id: String,
    /// The primary; it does not know the service while there is none.
    pub(crate) primary: Option<u16>,
    /// The number of the configuration that made it the primary, as a text.
    pub(crate) epoch: String,
    /// What `SENTINEL MASTER` says of it beside `master`: `,failover_in_progress`.
    pub(crate) flags: String,
    /// Its replicas.
    pub(crate) replicas: Vec<Place>,
    /// The other sentinels, and the id of each.
    pub(crate) sentinels: Vec<(Place, String)>,
    /// How many other sentinels there are, as a text.
    pub(crate) others: String,
    /// What it answers every question with in place of all that.
    pub(crate) instead: Option<fn() -> Answer>,
}

impl FakeSentinel {
    /// Starts one that knows no service yet.
    pub(crate) fn start(id: &str) -> Self {
        Self::start_on(0, id)
    }

    /// The same on the port of one that is no more.
    pub(crate) fn start_on(port: u16, id: &str) -> Self {
        let says = Says { id: id.into(), epoch: "1".into(), ..Says::default() };
        let says = Arc::new(Mutex::new(says));
        let told = Arc::clone(&says);
        let liar = Liar::start_on(port, Duration::ZERO, move |words| {
            told.lock().unwrap_or_else(PoisonError::into_inner).answer(words)
        });
        Self { liar, says }
    }

    /// Starts so many that know each other, and say the same of a primary and its replicas.
    pub(crate) fn group(count: usize, primary: u16, replicas: &[u16]) -> Vec<Self> {
        let all: Vec<_> = (0..count).map(|it| Self::start(&format!("{it:040x}"))).collect();
        for one in &all {
            let others = all.iter().filter(|it| it.port() != one.port());
            let others: Vec<_> = others.map(|it| (here(it.port()), it.id())).collect();
            one.say(|says| {
                says.primary = Some(primary);
                says.replicas = replicas.iter().copied().map(here).collect();
                says.others = others.len().to_string();
                says.sentinels = others;
            });
        }
        all
    }

    /// Some sentinels as a URL.
    pub(crate) fn url<'a>(sentinels: impl IntoIterator<Item = &'a Self>) -> String {
        let hosts = sentinels.into_iter().map(|it| format!("127.0.0.1:{}", it.port()));
        format!("redis-sentinel://{}/0#{SERVICE}", hosts.collect::<Vec<_>>().join(","))
    }

    pub(crate) fn port(&self) -> u16 {
        self.liar.port()
    }

    /// Its connections, and what it was sent.
    pub(crate) fn liar(&self) -> &Liar {
        &self.liar
    }

    /// Has it say something else from now on.
    pub(crate) fn say(&self, change: impl FnOnce(&mut Says)) {
        change(&mut self.says.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Publishes an event to everybody who is connected.
    pub(crate) fn publish(&self, channel: &str, payload: &str) {
        self.liar.push(vec![text("pmessage"), text("*"), text(channel), text(payload)]);
    }

    fn id(&self) -> String {
        self.says.lock().unwrap_or_else(PoisonError::into_inner).id.clone()
    }
}

impl Says {
    /// What it answers a command with.
    pub(crate) fn answer(&self, words: &[String]) -> Answer {
        let words: Vec<_> = words.iter().map(|word| word.to_ascii_uppercase()).collect();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        // Other sentinels ask with more words.
        if let (["SENTINEL", _] | ["SENTINEL", _, _], Some(instead)) = (&words[..], self.instead) {
            return instead();
        }
        Answer::Reply(match words[..] {
            ["HELLO", ..] => hello("sentinel", "sentinel"),
            ["PING"] => Reply::Status("PONG".into()),
            ["PSUBSCRIBE", pattern] => {
                return Answer::Push(vec![text("psubscribe"), text(pattern), Reply::Number(1)]);
            }
            ["SENTINEL", "MYID"] => text(&self.id),
            ["SENTINEL", "MASTERS"] => {
                Reply::List(self.primary.map(|it| self.master(it)).into_iter().collect())
            }
            ["SENTINEL", question, _] => match self.primary {
                Some(primary) => self.of_service(question, primary),
                None if question == "GET-MASTER-ADDR-BY-NAME" => Reply::Nothing,
                None => Reply::Error("ERR No such master with that name".into()),
            },
            ["CLIENT" | "AUTH", ..] => Reply::Status("OK".into()),
            _ => Reply::Error("ERR unknown command".into()),
        })
    }

    fn of_service(&self, question: &str, primary: u16) -> Reply {
        match question {
            "GET-MASTER-ADDR-BY-NAME" => {
                Reply::List(vec![text("127.0.0.1"), text(primary.to_string())])
            }
            "MASTER" => self.master(primary),
            "REPLICAS" | "SLAVES" => {
                Reply::List(self.replicas.iter().map(|it| node(it, "", "slave")).collect())
            }
            "SENTINELS" => {
                let peers = self.sentinels.iter().map(|(it, id)| node(it, id, "sentinel"));
                Reply::List(peers.collect())
            }
            _ => Reply::Error("ERR Unknown sentinel subcommand".into()),
        }
    }

    fn master(&self, primary: u16) -> Reply {
        record([
            ("name", SERVICE),
            ("ip", "127.0.0.1"),
            ("port", &primary.to_string()),
            ("flags", &format!("master{}", self.flags)),
            ("config-epoch", &self.epoch),
            ("num-other-sentinels", &self.others),
        ])
    }
}

/// A port of the loopback.
pub(crate) fn here(port: u16) -> Place {
    ("127.0.0.1".to_owned(), port)
}

/// So many places on the loopback that all lead to a port of [`Liar`].
pub(crate) fn places(count: usize, port: u16) -> Vec<Place> {
    (0..count).map(|it| (format!("127.1.{}.{}", it / 250, it % 250 + 1), port)).collect()
}

fn node((host, port): &Place, id: &str, flags: &str) -> Reply {
    record([("ip", &**host), ("port", &port.to_string()), ("runid", id), ("flags", flags)])
}
