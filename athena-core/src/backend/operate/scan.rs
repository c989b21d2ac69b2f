//! Goes through all names of a cache, node by node.
//!
//! Invariant: a name that is there from the beginning to the end is found, also if it moves from one node
//! to another meanwhile: a node that has got names since it was gone through is gone through again.

use std::collections::HashMap;
use std::time::Duration;

use super::Operator;
use crate::backend::failure::Failure;
use crate::backend::node::Node;

/// How often nodes are gone through anew at most, while names move.
const MOST_RESTARTS: usize = 64;

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

/// Goes through all names of a cache; see [`next`](Self::next).
#[derive(Debug)]
pub struct Scan<'a> {
    operator: &'a dyn Operator,
    prefix: &'a str,
    count: usize,
    /// The node that is gone through, and how far.
    current: Option<(ScannedNode, ScanCursor)>,
    /// The terms of those that were gone through.
    done: HashMap<Node, u64>,
    restarts: usize,
}

impl<'a> Scan<'a> {
    /// Goes through the names that begin with `prefix`, and looks at about `count` names of a node at a time.
    pub fn new(operator: &'a dyn Operator, prefix: &'a str, count: usize) -> Self {
        Self { operator, prefix, count, current: None, done: HashMap::new(), restarts: 0 }
    }

    /// The next names, perhaps none; `None` at the end. A name may come more than once.
    ///
    /// After an error it goes on with the next node, so that nodes fail apart.
    pub async fn next(&mut self) -> Option<Result<Vec<String>, Failure>> {
        let (node, from) = self.place()?;
        let page = self.operator.scan(node.node, from, self.prefix, self.count).await;
        let next = page.as_ref().ok().and_then(|page| page.next);
        match next {
            Some(next) => self.current = Some((node, next)),
            None => drop(self.done.insert(node.node, node.term)),
        }
        Some(page.map(|page| page.names))
    }

    /// Whether names moved for so long that some may not have been found.
    pub fn is_incomplete(&self) -> bool {
        self.restarts > MOST_RESTARTS
    }

    /// Where to go on: with the node under way, from its beginning if it may have got names meanwhile; else with
    /// one that was not gone through as it is now.
    fn place(&mut self) -> Option<(ScannedNode, ScanCursor)> {
        let nodes = self.operator.scanned_nodes();
        if let Some((node, from)) = self.current.take() {
            match nodes.iter().find(|now| now.node == node.node) {
                Some(now) if now.term != node.term && self.may_restart() => {
                    return Some((now.clone(), ScanCursor::START));
                }
                Some(_) => return Some((node, from)),
                None => {}
            }
        }
        if let Some(new) = nodes.iter().find(|node| !self.done.contains_key(&node.node)) {
            return Some((new.clone(), ScanCursor::START));
        }
        let changed = nodes.iter().find(|node| self.done.get(&node.node) != Some(&node.term))?;
        self.may_restart().then(|| (changed.clone(), ScanCursor::START))
    }

    fn may_restart(&mut self) -> bool {
        self.restarts = (self.restarts + 1).min(MOST_RESTARTS + 1);
        !self.is_incomplete()
    }
}

#[cfg(test)]
mod tests;
