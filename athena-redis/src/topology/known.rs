//! Which nodes there are, as far as is known; for operators, who ask each.
//!
//! Invariant: nobody is listed for being asked on the word of one node alone, beyond a few: whoever is asked is
//! told the password.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::url::Endpoint;

/// Nodes and sentinels.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownNodes {
    /// The data nodes, each once.
    pub(crate) nodes: Vec<KnownNode>,
    /// The sentinels, if there are such.
    pub(crate) sentinels: Vec<Endpoint>,
    /// What sentinels call the primary.
    pub(crate) service: Option<Arc<str>>,
    /// Why it is not known who serves, if so.
    pub(crate) error: Option<String>,
}

/// A data node.
#[derive(Debug, Clone)]
pub(crate) struct KnownNode {
    pub(crate) endpoint: Endpoint,
    /// Whether it follows another one, by what is known of it.
    pub(crate) is_replica: Option<bool>,
    pub(crate) slots: Vec<RangeInclusive<u16>>,
    pub(crate) is_to_be_asked: bool,
}

impl KnownNode {
    /// A node of which nothing more is known.
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, is_replica: None, slots: Vec::new(), is_to_be_asked: true }
    }
}
