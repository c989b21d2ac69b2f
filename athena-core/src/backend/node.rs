//! The nodes of a store, and what they say without being asked.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::maintenance::MaintenanceEvent;
use crate::excerpt::Excerpt;

/// A part of a store that works or fails as a whole: for Redis, an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node(u32);

impl Node {
    /// The node of a store that has one.
    pub const ONLY: Self = Self(0);

    /// A node by its number; give them out in order from 0, the same number to the same address.
    pub fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    pub fn number(self) -> u32 {
        self.0
    }
}

/// Where an answer came from, and what that is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// The connection; see [`Backend::epoch`](super::Backend::epoch).
    pub epoch: u64,
    /// Names the past of the store behind the node; 0 if that is not known.
    ///
    /// A store that took over from another one has a name of its own, since it may have forgotten what
    /// the other one acknowledged.
    pub history: u64,
    /// Whether this connection announces changes of whatever is read through it.
    pub tracks: bool,
    /// How long before the answer it was last confirmed that the node is the one that serves, by those
    /// who decide that; zero where the node itself knows.
    pub lag: Duration,
}

/// Hears of changes; called in a task of the backend: be quick, never block.
///
/// Announcements are heard in the order of the connection they came on: what was announced before an
/// answer is heard before that answer is returned.
pub type Listener = Arc<dyn Fn(&Change) + Send + Sync>;

/// Something happened to the nodes of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Another node took over what one has served.
    Failover(Failover),
    /// A connection was replaced although it was open, because nothing came back on it, or an operator asked for that.
    Reconnected {
        /// Where the node is.
        endpoint: String,
    },
    /// A node is about to be used over a new connection; nothing has been sent on it yet.
    Connected {
        /// The node.
        node: Node,
        /// See [`Proof::history`].
        history: u64,
    },
    /// What was read from a node is no longer announced when it changes: its connection is lost, or
    /// another node serves a part of its names.
    Unheard {
        /// The node.
        node: Node,
    },
    /// Names that were read have changed, or may have.
    Announced {
        /// Each is announced once; it is to be read again by whoever wants to hear more of it.
        names: Vec<String>,
    },
    /// Everything may have changed.
    Flushed,
    /// The store, or those who run it, announced its maintenance: a hint, which nothing relies on.
    Maintenance(Box<MaintenanceEvent>),
    /// Values hold up operations, of which one may have been given up: they are large, or the way is slow.
    ///
    /// Told before such an operation fails, or is dropped.
    Slow {
        /// Those values, whoever asked for them; if it is not known which it is, all that may be.
        names: Vec<String>,
        /// How many bytes they have, or were through.
        bytes: u64,
        /// For how long it was under way.
        took: Duration,
    },
    /// What was told as [`Slow`](Self::Slow), or a fill of it that was given up, is through by now, though nobody
    /// waited for it.
    Late {
        /// The values.
        names: Vec<String>,
        /// About how many bytes they were.
        bytes: u64,
        /// How long they took in all.
        took: Duration,
    },
}

/// A node that took over from another one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failover {
    /// Where the former node is.
    pub from: String,
    /// Where the new one is.
    pub to: String,
    /// What set it off.
    pub cause: Cause,
    /// From the first sign of it to the moment at which the new node can be used.
    pub took: Duration,
}

impl Failover {
    /// A failover that is over.
    pub fn new(
        from: impl fmt::Display,
        to: impl fmt::Display,
        cause: Cause,
        took: Duration,
    ) -> Self {
        let [from, to] = [Excerpt::of(from), Excerpt::of(to)].map(String::from);
        Self { from, to, cause, took }
    }
}

/// What set off a failover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// It was announced while the former node still answered.
    Planned,
    /// The former node failed first.
    Unplanned,
    /// It happened while nobody looked.
    Unknown,
}

impl Cause {
    /// A short name, as used in counters and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Unplanned => "unplanned",
            Self::Unknown => "unknown",
        }
    }
}
