//! A remote tier as the pump sees it.
//!
//! Invariant (regions 18): whatever is changed here is marked in this process, also where the answer is lost.

use async_trait::async_trait;

use super::journal::Target;
use super::pump::PumpedRegion;
use super::{Remote, invalidate};
use crate::backend::{ChangeLog, Failure, LogRecord};
use crate::coherence::guards::Guard;
use crate::key::name::EntryName;
use crate::regions::Reach;
use crate::tag::Tag;

/// A region with the log that it keeps.
pub(super) struct PumpedRemote<'a> {
    remote: &'a Remote,
    log: &'a dyn ChangeLog,
}

impl Remote {
    /// The tier as the pump sees it; nothing where the store keeps no log.
    pub(super) fn pumped(&self) -> Option<PumpedRemote<'_>> {
        self.backend.changes().map(|log| PumpedRemote { remote: self, log })
    }

    /// Changes whenever there is news that a node may answer again.
    pub(super) fn revivals(&self) -> u64 {
        let nodes = self.backend.nodes().into_iter();
        nodes.fold(0, |sum, node| sum.wrapping_add(self.backend.revivals(node)))
    }

    /// What an invalidation elsewhere means here.
    fn targets_of(&self, reach: &Reach<'_>) -> Vec<Target> {
        match reach {
            Reach::Entry(name) => match EntryName::of(&self.namespace, name) {
                Some(entry) => vec![Target::Entry(entry)],
                // Nothing of ours is called so: whatever is meant, it is among all.
                None => self.everything(),
            },
            Reach::Tag(text) => vec![Target::Tag(Tag::new(*text))],
            Reach::Partitions(range) => {
                let partitions = self.backend.partitions().get(range.clone());
                let partitions = partitions.filter(|partitions| !partitions.is_empty());
                let named = |partition: &String| Target::Namespace(Some(partition.as_str().into()));
                partitions.map_or_else(|| self.everything(), |all| all.iter().map(named).collect())
            }
            Reach::All => self.everything(),
        }
    }

    async fn execute_reaches(&self, reaches: &[Reach<'_>]) -> Result<(), Failure> {
        let targets = reaches.iter().flat_map(|reach| self.targets_of(reach)).collect();
        let targets = invalidate::with_any_tag(targets);
        let _marks = Marks { remote: self, targets: &targets };
        let (_, failure) = self.send(&targets, self.write_deadline()).await;
        failure.map_or(Ok(()), Err)
    }
}

/// Marks targets at its end, however that comes.
struct Marks<'a> {
    remote: &'a Remote,
    targets: &'a [Target],
}

impl Drop for Marks<'_> {
    fn drop(&mut self) {
        if !self.remote.guards.lacks(Guard::PumpHears) {
            self.remote.hear_ourselves(self.targets);
        }
    }
}

#[async_trait]
impl PumpedRegion for PumpedRemote<'_> {
    fn log(&self) -> &dyn ChangeLog {
        self.log
    }

    fn partitions(&self) -> usize {
        self.remote.backend.partitions().len()
    }

    fn is_confirmed(&self, name: &str) -> bool {
        let node = self.remote.backend.node(name);
        let session = self.remote.announcements.sessions.present(node);
        session.is_some_and(|session| !session.is_in_doubt(self.remote.clock.now()))
    }

    async fn invalidate(&self, reaches: &[Reach<'_>]) -> Result<(), Failure> {
        self.remote.execute_reaches(reaches).await
    }

    /// The records follow from what is executed.
    async fn execute(&self, reaches: &[Reach<'_>], _records: &[LogRecord]) -> Result<(), Failure> {
        self.remote.execute_reaches(reaches).await
    }

    fn nonce(&self) -> u64 {
        self.remote.nonce()
    }
}
