//! What a node says of its place in replication and in its cluster.

use super::batch::{Batch, Malformed, Replies};

/// What a node says it is; where it does not say, there is none.
///
/// Who asks decides what else is told of a replica, and of a primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Role<R = (), P = ()> {
    /// It may be written to.
    Primary(P),
    /// It has what another node tells it.
    Replica(R),
}

impl<R, P> Role<R, P> {
    pub(crate) fn is_primary(&self) -> bool {
        matches!(self, Self::Primary(_))
    }

    pub(crate) fn is_replica(&self) -> bool {
        matches!(self, Self::Replica(_))
    }
}

impl Role<(), u64> {
    /// Names the past of the store; 0 if that is not known.
    ///
    /// Coherence 8: a replica's past is none of its own.
    pub(super) fn history(self) -> u64 {
        match self {
            Self::Primary(history) => history,
            Self::Replica(()) => 0,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Some(match field(text, "role")? {
            "master" => {
                let history = field(text, "master_replid").and_then(history);
                Self::Primary(history.unwrap_or_default())
            }
            _ => Self::Replica(()),
        })
    }
}

/// Asks a node for its role, and a primary for its history.
pub(super) fn ask_role(batch: &mut Batch) {
    batch.command("INFO").arg("replication");
}

/// Reads the reply to [`ask_role`]; nothing if the node does not say, or not to us.
pub(super) fn read_role(replies: &mut Replies) -> Result<Option<Role<(), u64>>, Malformed> {
    match replies.error() {
        Some(_) => Ok(None),
        None => Ok(Role::parse(&replies.text()?)),
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

/// The text after `name:` at the beginning of a line.
pub(super) fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
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
            (info("master", ID), Some(Role::Primary(0x00ff_0000_0000_000a))),
            (info("slave", ID), Some(Role::Replica(()))),
            (info("master", &ID[1..]), Some(Role::Primary(0))),
            (info("master", &ID.replace('a', "x")), Some(Role::Primary(0))),
            (info("master", "ä"), Some(Role::Primary(0))),
            ("role:master\r\n".to_owned(), Some(Role::Primary(0))),
            ("# Replication\r\n".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(Role::parse(&text), expected, "{text}");
        }
        assert_eq!(Role::Replica(()).history(), 0);
        assert_eq!(Role::Primary(7).history(), 7);
    }

    #[test]
    fn a_node_that_refuses_is_not_known() {
        let role = |line: &str| read_role(&mut replies(line)).ok();
        assert_eq!(role("-NOPERM no permissions\r\n"), Some(None));
        assert_eq!(role("$11\r\nrole:master\r\n"), Some(Some(Role::Primary(0))));
        assert_eq!(role("=10\r\ntxt:role:x\r\n"), Some(Some(Role::Replica(()))));
        assert_eq!(role(":1\r\n"), None);
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
