//! What a store announces of its own maintenance: one model, whatever tells it.
//!
//! Invariant: an announcement is a hint. Everything works without it, and whatever is done for it ends by itself.

use std::time::Duration;

/// Something that a store, or those who run it, announced about one of its nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaintenanceEvent {
    /// Who told it.
    pub source: MaintenanceSource,
    /// What happens.
    pub kind: MaintenanceKind,
    /// The host of the node, as it was told; `None` if it was not. The one that told it, if that is a node itself.
    pub node: Option<String>,
    /// The ports that the node may be reached by, as they were told; where its host was not, they tell which it is.
    pub ports: Vec<u32>,
    /// Whether the node is a replica; where that was not told, it counts as the primary.
    pub is_replica: Option<bool>,
    /// In how long it begins, as of when it was told; zero for what lies in the past. `None` if it was not told.
    pub starts_in: Option<Duration>,
    /// For how long it goes on; `None` if it was not told.
    pub lasts: Option<Duration>,
    /// The number of the announcement, which may be made by each node and again on each connection.
    pub number: Option<i64>,
    /// Whether it came while a connection was made, and may be hours old.
    pub is_repeated: bool,
}

/// Who told of a maintenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MaintenanceSource {
    /// The channel `AzureRedisEvents`.
    AzureChannel,
    /// A RESP3 push on the connection.
    Push,
    /// A person.
    Operator,
}

/// What is announced.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MaintenanceKind {
    /// It is planned, minutes ahead; it may come to nothing.
    Scheduled,
    /// It begins within a minute.
    Starting,
    /// It begins now: connections are about to be closed.
    Imminent,
    /// A node is being replaced, or names move away; its answers are slow meanwhile.
    FailingOver,
    /// Another node has taken over, or names have moved.
    FailedOver,
    /// The node closes its connections soon, and is found there from then on, or where it was configured.
    Moving {
        /// The address, if there is another one.
        to: Option<String>,
    },
    /// Slots have moved to other nodes.
    SlotsMoved,
    /// There are other nodes than before.
    TopologyChanged,
    /// It is over.
    Ended,
    /// Something that is not known.
    Unknown(String),
}

impl MaintenanceSource {
    /// A short name, as used in events and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::AzureChannel => "azure channel",
            Self::Push => "push",
            Self::Operator => "operator",
        }
    }
}

impl MaintenanceKind {
    /// A short name, as used in events and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Starting => "starting",
            Self::Imminent => "imminent",
            Self::FailingOver => "failing over",
            Self::FailedOver => "failed over",
            Self::Moving { .. } => "moving",
            Self::SlotsMoved => "slots moved",
            Self::TopologyChanged => "topology changed",
            Self::Ended => "ended",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl MaintenanceEvent {
    /// An announcement that says nothing more.
    pub fn new(source: MaintenanceSource, kind: MaintenanceKind) -> Self {
        Self {
            source,
            kind,
            node: None,
            ports: Vec::new(),
            is_replica: None,
            starts_in: None,
            lasts: None,
            number: None,
            is_repeated: false,
        }
    }
}
