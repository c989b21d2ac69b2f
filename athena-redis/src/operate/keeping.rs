//! Finds out whether a node keeps what it is given: as the health check of a cache does, by writing.
//!
//! Invariant: what is written has a name that no cache reads and a life of its own, and is removed. A replica that
//! nobody takes for the one that serves is given nothing.

use athena_cache_core::backend::Class;
use athena_cache_core::backend::operate::{Permission, StoreKind};
use tokio::time::Instant;

use super::state::OperationsState;
use crate::link::{Batch, Replies, Spare};
use crate::slot;
use crate::topology::KnownNode;

/// How long what is written lives if nobody removes it, in milliseconds.
const LIFE_MS: u64 = 60_000;

impl OperationsState {
    /// A name for that on a node; `None` if it is not to keep anything.
    pub(super) fn name_to_keep(
        &self,
        prefix: &str,
        known: &KnownNode,
        is_replica: Option<bool>,
    ) -> Option<String> {
        let number = fastrand::u64(..);
        if self.kind == StoreKind::Cluster {
            let serves = |slot| known.slots.iter().any(|slots| slots.contains(&slot));
            let mut partitions = slot::partitions().iter();
            let partition = partitions.find(|it| serves(slot::of(&format!("{{{it}}}"))))?;
            let name = format!("{prefix}{{{partition}}}@check:{number:016x}");
            return (is_replica == Some(false)).then_some(name);
        }
        let endpoint = known.endpoint.to_string();
        let is_used = || {
            let mut nodes = self.topology.nodes().into_iter();
            nodes.any(|node| self.topology.endpoint(node) == endpoint)
        };
        let is_to_keep = is_replica == Some(false) || is_used();
        is_to_keep.then(|| format!("{prefix}@check:{number:016x}"))
    }
}

/// Writes, reads and removes a name.
pub(super) async fn keeps(spare: &Spare, name: &str, deadline: Instant) -> Permission {
    let value = format!("{:016x}", fastrand::u64(..));
    let mut batch = Batch::new();
    batch.command("SET").arg(name).arg(&value).arg("PX").number(LIFE_MS);
    batch.command("GET").arg(name);
    batch.command("DEL").arg(name);
    match spare.exchange(&batch, deadline).await {
        Ok(mut replies) => read(&mut replies, &value),
        // As one that holds back writes for a planned hand-over.
        Err(failure) => Permission::Refused(failure.to_string()),
    }
}

fn read(replies: &mut Replies, value: &str) -> Permission {
    let refused =
        |replies: &mut Replies| replies.error().map(|(class, why)| (class, why.to_string()));
    match refused(replies) {
        // It has given the slot away since; a replica that is asked to write says so as well.
        Some((Class::Moved, why)) if !why.contains("READONLY") => return Permission::Unknown,
        Some((_, why)) => return Permission::Refused(why),
        None => replies.skip(1),
    }
    if let Some((_, why)) = refused(replies) {
        return Permission::Refused(why);
    }
    if !matches!(replies.bytes(), Ok(Some(read)) if read == value.as_bytes()) {
        return Permission::Refused("what was written is not what is read".to_owned());
    }
    match refused(replies) {
        Some((_, why)) => Permission::Refused(why),
        None => Permission::Granted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_has_to_be_read_and_removed() {
        let found =
            |wire: &str| read(&mut Replies::of_wire(&format!("*3\r\n{wire}")).list().unwrap(), "v");
        let refused = |why: &str| Permission::Refused(why.to_owned());
        for (wire, expected) in [
            ("+OK\r\n$1\r\nv\r\n:1\r\n", Permission::Granted),
            ("-OOM full\r\n_\r\n:0\r\n", refused("OOM full")),
            ("-NOREPLICAS too few\r\n_\r\n:0\r\n", refused("NOREPLICAS too few")),
            ("-READONLY a replica\r\n_\r\n:0\r\n", refused("READONLY a replica")),
            ("-MOVED 1 b:2\r\n_\r\n:0\r\n", Permission::Unknown),
            ("+OK\r\n_\r\n:1\r\n", refused("what was written is not what is read")),
            ("+OK\r\n$1\r\nw\r\n:1\r\n", refused("what was written is not what is read")),
            ("+OK\r\n$1\r\nv\r\n-NOPERM del\r\n", refused("NOPERM del")),
        ] {
            assert_eq!(found(wire), expected, "{wire:?}");
        }
    }
}
