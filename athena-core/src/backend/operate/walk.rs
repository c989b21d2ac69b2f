//! Goes through all names of a cache, node by node.
//!
//! Invariant: a name that is there from the beginning to the end is found, also if it moves from one node
//! to another meanwhile: a node that has got names since it was gone through is gone through again.

use std::collections::HashMap;

use super::operator::Operator;
use super::scan::{ScanCursor, ScannedNode};
use crate::backend::failure::Failure;
use crate::backend::node::Node;

/// How often nodes are gone through anew at most, while names move.
const MOST_RESTARTS: usize = 64;

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
