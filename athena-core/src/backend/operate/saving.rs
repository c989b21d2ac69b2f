//! What came of having the nodes save what they hold.

use std::time::Duration;

use serde::Serialize;

use super::survey::millis;

/// A node that was to save what it holds to its disk.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SavedNode {
    /// Where it is.
    pub endpoint: String,
    /// What came of it.
    pub saving: Saving,
    /// How long that took.
    #[serde(rename = "tookMs", serialize_with = "millis")]
    pub took: Option<Duration>,
}

/// What came of a save.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Saving {
    /// It is on the disk: the node has ended a save that was begun for us, and says that it succeeded.
    Done {
        /// When, by the clock of the node: seconds since 1970.
        at: u64,
    },
    /// The node does not do that, or not for us; why.
    Unsupported(String),
    /// It did not end well, or not in time; why.
    Failed(String),
}

impl SavedNode {
    /// What came of it at a node.
    pub fn new(endpoint: impl Into<String>, saving: Saving, took: Option<Duration>) -> Self {
        Self { endpoint: endpoint.into(), saving, took }
    }
}
