//! Names and values as they are in a store, page by page.

use std::time::Duration;

use crate::backend::node::Node;

/// A node that holds names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScannedNode {
    /// Its number.
    pub node: Node,
    /// Where it is.
    pub endpoint: String,
    /// Another one whenever it may have got names of another node.
    pub term: u64,
}

impl ScannedNode {
    /// A node as it is now.
    pub fn new(node: Node, endpoint: impl Into<String>, term: u64) -> Self {
        Self { node, endpoint: endpoint.into(), term }
    }
}

/// How far a node has been gone through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScanCursor {
    /// What the node calls the place; 0 is the beginning.
    pub position: u64,
}

impl ScanCursor {
    /// Where every node begins.
    pub const START: Self = Self { position: 0 };

    /// A place; `None` for the end, which nodes call 0.
    pub fn at(position: u64) -> Option<Self> {
        (position != 0).then_some(Self { position })
    }
}

/// Some names of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScanPage {
    /// The names; may be none.
    pub names: Vec<String>,
    /// Where to go on; `None` at the end.
    pub next: Option<ScanCursor>,
}

impl ScanPage {
    /// A page.
    pub fn new(names: Vec<String>, next: Option<ScanCursor>) -> Self {
        Self { names, next }
    }
}

/// What is stored under a name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RawValue {
    /// Its bytes, as many as were asked for at most; `None` where it is nothing of ours, as a list is.
    pub bytes: Option<Vec<u8>>,
    /// How many bytes it has in all; `None` where it is not a text, or that is not known.
    pub length: Option<u64>,
    /// How long it has to live; `None` if it has no end.
    pub remaining: Option<Duration>,
}

impl RawValue {
    /// What is stored, in whole or in part.
    pub fn new(bytes: Option<Vec<u8>>, length: Option<u64>, remaining: Option<Duration>) -> Self {
        Self { bytes, length, remaining }
    }
}
