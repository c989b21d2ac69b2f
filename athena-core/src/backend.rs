//! The byte store that the remote tier speaks to.
//!
//! Invariant: a backend never decides anything about freshness. It moves bytes, answers at once when
//! it is not connected, and says of every failure what class it belongs to.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use self::ability::Ability;
pub use self::changes::{
    Advance, ChangeLog, LogBreak, LogCursor, LogPage, LogPosition, LogPulse, LogRecord, LogTurn,
    LoggedChange, LoggedChanges, LoggedInvalidation, Parked, WHOLE, changes_since, log_name,
    outbox_name,
};
pub use self::failure::{Class, Failure};
pub use self::maintenance::{MaintenanceEvent, MaintenanceKind, MaintenanceSource};
pub use self::node::{Cause, Change, Failover, Listener, Node, Proof};
pub use self::operation::{
    Absent, Bump, Ensured, Fill, Filled, Found, Generation, Item, Lasting, LeaseRequest, Leased,
    Proposal, Stored, Token,
};

pub use crate::excerpt::{Excerpt, Line, Message};

use self::operate::Operator;

mod ability;
mod changes;
mod failure;
mod maintenance;
mod node;
pub mod operate;
mod operation;

/// A remote byte store: Redis in production, memory in tests.
///
/// Keys are complete names (namespace included), printable ASCII, at most about 400 bytes. Names that
/// belong to one entry share the part between the first `{` and the next `}`, so that a sharded
/// store keeps them together. Every method may be cancelled at any await: a cancelled write may or
/// may not have happened, and nothing else.
///
/// A store may have several [nodes](Node), which fail apart from each other. The cache asks
/// [`node`](Self::node) who serves a name and calls once per node, so that each has breakers of its
/// own; the backend copes with names that have moved since.
///
/// An implementation that passes the suite in `conformance` (feature `testing`) is one the cache can
/// rely on.
///
/// # Errors
///
/// Every method returns a [`Failure`] when the store did not do, or may not have done, what was
/// asked. Absence is not a failure.
#[async_trait]
pub trait Backend: fmt::Debug + Send + Sync + 'static {
    /// Reads values with their remaining life, and generations; one round trip.
    ///
    /// The remaining life must belong to the value returned or to an earlier one, never to a later
    /// one. Bytes of a foreign type at a value's name read as absent.
    async fn read(&self, values: &[&str], generations: &[&str]) -> Result<Found, Failure>;

    /// Completes generations: a missing one is created as proposed, one that would end too soon is let live on.
    ///
    /// Each has at least its proposal's life before it when this returns. That one lives on is announced as a
    /// change of it, which empties it from every memory: so it is given twice that life, and nothing while it
    /// has it. Answers the generations that hold now, in the order of the request.
    async fn ensure(&self, proposals: &[Proposal<'_>]) -> Result<Ensured, Failure>;

    /// Completes generations as [`ensure`](Self::ensure) does, then asks for the lease of an entry.
    ///
    /// The lease is set to the token if nobody holds it, and not before the generations are
    /// complete. Never attempted twice with one token.
    async fn lease(&self, request: LeaseRequest<'_>) -> Result<Leased, Failure>;

    /// Stores a value and ends its lease, if the lease still holds the token.
    ///
    /// Refused as well if it would travel on another connection than the lease did: the store behind
    /// that one may have forgotten an invalidation.
    async fn fill(&self, fill: Fill<'_>) -> Result<Filled, Failure>;

    /// Lets a lease live for so long from now on, if it still holds the token; tells whether it does.
    async fn extend(&self, lease: &str, token: Token, life: Duration) -> Result<bool, Failure>;

    /// Ends a lease, if it still holds the token.
    async fn release(&self, lease: &str, token: Token) -> Result<(), Failure>;

    /// Ends a lease that nobody can hold; tells whether it did.
    ///
    /// That is one whose bytes are no [`Token`], or that has no end, or one later than after `longest`: somebody
    /// else has written it. One that has been granted stays as it is. A backend where nobody else writes need not
    /// do anything.
    async fn oust(&self, _lease: &str, _longest: Duration) -> Result<bool, Failure> {
        Ok(false)
    }

    /// Removes names, present or not.
    async fn remove(&self, names: &[String]) -> Result<(), Failure>;

    /// Shortens the remaining life of values; never lengthens it. Absent names are skipped.
    async fn shorten(&self, names: &[String], life: Duration) -> Result<(), Failure>;

    /// Overwrites generations, in the order given; each that is there keeps the life that it has.
    async fn bump(&self, bumps: &[Bump<'_>]) -> Result<(), Failure>;

    /// Asks a node for a sign of life, on the connection that its operations use.
    ///
    /// The answer proves that everything which that connection had to announce before the question has
    /// been announced. A node that says it is not the one that serves is a [`Class::Moved`].
    async fn prove(&self, node: Node) -> Result<Proof, Failure>;

    /// The node that serves a name now, as far as is known; asks nobody.
    fn node(&self, _name: &str) -> Node {
        Node::ONLY
    }

    /// The nodes that serve names now, each once.
    fn nodes(&self) -> Vec<Node> {
        vec![Node::ONLY]
    }

    /// A text that, put in braces, makes a name that is served by the node of another one.
    ///
    /// `None` where one node serves every name. What depends on all entries of a node is kept under
    /// such names, so that no entry depends on a node that does not hold it. A name has the same partition
    /// for ever; its neighbours may move to another node later.
    fn partition(&self, _name: &str) -> Option<&str> {
        None
    }

    /// Every partition that [`partition`](Self::partition) may answer; empty where one node serves every name.
    fn partitions(&self) -> &[String] {
        &[]
    }

    /// Takes over the cache's limit for one operation, before the first one and when it changes.
    ///
    /// A backend with a limit of its own replaces it by this one: with two of them, the shorter would
    /// hide from the other what takes too long.
    fn limit_attempts(&self, _timeout: Duration) {}

    /// Takes what all names of a cache that uses the backend begin with; called once by each of them.
    ///
    /// A backend that may do different things with different names can find out what it may with these.
    fn expect_names(&self, _prefix: &str) {}

    /// Whether a node is known not to let us do something; asks nobody.
    ///
    /// Nothing is known of a node that is not connected. A lease is not asked of a node that lacks
    /// [`Ability::Lease`], and one that nobody could give back must not be granted.
    fn lacks(&self, _node: Node, _ability: Ability) -> bool {
        false
    }

    /// Whether those who decide who serves stand by a node; of one that nobody decides about, yes.
    ///
    /// Until they do, it [lacks](Self::lacks) [`Ability::Invalidate`]. It is told apart from a right that is lacking,
    /// which somebody has to grant.
    fn is_confirmed(&self, _node: Node) -> bool {
        true
    }

    /// Takes the one who wants to hear of changes in the store's nodes; called once by each cache
    /// that uses the backend.
    fn listen(&self, _listener: Listener) {}

    /// Numbers the connection to a node; 0 before the first.
    ///
    /// Numbers grow and are never used twice, whatever the node. A change means that the store may
    /// have missed or forgotten something since.
    fn epoch(&self, node: Node) -> u64;

    /// Changes, growing, whenever there is news that a node may answer again.
    ///
    /// Its breaker then lets an operation through, whatever time it meant to wait. At least a new
    /// [`epoch`](Self::epoch) is such news.
    fn revivals(&self, node: Node) -> u64 {
        self.epoch(node)
    }

    /// Whether an operation sent to a node now would reach it, as far as is known.
    fn is_ready(&self, node: Node) -> bool;

    /// Whether a node was answering when an operation was given up that was just dropped: nothing is wrong with
    /// it, and [`Class::Slow`] is what the operation has failed with.
    ///
    /// Which values are to blame is told as [`Change::Slow`].
    fn is_answering(&self, _node: Node) -> bool {
        false
    }

    /// The most bytes that a node takes as one value, as far as is known; asks nobody.
    ///
    /// What is larger is not sent: a server may end the connection for it.
    fn max_value(&self, _node: Node) -> u64 {
        u64::MAX
    }

    /// The setting of this process that [`max_value`](Self::max_value) is due to, if it is; for messages.
    fn max_value_setting(&self, _node: Node) -> Option<&'static str> {
        None
    }

    /// Operations that a node was sent and has not answered.
    fn in_flight(&self, _node: Node) -> usize {
        0
    }

    /// What an operator may ask of the store, where it can be asked.
    fn operator(&self) -> Option<Arc<dyn Operator>> {
        None
    }

    /// Where a node is, for logs; never credentials.
    fn endpoint(&self, node: Node) -> String;

    /// The log of invalidations that the store can keep, for a second region; `None` if it keeps none.
    ///
    /// It is asked for nothing unless regions are configured.
    fn changes(&self) -> Option<&dyn ChangeLog> {
        None
    }

    /// Ends connections and background tasks; later operations fail as [`Class::Closed`].
    async fn close(&self);
}
