//! Whether what is broken heals by itself.

use athena_cache_core::{Health, ServerStatus, Status};

use super::super::said::{Level, Said};
use super::super::words::seconds;
use super::Broken;

/// What becomes of a primary that does not come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Successor {
    /// A replica answers, and those who make it the primary are there.
    Ready,
    /// No replica answers that could take over.
    Nobody,
    /// There is one, and too few of those who would have to agree.
    NoQuorum,
    /// Nobody told whether there is one, or whether they would agree.
    Unknown,
}

impl Broken {
    /// Whether it heals by itself.
    pub(in super::super) fn heals(&self, status: &Status) -> Said {
        let noticed = |text: &str| Said::new(Level::Notice, text);
        if self.denied.is_some() || !self.lacking.is_empty() {
            let text =
                "No. Somebody has to give the Redis user its rights, or us the right credentials.";
            return Said::new(Level::Trouble, text);
        }
        if !self.refusing.is_empty() {
            return noticed(
                "Not by the cache: the server answers and refuses. What it says is beside.",
            );
        }
        if !self.away.is_empty() {
            return comes_back(self.successor(status));
        }
        if let Some((_, left)) = self.isolated.first() {
            let end = left.map(|left| format!(" in {}", seconds(left))).unwrap_or_default();
            return Said::new(
                Level::Notice,
                format!("Yes, when the isolation ends{end}, or when somebody resumes."),
            );
        }
        if !self.unconfirmed.is_empty() {
            return match quorum(status) {
                Some(Health::Unhealthy) => Said::new(
                    Level::Trouble,
                    "Not without help: most sentinels are gone, and none of the others can confirm it.",
                ),
                _ => noticed("Yes: as soon as those who decide who serves agree on the node."),
            };
        }
        if self.untrusted {
            return noticed("Yes: memory answers again as soon as Redis announces changes again.");
        }
        if self.journal.is_some() {
            return noticed("Yes: they are sent before the node is read again.");
        }
        if self.functions.is_some() {
            return noticed("Not by the cache: what the functions ask has to recover.");
        }
        if !self.is_empty() {
            return noticed("Not by itself: it is about the servers, see the checks.");
        }
        Said::new(Level::Calm, "There is nothing to heal.")
    }

    /// Whether a replica takes over from what is away.
    pub(super) fn has_successor(&self, status: &Status) -> bool {
        self.successor(status) == Successor::Ready
    }

    /// Who would serve in place of what is away.
    fn successor(&self, status: &Status) -> Successor {
        let is_cluster = match status.redis_cluster.kind.as_deref() {
            Some("sentinel") => false,
            Some("cluster") => true,
            Some("standalone") => return Successor::Nobody,
            _ => return Successor::Unknown,
        };
        match (has_replica(&status.nodes), is_cluster) {
            (None, _) => Successor::Unknown,
            (Some(false), _) => Successor::Nobody,
            // Most primaries have to vote.
            (Some(true), true) if 2 * self.lost() >= self.used => Successor::NoQuorum,
            (Some(true), true) => Successor::Ready,
            (Some(true), false) => match quorum(status) {
                Some(Health::Unhealthy) => Successor::NoQuorum,
                Some(_) => Successor::Ready,
                None => Successor::Unknown,
            },
        }
    }
}

/// Whether sentinels can agree, as far as they were asked.
fn quorum(status: &Status) -> Option<Health> {
    status.overall_health.entries.get("sentinel_quorum")?.status
}

fn comes_back(successor: Successor) -> Said {
    match successor {
        Successor::Ready => {
            let text = "Yes: a replica can take over, and the cache follows it by itself.";
            Said::new(Level::Notice, text)
        }
        Successor::Nobody => {
            let text = "Not without help: no replica answers that could take over. The cache comes back by itself \
                        as soon as the server does.";
            Said::new(Level::Trouble, text)
        }
        Successor::NoQuorum => {
            let text = "Not without help: a replica answers, and too few are left of those who would have to agree \
                        that it takes over. The cache comes back by itself as soon as the server does.";
            Said::new(Level::Trouble, text)
        }
        Successor::Unknown => {
            let text = "The cache comes back by itself as soon as the server does. Whether anybody takes over for \
                        it is unknown.";
            Said::new(Level::Notice, text)
        }
    }
}

/// Whether a replica answers that others would make the primary; `None` if that is not known.
fn has_replica(nodes: &[ServerStatus]) -> Option<bool> {
    let is_at_work = |node: &&ServerStatus| node.is_in_use && node.is_connected == Some(true);
    let follows_one_at_work = |node: &ServerStatus| {
        let history = node.history.as_ref();
        history.is_some()
            && nodes.iter().filter(is_at_work).any(|it| it.history.as_ref() == history)
    };
    let answers = |node: &&ServerStatus| node.is_connected != Some(false);
    let possible = nodes.iter().filter(|node| !node.is_in_use).filter(answers);
    let mut possible = possible.filter(|node| !follows_one_at_work(node));
    let is_ready = |node: &ServerStatus| node.is_connected?.then_some(node.is_replica?);
    // One that answered decides; of one that nobody has asked yet nothing is known.
    possible.try_fold(false, |any, node| Some(any || is_ready(node)?))
}
