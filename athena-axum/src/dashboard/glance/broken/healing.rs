//! Whether what is broken heals by itself.

use athena_cache_core::{ServerStatus, Status};

use super::super::said::{Level, Said};
use super::super::words::seconds;
use super::Broken;

impl Broken {
    /// Whether it heals by itself.
    pub(in super::super) fn heals(&self, status: &Status) -> Said {
        if self.denied.is_some() {
            let text =
                "No. Somebody has to give the Redis user its rights, or us the right credentials.";
            return Said::new(Level::Trouble, text);
        }
        if !self.refusing.is_empty() {
            return Said::new(
                Level::Notice,
                "Not by the cache: the server answers and refuses. What it says is beside.",
            );
        }
        if !self.away.is_empty() {
            return comes_back(status);
        }
        if let Some((_, left)) = self.isolated.first() {
            let end = left.map(|left| format!(" in {}", seconds(left))).unwrap_or_default();
            return Said::new(
                Level::Notice,
                format!("Yes, when the isolation ends{end}, or when somebody resumes."),
            );
        }
        if !self.lacking.is_empty() {
            let text = "Yes: what nobody confirms yet is confirmed as soon as those who decide agree on the node.";
            return Said::new(Level::Notice, text);
        }
        if self.untrusted {
            return Said::new(
                Level::Notice,
                "Yes: memory answers again as soon as Redis announces changes again.",
            );
        }
        if self.journal.is_some() {
            return Said::new(Level::Notice, "Yes: they are sent before the node is read again.");
        }
        if self.functions.is_some() {
            return Said::new(
                Level::Notice,
                "Not by the cache: what the functions ask has to recover.",
            );
        }
        if !self.is_empty() {
            return Said::new(
                Level::Notice,
                "Not by itself: it is about the servers, see the checks.",
            );
        }
        Said::new(Level::Calm, "There is nothing to heal.")
    }
}

fn comes_back(status: &Status) -> Said {
    match can_take_over(status) {
        Some(true) => {
            let text = "Yes: a replica can take over, and the cache follows it by itself.";
            Said::new(Level::Notice, text)
        }
        Some(false) => {
            let text = "Not without help: no replica answers that could take over. The cache comes back by itself \
                        as soon as the server does.";
            Said::new(Level::Trouble, text)
        }
        None => {
            let text = "The cache comes back by itself as soon as the server does. Whether anybody takes over for \
                        it is unknown.";
            Said::new(Level::Notice, text)
        }
    }
}

/// Whether a replica answers that others would make the primary; `None` if that is not known.
pub(super) fn can_take_over(status: &Status) -> Option<bool> {
    match status.redis_cluster.kind.as_deref() {
        Some("sentinel" | "cluster") => {}
        Some("standalone") => return Some(false),
        _ => return None,
    }
    let answers = |node: &&ServerStatus| node.is_connected != Some(false);
    let mut possible = status.nodes.iter().filter(|node| !node.is_in_use).filter(answers);
    let is_ready = |node: &ServerStatus| node.is_connected?.then_some(node.is_replica?);
    // One that answered decides; of one that nobody has asked yet nothing is known.
    possible.try_fold(false, |any, node| Some(any || is_ready(node)?))
}
