//! The cluster as one node sees it: `CLUSTER NODES`.

use super::super::resp::Reply;
use super::super::server::RedisServer;

/// What one node knows of another, or of itself.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) port: u16,
    /// The one it follows.
    pub(super) primary: Option<String>,
    pub(super) epoch: u64,
    pub(super) id: String,
    flags: Vec<String>,
    connected: bool,
    /// First and last of each range.
    pub(super) slots: Vec<(u16, u16)>,
}

/// Asks a node; none if it does not answer soon.
pub(super) fn of(node: &RedisServer) -> Option<Vec<Line>> {
    match node.ask(&["CLUSTER", "NODES"]).ok()? {
        Reply::Bytes(text) => {
            String::from_utf8_lossy(&text).lines().map(Line::parse).collect::<Option<_>>()
        }
        _ => None,
    }
}

impl Line {
    pub(super) fn is_myself(&self) -> bool {
        self.has("myself")
    }

    pub(super) fn is_primary(&self) -> bool {
        self.has("master")
    }

    /// Whether it is heard of and not held for dead.
    pub(super) fn is_well(&self) -> bool {
        let ill = ["handshake", "fail", "fail?", "noaddr"];
        self.connected && !ill.iter().any(|flag| self.has(flag))
    }

    pub(super) fn owns(&self, slot: u16) -> bool {
        self.slots.iter().any(|&(first, last)| (first..=last).contains(&slot))
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|it| it == flag)
    }

    /// `id ip:port@bus[,host] flags primary ping pong epoch link [slot|first-last|[moving]…]`
    fn parse(line: &str) -> Option<Self> {
        let words: Vec<_> = line.split(' ').collect();
        let [id, address, flags, primary, _, _, epoch, state, slots @ ..] = &words[..] else {
            return None;
        };
        let port = address.split('@').next()?.rsplit(':').next()?.parse().ok()?;
        let settled = slots.iter().filter(|slot| !slot.starts_with('['));
        let range = |slot: &&str| {
            let (first, last) = slot.split_once('-').unwrap_or((slot, slot));
            Some((first.parse().ok()?, last.parse().ok()?))
        };
        Some(Self {
            id: (*id).to_owned(),
            port,
            flags: flags.split(',').map(str::to_owned).collect(),
            primary: (*primary != "-").then(|| (*primary).to_owned()),
            epoch: epoch.parse().ok()?,
            connected: *state == "connected",
            slots: settled.map(range).collect::<Option<_>>()?,
        })
    }
}
