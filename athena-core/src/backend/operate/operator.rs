//! The questions.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::change::ValueChange;
use super::examination::Examination;
use super::fleet::{FleetMember, Membership};
use super::saving::SavedNode;
use super::scan::{RawValue, ScanCursor, ScanPage, ScannedNode};
use super::sentinels::SentinelReport;
use super::survey::Survey;
use crate::backend::failure::{Class, Failure};
use crate::backend::node::Node;

/// What an operator may ask of a backend; [`Backend::operator`](crate::backend::Backend::operator) has it.
///
/// For people, probes and tools: nothing of it is needed to read or keep an entry. Every question has a
/// limit, and is answered by then with what is known.
#[async_trait]
pub trait Operator: fmt::Debug + Send + Sync {
    /// Asks every node that is known how it is; side by side, and each no longer than `limit`.
    ///
    /// Never fails: a node that does not answer is an entry with an error. An answer is good for 1 s, and
    /// whoever asks meanwhile is given the same one.
    async fn survey(&self, limit: Duration) -> Arc<Survey>;

    /// Asks every node for what bears on how well a cache works with it; side by side, each no longer than
    /// `limit`. `prefix` is what the names of the cache begin with.
    ///
    /// Changes nothing that stays: those that serve are given a name of their own, which is removed. What a node
    /// does not let us ask is `None` in its entry.
    async fn examine(&self, prefix: &str, limit: Duration) -> Examination;

    /// Has the connection to each node that serves replaced by a new one, once that answers, and a node that is not
    /// reached tried again soon; waits for nothing.
    ///
    /// It comes on top of what a backend does by itself, and never beside it: a node that has just been tried is not
    /// tried at once again. What has no connections has nothing to do.
    fn reconnect(&self) {}

    /// Asks each sentinel what it knows; `None` where there are none.
    async fn sentinels(&self, _limit: Duration) -> Option<SentinelReport> {
        None
    }

    /// The nodes that hold names now, with what changes when one of them gets names of another; asks nobody.
    fn scanned_nodes(&self) -> Vec<ScannedNode>;

    /// Lists some of the names on a node that are of a cache whose names begin with `prefix`, from a place on.
    ///
    /// About `count` names are looked at. A name that is there all the time is listed at least once, perhaps
    /// more than once; see [`Scan`](super::Scan), which goes through all nodes.
    ///
    /// # Errors
    ///
    /// The node did not answer, or serves no names any more.
    async fn scan(
        &self,
        node: Node,
        from: ScanCursor,
        prefix: &str,
        count: usize,
    ) -> Result<ScanPage, Failure>;

    /// Reads what is stored under names, at most `most` bytes of each, with the remaining lives.
    ///
    /// In the order of the names; `None` for one that is not there. Nobody is told of changes for it.
    ///
    /// # Errors
    ///
    /// A node did not answer.
    async fn stored(&self, names: &[String], most: usize)
    -> Result<Vec<Option<RawValue>>, Failure>;

    /// Does each of these if its value is what it was found to be, and tells of each whether it was done.
    ///
    /// In the order given, each by itself: after an error some may be done.
    ///
    /// # Errors
    ///
    /// A node did not answer, or does not let us; or this store has no such thing.
    async fn change(&self, _changes: &[ValueChange<'_>]) -> Result<Vec<bool>, Failure> {
        Err(Failure::new(Class::Rejected, "this store cannot compare what it holds and change it"))
    }

    /// Has every node that holds names save what it holds, side by side, and waits until they have, no longer
    /// than `limit`.
    ///
    /// Empty where nothing can be saved.
    async fn save(&self, _limit: Duration) -> Vec<SavedNode> {
        Vec::new()
    }

    /// Puts a process into the fleet of those that use a prefix, for so long, and drops who has not come again.
    ///
    /// # Errors
    ///
    /// The node did not take it, or the document is longer than [`Membership::LONGEST`].
    async fn join_fleet(&self, prefix: &str, membership: &Membership) -> Result<(), Failure>;

    /// Takes a process out of the fleet, as when it ends.
    ///
    /// # Errors
    ///
    /// The node did not do it; the process is shown as missing then, and dropped in time.
    async fn leave_fleet(&self, prefix: &str, id: &str) -> Result<(), Failure>;

    /// The processes that use a prefix, sorted by their ids, with what each has written last.
    ///
    /// 1024 at most, those that came last, and of each no more than it may say: what is there beyond that was not
    /// written by a cache, and is left out.
    ///
    /// # Errors
    ///
    /// The node did not answer.
    async fn fleet(&self, prefix: &str) -> Result<Vec<FleetMember>, Failure>;
}
