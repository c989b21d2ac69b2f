//! What a node says of its place in replication and in its cluster, and of what it has evicted.

use super::batch::{Batch, Malformed, Replies};

/// The reply to `INFO replication`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReplicationRole {
    /// It may be written to; its history is 0 if it does not tell one.
    Primary { history: u64 },
    /// It has what another node tells it, whose history is none of its own.
    Replica,
    /// It does not say, or not to us.
    Unknown,
}

impl ReplicationRole {
    pub(super) fn ask(batch: &mut Batch) {
        batch.command("INFO").arg("replication");
    }

    /// Reads the reply to [`ask`](Self::ask); a server that refuses to tell is one that is not known.
    pub(super) fn read(replies: &mut Replies) -> Result<Self, Malformed> {
        match replies.error() {
            Some(_) => Ok(Self::Unknown),
            None => Ok(Self::parse(&replies.text()?)),
        }
    }

    /// Names the past of the store; 0 if that is not known.
    pub(super) fn history(self) -> u64 {
        match self {
            Self::Primary { history } => history,
            Self::Replica | Self::Unknown => 0,
        }
    }

    fn parse(text: &str) -> Self {
        match field(text, "role") {
            Some("master") => {
                let history = field(text, "master_replid").and_then(history).unwrap_or_default();
                Self::Primary { history }
            }
            Some(_) => Self::Replica,
            None => Self::Unknown,
        }
    }
}

/// Asks a member of a cluster whether the cluster serves.
pub(super) fn ask_state(batch: &mut Batch) {
    batch.command("CLUSTER").arg("INFO");
}

/// Reads the reply to [`ask_state`]; nothing if the node does not say.
pub(super) fn read_state(replies: &mut Replies) -> Result<Option<String>, Malformed> {
    match replies.error() {
        Some(_) => Ok(None),
        None => Ok(field(&replies.text()?, "cluster_state").map(str::to_owned)),
    }
}

/// Asks how many entries were evicted so far.
pub(super) fn ask_evicted(batch: &mut Batch) {
    batch.command("INFO").arg("stats");
}

/// Reads the reply to [`ask_evicted`]; nothing if the node does not say.
pub(super) fn read_evicted(replies: &mut Replies) -> Result<Option<u64>, Malformed> {
    match replies.error() {
        Some(_) => Ok(None),
        None => Ok(field(&replies.text()?, "evicted_keys").and_then(|count| count.parse().ok())),
    }
}

/// The text after `name:` at the beginning of a line.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}

/// A number from the first 16 of 40 hexadecimal digits.
fn history(id: &str) -> Option<u64> {
    let is_id = id.len() == 40 && id.bytes().all(|digit| digit.is_ascii_hexdigit());
    u64::from_str_radix(id.get(..16).filter(|_| is_id)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use redis::Value;

    use super::*;
    use crate::link::origin::Origin;

    const ID: &str = "00ff00000000000a2d3b0f50c7a3c9d5c0d0e0f0";

    fn replies(line: &str) -> Replies {
        let value = redis::parse_redis_value(line.as_bytes()).unwrap();
        Replies::new(vec![value], Origin::Nowhere)
    }

    #[test]
    fn a_node_tells_its_role_and_its_history() {
        let info = |role: &str, id: &str| {
            format!("# Replication\r\nrole:{role}\r\nconnected_slaves:0\r\nmaster_replid:{id}\r\n")
        };
        for (text, expected) in [
            (info("master", ID), ReplicationRole::Primary { history: 0x00ff_0000_0000_000a }),
            (info("slave", ID), ReplicationRole::Replica),
            (info("master", &ID[1..]), ReplicationRole::Primary { history: 0 }),
            (info("master", &ID.replace('a', "x")), ReplicationRole::Primary { history: 0 }),
            (info("master", "ä"), ReplicationRole::Primary { history: 0 }),
            ("role:master\r\n".to_owned(), ReplicationRole::Primary { history: 0 }),
            ("# Replication\r\n".to_owned(), ReplicationRole::Unknown),
            (String::new(), ReplicationRole::Unknown),
        ] {
            assert_eq!(ReplicationRole::parse(&text), expected, "{text}");
        }
        assert_eq!(ReplicationRole::Replica.history(), 0);
        assert_eq!(ReplicationRole::Primary { history: 7 }.history(), 7);
    }

    #[test]
    fn a_node_that_refuses_is_not_known() {
        let role = |line: &str| ReplicationRole::read(&mut replies(line)).ok();
        assert_eq!(role("-NOPERM no permissions\r\n"), Some(ReplicationRole::Unknown));
        assert_eq!(role("$11\r\nrole:master\r\n"), Some(ReplicationRole::Primary { history: 0 }));
        assert_eq!(role("=10\r\ntxt:role:x\r\n"), Some(ReplicationRole::Replica));
        assert_eq!(role(":1\r\n"), None);
    }

    #[test]
    fn a_node_tells_how_much_it_has_evicted() {
        let evicted = |text: &str| {
            let value = Value::BulkString(text.into());
            read_evicted(&mut Replies::new(vec![value], Origin::Nowhere)).unwrap()
        };
        assert_eq!(evicted("# Stats\r\nexpired_keys:3\r\nevicted_keys:17\r\n"), Some(17));
        assert_eq!(evicted("# Stats\r\nevicted_keys:many\r\n"), None);
        assert_eq!(evicted(""), None);
        assert_eq!(read_evicted(&mut replies("-NOPERM no\r\n")).unwrap(), None);
    }

    #[test]
    fn the_state_of_a_cluster_is_the_word_that_its_node_has_for_it() {
        let state = |text: &str| {
            let value = Value::BulkString(text.into());
            read_state(&mut Replies::new(vec![value], Origin::Nowhere)).unwrap()
        };
        let info = "cluster_state:fail\r\ncluster_slots_assigned:16384\r\n";
        assert_eq!(state(info).as_deref(), Some("fail"));
        assert_eq!(state("cluster_slots_assigned:16384\r\n"), None);
        assert!(read_state(&mut replies("-NOPERM no\r\n")).unwrap().is_none());
    }
}
